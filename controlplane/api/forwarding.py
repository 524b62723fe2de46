"""Owns the one hop of an act to the leader: never twice, within a deadline, honest about what is not known.

The leader sees the caller's own token, `If-Match` and `Idempotency-Key`, so it decides as if it had been
asked directly, and its answer is passed on as it came.
"""

from starlette.requests import Request
from starlette.responses import Response

from controlplane.api.outcomes import unknown
from controlplane.api.problems import ProblemResponse
from controlplane.api.schemas.acts import UnknownAnswer
from controlplane.api.tracing import trace_id
from controlplane.application.doors import Doors, NotLeading
from controlplane.application.ports import RelayNotSent, RelayUnanswered
from controlplane.application.ports.relay import FORWARDED_HEADER, RelayedRequest

_PASSED_ON = ("authorization", "content-type", "idempotency-key", "if-match")


def writes_nothing(request: Request) -> None:
    """A route's mark: a lost answer leaves nothing unknown."""
    request.state.writes_nothing = True


async def forward(request: Request, elsewhere: NotLeading) -> Response:
    """Ask the leader instead; 503 `leader_unreachable` where nobody leads or this request came by a hop."""
    if elsewhere.leader_api is None:
        return _unreachable("Nobody leads at the moment; a new leader takes over within seconds.")
    if FORWARDED_HEADER in request.headers:
        return _unreachable("The replica that was named as the leader does not lead any more; ask again.")
    doors: Doors = request.app.state.doors
    try:
        answer = await doors.relay.ask(elsewhere.leader_api, await _relayed(request))
    except RelayNotSent as error:
        return _unreachable(f"{elsewhere.leader_api}: {error}. Nothing was done.")
    except RelayUnanswered as error:
        return _lost(request, f"{elsewhere.leader_api}: {error}")
    return Response(answer.body, answer.status_code, media_type=answer.headers.get("content-type"))


async def _relayed(request: Request) -> RelayedRequest:
    return RelayedRequest(
        method=request.method,
        path=request.url.path,
        headers={name: request.headers[name] for name in _PASSED_ON if name in request.headers},
        body=await request.body(),
        trace_id=trace_id(),
    )


def _lost(request: Request, text: str) -> Response:
    """The leader was asked and did not answer."""
    if getattr(request.state, "writes_nothing", False):
        return _unreachable(f"{text}. Nothing was done.")
    return unknown(
        UnknownAnswer(
            change_id=None,
            text=f"The leader was asked and did not answer ({text}); the act may still take effect. "
            "Look at the changes, or send it again with the same Idempotency-Key.",
        )
    )


def _unreachable(text: str) -> ProblemResponse:
    return ProblemResponse(503, "leader_unreachable", text, headers={"Retry-After": "5"})
