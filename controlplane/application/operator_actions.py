"""Owns what a person may ask for: plan and move a group, restrain the automation and release it."""

import logging
from dataclasses import dataclass

from controlplane.application.composing import Held
from controlplane.application.doors import NotLeading
from controlplane.application.drafting import Context
from controlplane.application.failover_drift import FailoverDrift
from controlplane.application.guards import definitions_unchanged
from controlplane.application.leadership import Leadership, Tenure
from controlplane.application.logbook import change_id, done_before, read_log
from controlplane.application.mirror import StoreMirror, StoreView
from controlplane.application.moving import Mover
from controlplane.application.observing import FAILOVER, Observer
from controlplane.application.ports import Clock, Identifiers, Store, StoreUnavailable
from controlplane.application.restraining import Restrainer
from controlplane.application.results import (
    Done,
    GroupDriftRequest,
    MoveRequest,
    PauseRequest,
    Refused,
    Result,
    ResumeRequest,
)
from controlplane.application.views import GateView, PlanView
from controlplane.contract.documents import Change, ChangeKind
from controlplane.contract.times import rfc3339
from controlplane.domain.planning import Plan, plan_move
from controlplane.domain.revisions import RevisionError

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class OperatorActions:
    """The door for people's acts. Moves belong to the leader; restraints to whoever is asked."""

    store: Store
    mirror: StoreMirror
    observer: Observer
    leadership: Leadership
    mover: Mover
    restrainer: Restrainer
    drift: FailoverDrift
    identifiers: Identifiers
    clock: Clock

    async def plan(self, group: str, target: str) -> PlanView:
        """What a move would do; nothing is written.

        Raises:
            KeyError: no such group.
            NotLeading: ask the leader.
        """
        self._tenure()
        return plan_view(plan_move(self.observer.situation(self.mirror.view()), group, target))

    async def move(self, request: MoveRequest) -> Result:
        """Move a group; every gate that fails must be overridden by its name.

        Raises:
            NotLeading: ask the leader.
        """
        tenure = self._tenure()
        asked_at = self.clock.monotonic()
        try:
            view = await self.mirror.refresh()
            await self.observer.vouch(view)
            return await self._move(request, view, tenure, asked_at)
        except StoreUnavailable as error:
            return Refused("consul_unavailable", f"nothing was sent: {error}")
        except RevisionError as error:
            return Refused("revisions_exhausted", str(error))

    async def pause(self, request: PauseRequest) -> Result:
        """Restrain the automation; binding from the moment it is confirmed."""
        return await self.restrainer.pause(request)

    async def resume(self, request: ResumeRequest) -> Result:
        """End a restraint before its time."""
        return await self.restrainer.resume(request)

    async def resolve(self, request: GroupDriftRequest) -> Result:
        """Say which is right where a group's document is not what was published.

        Raises:
            NotLeading: ask the leader.
        """
        return await self.drift.resolve(request)

    def _tenure(self) -> Tenure:
        tenure, record = self.leadership.tenure, self.leadership.record
        if tenure is None:
            raise NotLeading(record.api or None if record else None)
        return tenure

    async def _move(self, request: MoveRequest, view: StoreView, tenure: Tenure, asked_at: float) -> Result:
        situation = self.observer.situation(view)
        try:
            plan = plan_move(situation, request.group, request.target)
        except KeyError:
            names = ", ".join(group.name for group in situation.definitions.fleet.groups) or "there is none"
            return Refused("unknown_group", f"{request.group} is no failover group; allowed: {names}")
        act_id = change_id(request.act, self.identifiers)
        held = self.observer.held(view, situation, request.group)
        done = await self._done_before(request, act_id)
        refused = done or _refusal(plan, held, request)
        if refused or held.document is None:
            return refused or Refused("document_absent", f"{request.group} has no document")
        change = Change(
            id=act_id,
            kind=ChangeKind.MANUAL,
            by=request.act.by,
            reason=request.act.reason,
            at=rfc3339(self.clock.now()),
        )
        after = await self.mover.after(held.document, request.target, tenure.term, change)
        context = _context(request, plan, view)
        return await self.mover.publish(held, after, context, identity=tenure.identity, asked_at=asked_at)

    async def _done_before(self, request: MoveRequest, act_id: str) -> Done | Refused | None:
        if request.act.idempotency_key is None:
            return None
        logged = await read_log(self.store, self.mirror.keys, FAILOVER, request.group)
        return done_before(
            request.group, act_id, logged, lambda entry: entry.after.get("active") == request.target
        )


def plan_view(plan: Plan) -> PlanView:
    """A plan as it is shown."""
    return PlanView(
        group=plan.group,
        source=plan.source,
        target=plan.target,
        revision=plan.revision,
        gates=tuple(GateView(gate.name, gate.ok, gate.text) for gate in plan.gates),
        warnings=plan.warnings,
        refusals=tuple(obstacle.text for obstacle in plan.refusals),
        plan_hash=plan.plan_hash,
    )


def _refusal(plan: Plan, held: Held, request: MoveRequest) -> Refused | None:
    expected, document = request.expected_revision, held.document
    if expected is not None and document is not None and expected != document.revision:
        change = document.change
        return Refused(
            "revision_changed",
            f"{plan.group} is at revision {document.revision}, not {expected}: {document.active} since "
            f"{change.at} by {change.by} ({change.reason})",
        )
    if plan.refusals:
        return Refused(plan.refusals[0].code, "; ".join(obstacle.text for obstacle in plan.refusals))
    unmet = plan.unmet(request.overrides)
    if unmet:
        why = "; ".join(f"{gate.name}: {gate.text}" for gate in unmet)
        return Refused("gate_failed", f"{why}. Override by name to move all the same")
    return None


def _context(request: MoveRequest, plan: Plan, view: StoreView) -> Context:
    guard = definitions_unchanged(view.keys, view.index(view.keys.registry))
    explanation = {
        "plan_hash": plan.plan_hash,
        "gates": {gate.name: {"ok": gate.ok, "text": gate.text} for gate in plan.gates},
        "overrides": sorted(set(request.overrides)),
        "warnings": list(plan.warnings),
    }
    return Context(explanation, request.act.trace_id, (guard,))
