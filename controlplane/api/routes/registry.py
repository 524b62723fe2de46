"""Owns the addresses of the definitions: for probers, and for the fleet file of people."""

import asyncio
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from starlette.responses import JSONResponse

from controlplane.api.access import DefinitionsReader, Viewer, require
from controlplane.api.context import DoorsGiven
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.records import AppliedAnswer, DefinitionsAnswer
from controlplane.api.versioned import versioned
from controlplane.application.doors import Applied
from controlplane.application.views import Principal

YAML = "application/yaml"

router = versioned("registry", "/registry")

DryRun = Annotated[bool, Query(description="Say what would change and change nothing.")]


@router.get(
    "/definitions",
    response_model=DefinitionsAnswer,
    responses={304: {"description": "They are still at the revision of `If-None-Match`."}},
)
async def definitions(
    doors: DoorsGiven, _: DefinitionsReader, if_none_match: Annotated[str, Header()] = ""
) -> Response:
    """What this replica works by, with adopted instances; the ETag is the revision. Probers read this."""
    revision = doors.registry.current().revision
    tag = f'"{revision}"'
    if tag in if_none_match:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse({"revision": revision, "fleet": doors.registry.mapping()}, headers={"ETag": tag})


def _applier(principal: Viewer, *, dry_run: DryRun = False) -> Principal:
    return principal if dry_run else require("admin", principal)


@router.post(
    "/apply",
    response_model=AppliedAnswer,
    responses=described(409, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A fleet file, at most 4 MiB.",
            "content": {YAML: {"schema": {"type": "string"}}},
        }
    },
)
async def apply(
    request: Request,
    doors: DoorsGiven,
    principal: Annotated[Principal, Depends(_applier)],
    *,
    dry_run: DryRun = False,
) -> Applied:
    """Take a fleet file as the definitions: all of it or nothing. A dry run needs the role viewer only."""
    return await doors.registry.apply(_text(await request.body()), by=principal.name, dry_run=dry_run)


@router.get("/export", response_class=Response, responses={200: {"content": {YAML: {}}}})
async def export(doors: DoorsGiven, _: Viewer) -> Response:
    """The definitions as a fleet file; applying it changes nothing."""
    return Response(await asyncio.to_thread(doors.registry.export), media_type=YAML)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(
            422,
            "invalid_request",
            f"The fleet file is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}.",
        ) from error
