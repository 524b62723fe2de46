"""Owns the addresses of failover groups: look, plan, move."""

from fastapi import Depends, Response

from controlplane.api.access import Operator, Viewer
from controlplane.api.context import DoorsGiven, act
from controlplane.api.forwarding import writes_nothing
from controlplane.api.inputs import ExpectedRevision, GroupInPath, IdempotencyKey, MoveBody, PlanBody
from controlplane.api.outcomes import RESPONSES, answer
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.acts import DoneAnswer, PlanAnswer
from controlplane.api.schemas.status import GroupAnswer, GroupsAnswer
from controlplane.api.switch_inputs import DriftBody
from controlplane.api.versioned import versioned
from controlplane.application.doors import Doors
from controlplane.application.results import GroupDriftRequest, MoveRequest
from controlplane.application.views import GroupView, PlanView, StatusView

router = versioned("failover", "/failover")


@router.get("", response_model=GroupsAnswer)
async def groups(doors: DoorsGiven, _: Viewer) -> StatusView:
    """All failover groups."""
    return doors.queries.status()


@router.get("/{group}", response_model=GroupAnswer, responses=described(404))
async def group(group: GroupInPath, doors: DoorsGiven, _: Viewer, response: Response) -> GroupView:
    """One failover group; the ETag is its revision, for `If-Match` of a move."""
    view = _find(doors, group)
    if view.revision is not None:
        response.headers["ETag"] = f'"{view.revision}"'
    return view


@router.post(
    "/{group}/plan",
    response_model=PlanAnswer,
    dependencies=[Depends(writes_nothing)],
    responses=described(404, 503),
)
async def plan(group: GroupInPath, body: PlanBody, doors: DoorsGiven, _: Viewer) -> PlanView:
    """What a move would do, by the same function as the move; nothing is written."""
    try:
        return await doors.operations.plan(group, body.to)
    except KeyError as error:
        raise _unknown(doors, group) from error


@router.post("/{group}/move", response_model=DoneAnswer, responses=RESPONSES | described(404, 409, 412, 503))
async def move(
    group: GroupInPath,
    body: MoveBody,
    doors: DoorsGiven,
    principal: Operator,
    *,
    expected_revision: ExpectedRevision,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Move a group to a region. It is done, refused or unknown; unknown (202) may still take effect."""
    result = await doors.operations.move(
        MoveRequest(
            act=act(principal, body.reason, idempotency_key),
            group=group,
            target=body.to,
            expected_revision=expected_revision,
            overrides=body.overrides,
        )
    )
    return answer(result, conditional=expected_revision is not None)


@router.post("/{group}/drift", response_model=DoneAnswer, responses=RESPONSES | described(404, 409, 503))
async def drift(
    group: GroupInPath,
    body: DriftBody,
    doors: DoorsGiven,
    principal: Operator,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Say which is right where a document is not what was published; either gets a new revision."""
    request = GroupDriftRequest(
        act=act(principal, body.reason, idempotency_key), group=group, policy=body.policy
    )
    return answer(await doors.operations.resolve(request))


def _find(doors: Doors, name: str) -> GroupView:
    for view in doors.queries.status().groups:
        if view.name == name:
            return view
    raise _unknown(doors, name)


def _unknown(doors: Doors, name: str) -> ProblemError:
    known = ", ".join(view.name for view in doors.queries.status().groups) or "none"
    return ProblemError(404, "unknown_group", f"There is no group {name}; groups: {known}.")
