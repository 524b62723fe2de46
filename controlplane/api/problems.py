"""Owns the shape of every error answer: `application/problem+json` (RFC 9457) with a stable code.

Codes are part of the interface: they are never renamed. `title` is the same for every problem of a code,
`detail` is about this one.
"""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from controlplane.api.tracing import trace_id

MEDIA_TYPE = "application/problem+json"

_TITLES = {
    "body_too_large": "The body is too large",
    "consul_unavailable": "Consul does not answer",
    "clock_tilt": "This replica's clock is wrong; nothing has changed",
    "contended": "Others kept being first; nothing has changed",
    "database_unavailable": "PostgreSQL does not answer",
    "document_too_large": "The switches would not fit their document; nothing has changed",
    "flip_not_allowed": "That cannot be asked of a switch; nothing has changed",
    "forbidden": "This token may not do that",
    "foreign_edit": "The document was changed past the control plane; nothing has changed",
    "history_full": "History cannot take up more; nothing has changed",
    "history_unreadable": "These bytes are no history of probes; nothing was stored",
    "idempotency_key_reused": "The Idempotency-Key belongs to another act; nothing has changed",
    "internal_error": "Something went wrong here",
    "invalid_fleet_file": "The fleet file has mistakes; nothing has changed",
    "invalid_request": "The request has mistakes; nothing was done",
    "leader_unreachable": "The leader cannot be reached",
    "method_not_allowed": "This address does not know that method",
    "not_found": "There is nothing at this address",
    "range_not_allowed": "This stretch of history cannot be told at once",
    "password_not_allowed": "That cannot be a password; nothing has changed",
    "registry_changed": "The definitions changed meanwhile; nothing has changed",
    "revision_changed": "The document changed meanwhile; nothing has changed",
    "switch_changed": "The switch changed meanwhile; nothing has changed",
    "timed_out": "The request took too long",
    "too_many_readers": "This replica serves as many streams as it may",
    "unauthenticated": "A token is needed",
    "unknown_account": "There is no such user or token",
    "unknown_document": "There is no such document",
    "unknown_group": "There is no such group",
    "unknown_revision": "There is no such revision",
    "unknown_service": "There is no such service, or it has no switches",
    "unknown_switch": "There is no such switch",
    "value_not_allowed": "The switch cannot have that value; nothing has changed",
}


class Mistake(BaseModel):
    """One thing that is wrong with what was sent."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    line: int | None = None
    """Line of the fleet file, from 1; absent where the input has no lines."""
    path: str
    """Where it stands: `services[0].checks[1].timeout`, `body.reason`, `query.limit`."""
    wrong: str
    """What is wrong."""
    allowed: str | None = None
    """What is allowed there, where that can be said."""


class Problem(BaseModel):
    """Why a request was not done."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    """Always `about:blank`: `code` tells problems apart."""
    title: str
    """The problem in general."""
    status: int
    """The HTTP status of this answer."""
    detail: str
    """This occurrence, in a sentence or two for people."""
    code: str
    """Stable, for programs: `forbidden`, `revision_changed`, `database_unavailable` and so on."""
    trace_id: str
    """Stands in the log lines of this request, too."""
    mistakes: list[Mistake] | None = None
    """Every mistake that was found; only with `invalid_request` and `invalid_fleet_file`."""


class ProblemError(HTTPException):
    """Ends a request with a problem.

    An `HTTPException`, because that is what FastAPI lets through when a body cannot be read.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, detail)
        self.code = code


class ProblemResponse(Response):
    """A problem as an answer; carries the trace id of the request under way."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        mistakes: list[Mistake] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        problem = Problem(
            title=_TITLES.get(code, "The request was refused; nothing has changed"),
            status=status,
            detail=detail,
            code=code,
            trace_id=trace_id(),
            mistakes=mistakes,
        )
        super().__init__(problem.model_dump_json(exclude_none=True), status, headers)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer, for the description of the interface."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
