"""Owns the addresses of restraints: pauses of the fleet or a group, maintenance of a region."""

from fastapi import Response

from controlplane.api.access import Operator, Viewer
from controlplane.api.context import ClockGiven, DoorsGiven, act
from controlplane.api.inputs import IdempotencyKey, PauseBody, ResumeBody
from controlplane.api.outcomes import RESPONSES, answer
from controlplane.api.problems import described
from controlplane.api.schemas.acts import DoneAnswer
from controlplane.api.schemas.status import RestraintsAnswer
from controlplane.api.versioned import versioned
from controlplane.application.results import PauseRequest, ResumeRequest
from controlplane.application.views import StatusView

router = versioned("restraints")


@router.get("/pause", response_model=RestraintsAnswer)
async def restraints(doors: DoorsGiven, _: Viewer) -> StatusView:
    """Everything that restrains the automation now."""
    return doors.queries.status()


@router.post("/pause", response_model=DoneAnswer, responses=RESPONSES | described(404, 409, 503))
async def pause(
    body: PauseBody,
    doors: DoorsGiven,
    clock: ClockGiven,
    principal: Operator,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Stop automatic moves of the fleet or a group, or put a region into maintenance; people may act."""
    request = PauseRequest(
        act=act(principal, body.reason, idempotency_key),
        scope=body.scope,
        name=body.name,
        until=body.end(clock.now()),
    )
    return answer(await doors.operations.pause(request))


@router.post("/resume", response_model=DoneAnswer, responses=RESPONSES | described(404, 409, 503))
async def resume(
    body: ResumeBody, doors: DoorsGiven, principal: Operator, idempotency_key: IdempotencyKey
) -> Response:
    """End a restraint before its time."""
    request = ResumeRequest(
        act=act(principal, body.reason, idempotency_key), scope=body.scope, name=body.name
    )
    return answer(await doors.operations.resume(request))
