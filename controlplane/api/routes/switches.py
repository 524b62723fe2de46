"""Owns the addresses of switches: look, degrade, restore, force, undo, and decide about a foreign edit."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from controlplane.api.access import Operator, Viewer
from controlplane.api.context import ClockGiven, DoorsGiven, act
from controlplane.api.inputs import ExpectedRevision, IdempotencyKey
from controlplane.api.outcomes import RESPONSES, answer
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.acts import DoneAnswer
from controlplane.api.schemas.switches import ServiceSwitchesAnswer, SwitchAnswer, SwitchesAnswer
from controlplane.api.switch_inputs import (
    DegradeBody,
    DriftBody,
    ForceBody,
    RestoreBody,
    ServiceInPath,
    SwitchInPath,
    UndoBody,
)
from controlplane.api.versioned import versioned
from controlplane.application.doors import Doors
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchView
from controlplane.domain.switches import Flip

router = versioned("switches", "/switches")

_ACT = RESPONSES | described(404, 409, 412, 503)


@dataclass(frozen=True, slots=True)
class SwitchAsked:
    """One switch, who asks something of it, and under which conditions."""

    service: ServiceInPath
    switch: SwitchInPath
    doors: DoorsGiven
    principal: Operator
    expected_revision: ExpectedRevision
    idempotency_key: IdempotencyKey

    async def flip(self, flip: Flip, reason: str) -> Response:
        """The answer to a flip."""
        request = FlipRequest(
            act=act(self.principal, reason, self.idempotency_key),
            service=self.service,
            flip=flip,
            expected_revision=self.expected_revision,
        )
        return answer(await self.doors.switches.flip(request), conditional=self.expected_revision is not None)


Asked = Annotated[SwitchAsked, Depends()]


@router.get("", response_model=SwitchesAnswer)
async def switches(doors: DoorsGiven, _: Viewer) -> SwitchesView:
    """The switches of every service."""
    return doors.switches.all()


@router.get("/{service}", response_model=ServiceSwitchesAnswer, responses=described(404))
async def service_switches(
    service: ServiceInPath, doors: DoorsGiven, _: Viewer, response: Response
) -> ServiceSwitchesView:
    """The switches of one service; the ETag is their revision, for `If-Match` of an act."""
    return _found(doors, service, response)


@router.get("/{service}/{switch}", response_model=SwitchAnswer, responses=described(404))
async def one_switch(
    service: ServiceInPath, switch: SwitchInPath, doors: DoorsGiven, _: Viewer, response: Response
) -> SwitchView:
    """One switch; the ETag is the revision of its service's switches."""
    view = _found(doors, service, response)
    for one in view.switches:
        if one.name == switch:
            return one
    known = ", ".join(one.name for one in view.switches) or "none"
    raise ProblemError(404, "unknown_switch", f"{service} has no switch {switch}; switches: {known}.")


@router.post("/{service}/{switch}/degrade", response_model=DoneAnswer, responses=_ACT)
async def degrade(body: DegradeBody, asked: Asked, clock: ClockGiven) -> Response:
    """Degrade a switch. It is done, refused or unknown; unknown (202) may still take effect."""
    return await asked.flip(body.flip(asked.switch, clock.now()), body.reason)


@router.post("/{service}/{switch}/restore", response_model=DoneAnswer, responses=_ACT)
async def restore(body: RestoreBody, asked: Asked) -> Response:
    """Back to normal: the service's own breakers decide again."""
    return await asked.flip(body.flip(asked.switch), body.reason)


@router.post("/{service}/{switch}/force", response_model=DoneAnswer, responses=_ACT)
async def force(body: ForceBody, asked: Asked, clock: ClockGiven) -> Response:
    """Hold a switch at its normal value, even if a breaker would degrade it."""
    return await asked.flip(body.flip(asked.switch, clock.now()), body.reason)


@router.post("/{service}/undo", response_model=DoneAnswer, responses=_ACT)
async def undo(
    service: ServiceInPath,
    body: UndoBody,
    doors: DoorsGiven,
    principal: Operator,
    *,
    expected_revision: ExpectedRevision,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Take back what a revision changed, unless somebody has changed it since."""
    request = UndoRequest(
        act=act(principal, body.reason, idempotency_key),
        service=service,
        revision=body.revision,
        expected_revision=expected_revision,
    )
    return answer(await doors.switches.undo(request), conditional=expected_revision is not None)


@router.post("/{service}/drift", response_model=DoneAnswer, responses=_ACT)
async def drift(
    service: ServiceInPath,
    body: DriftBody,
    doors: DoorsGiven,
    principal: Operator,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Say which is right where a document is not what was published last; either gets a new revision."""
    request = DriftRequest(
        act=act(principal, body.reason, idempotency_key), service=service, policy=DriftPolicy(body.policy)
    )
    return answer(await doors.switches.resolve(request))


def _found(doors: Doors, service: str, response: Response) -> ServiceSwitchesView:
    """The switches of a service, with their revision as the ETag."""
    try:
        view = doors.switches.of(service)
    except KeyError as error:
        known = ", ".join(one.service for one in doors.switches.all().services) or "none"
        text = f"{service} has no switches; services with switches: {known}."
        raise ProblemError(404, "unknown_service", text) from error
    if view.revision is not None:
        response.headers["ETag"] = f'"{view.revision}"'
    return view
