"""Owns the description of the interface for programs: OpenAPI 3.1, made from the routes themselves."""

from typing import Any

from fastapi import FastAPI, Request
from pydantic.json_schema import models_json_schema
from starlette.responses import JSONResponse

from controlplane.api.access import Viewer
from controlplane.api.problems import Mistake, Problem
from controlplane.api.schemas.events import BeatAnswer, EventAnswer
from controlplane.api.versioned import versioned

DESCRIPTION = """\
Health checks, region failover and degradation switches, published through Consul KV.

Errors are `application/problem+json` with a stable `code`. Acts are *done* (200), *refused* (4xx: nothing has
changed) or *unknown* (202: sent, may still take effect, is being settled).
"""

router = versioned("interface")


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, _: Viewer) -> JSONResponse:
    """This description."""
    application: FastAPI = request.app
    return JSONResponse(_complete(application.openapi()))


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    """The framework knows the answers of the routes only; problems and events are added here, once."""
    models = (Problem, Mistake, EventAnswer, BeatAnswer)
    _, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] |= definitions["$defs"]
    return document
