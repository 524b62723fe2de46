"""Owns how the three answers to an act are told over HTTP.

    Done     200  it is in force
    Refused  4xx  a problem with the refusal's code: nothing has changed
    Unknown  202  it was sent and may still take effect; it is being settled

Why 202 for *unknown*: every 5xx invites clients, proxies and people to send the act again, and 504 says that
a server is missing, which is not the point. RFC 9110 gives 202 to a request that was accepted and whose end
is not known yet, with an answer that says where to look. That is exactly the case: the act is settled in the
background, by its change id. Whoever takes any 2xx for success still reads `"outcome": "unknown"` instead of
`"done"`; the command line exits with 1.
"""

from starlette.responses import JSONResponse, Response

from controlplane.api.problems import ProblemResponse
from controlplane.api.schemas.acts import DoneAnswer, UnknownAnswer
from controlplane.application.results import Done, Refused, Result, Unknown

RESPONSES: dict[int | str, dict[str, object]] = {
    202: {"model": UnknownAnswer, "description": "Sent, and may still take effect; it is being settled."}
}
"""For the description of every route that acts."""

_STATUS = {
    "consul_unavailable": 503,
    "flip_not_allowed": 422,
    "idempotency_key_reused": 422,
    "unknown_group": 404,
    "unknown_region": 422,
    "unknown_revision": 404,
    "unknown_service": 404,
    "unknown_switch": 404,
    "value_not_allowed": 422,
}
_STATUS_OF_REFUSAL = 409
_LOST_RACES = frozenset({"revision_changed", "document_changed"})


def answer(result: Result, *, conditional: bool = False) -> Response:
    """The answer to an act; `conditional` says that the request carried `If-Match`."""
    match result:
        case Done():
            return JSONResponse(DoneAnswer.model_validate(result).model_dump(mode="json"))
        case Unknown():
            return unknown(UnknownAnswer.model_validate(result))
        case Refused():
            return ProblemResponse(_status(result.code, conditional=conditional), result.code, result.text)


def unknown(body: UnknownAnswer) -> Response:
    """The answer that nothing final is known."""
    return JSONResponse(body.model_dump(mode="json"), status_code=202)


def _status(code: str, *, conditional: bool) -> int:
    if conditional and code in _LOST_RACES:
        return 412
    return _STATUS.get(code, _STATUS_OF_REFUSAL)
