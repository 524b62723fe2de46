"""Owns looking ahead: what a person's move would do, and what would happen if a region were lost now.

Both ask the functions that decide, and write nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from controlplane.contract.documents import FailoverDocument
from controlplane.domain.budget import Budget
from controlplane.domain.evidence import Distrust, VantageView, cell_sizes
from controlplane.domain.failover import GroupMemory, Stay, decide_group
from controlplane.domain.fleet import Evidence, Fleet, Group, Layer, Service
from controlplane.domain.gates import Gate, gates, plan_hash
from controlplane.domain.obstacle import Flag, Obstacle
from controlplane.domain.outlook import (
    Case,
    Outlook,
    case_of,
    document_fault,
    look,
    standing_obstacles,
    survey,
)
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.situation import Situation

REFUSING_FREEZES = frozenset({"not_leading", "consul_unavailable"})
"""The freezes under which a person cannot act either: nothing could be published."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move by a person would do."""

    group: str
    source: str | None
    target: str
    revision: int | None
    """Of the document it was planned from; None where there is none."""
    gates: tuple[Gate, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: tuple[Obstacle, ...] = ()
    """Why it cannot be done at all; no override helps."""
    plan_hash: str = ""

    def unmet(self, overrides: Collection[str] = ()) -> tuple[Gate, ...]:
        """The gates that fail and are not overridden by name."""
        return tuple(gate for gate in self.gates if not gate.ok and gate.name not in overrides)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the automation would do with a group if a region were lost now."""

    group: str
    lost_region: str
    text: str
    target: str | None = None
    seconds: float | None = None
    """From the loss to the decision: finding out, and the hold-down."""


def plan_move(situation: Situation, group: str, target: str) -> Plan:
    """Plan a person's move: what fails is a warning to be overridden by name, or a refusal.

    Raises:
        KeyError: there is no such group.
    """
    definition = situation.definitions.fleet.group(group)
    outlook = survey(situation)
    document = situation.documents.get(group)
    plan = Plan(
        group=group,
        source=document.active if document else None,
        target=target,
        revision=document.revision if document else None,
        refusals=tuple(_refusals(outlook, definition, document, target)),
    )
    if document is None or document.active is None or target not in definition.regions:
        return plan
    case = case_of(outlook, definition, document, situation.budget or Budget())
    return replace(
        plan,
        gates=gates(case, target),
        warnings=tuple(_warnings(case, target)),
        plan_hash=plan_hash(case, target),
    )


def forecasts(outlook: Outlook) -> tuple[Forecast, ...]:
    """What would happen to every group at the loss of each of its regions."""
    fleet = outlook.situation.definitions.fleet
    lost = {region.name: lose(outlook, region.name) for region in fleet.regions}
    return tuple(forecast(lost[region], group, region) for group in fleet.groups for region in group.regions)


def lose(outlook: Outlook, region: str) -> Outlook:
    """The outlook after a region is lost: its vantages are gone, all others see everything in it down."""
    fleet = outlook.situation.definitions.fleet
    down = {cell: CellCounts(down=size) for cell, size in cell_sizes(fleet).items() if cell.region == region}
    return look(outlook.situation, tuple(_after_loss(view, region, down) for view in outlook.voters))


def forecast(lost: Outlook, group: Group, region: str) -> Forecast:
    """What would happen to a group, given the outlook after `region` is lost."""
    situation = lost.situation
    monotonic, hold_down = situation.monotonic, group.policy.hold_down_seconds
    document = situation.documents.get(group.name)
    if document and document.active not in (region, None):
        return Forecast(group.name, region, f"if {region} were lost now: stays in {document.active}")
    long_down = GroupMemory(region=region, down_since=monotonic - hold_down - 1.0, looked_at=monotonic)
    decision = decide_group(lost, group, long_down, situation.budget or Budget()).decision
    if isinstance(decision, Stay):
        return Forecast(group.name, region, f"if {region} were lost now: {_standstill(lost, decision)}")
    seconds = _detection_seconds(situation.definitions.fleet, group) + hold_down
    text = f"if {region} were lost now: moves to {decision.target} in about {seconds:.0f} s"
    return Forecast(group.name, region, text, decision.target, seconds)


def _refusals(
    outlook: Outlook, group: Group, document: FailoverDocument | None, target: str
) -> Iterator[Obstacle]:
    if target not in group.regions:
        regions = ", ".join(group.regions)
        yield Obstacle("unknown_region", f"{target} is no region of {group.name}, its regions are {regions}")
    fault = document_fault(outlook.situation, group)
    if fault and (document is None or document.active is None):
        yield fault
    if document and document.active == target:
        yield Obstacle("already_active", f"{group.name} is active in {target} already")
    if group.name in outlook.situation.unsettled:
        yield Obstacle("unsettled", f"a publication for {group.name} has no answer yet, wait for it")
    yield from (freeze for freeze in outlook.freezes if freeze.code in REFUSING_FREEZES)


def _warnings(case: Case, target: str) -> Iterator[str]:
    fault = document_fault(case.outlook.situation, case.group)
    if fault:
        yield fault.text
    yield from (gate.text for gate in gates(case, target) if not gate.ok)
    for standing in standing_obstacles(case.outlook, case.group.name, case.active):
        if standing.code not in REFUSING_FREEZES:
            yield f"the automation is {standing.flag}: {standing.text}"


def _after_loss(view: VantageView, region: str, down: Mapping[CellKey, CellCounts]) -> VantageView:
    if view.region == region:
        return replace(view, distrust=view.distrust or Distrust.LOST)
    total = sum(down.values(), CellCounts())
    return replace(view, cells={**view.cells, **down}, regions={**view.regions, region: total})


def _standstill(lost: Outlook, decision: Stay) -> str:
    obstacles = decision.obstacles or lost.freezes
    frozen = any(obstacle.flag is Flag.FROZEN for obstacle in obstacles)
    because = "; ".join(obstacle.text for obstacle in obstacles) or decision.reason
    return f"{'freezes' if frozen else 'stays'}, because {because}"


def _detection_seconds(fleet: Fleet, group: Group) -> float:
    """How long the checks take to find the loss, with `fall` beats each; 0 where there are none."""
    times = [_fall_seconds(service) for service in fleet.services if service.name in group.services]
    return min(times) if group.policy.evidence is Evidence.ANY else max(times)


def _fall_seconds(service: Service) -> float:
    """The fastest of the checks that can take an instance down: those of the outermost layer present."""
    depth = tuple(Layer).index
    outermost = max((depth(check.layer) for check in service.checks), default=0)
    deciding = (check for check in service.checks if depth(check.layer) == outermost)
    return min((check.fall * check.interval_seconds for check in deciding), default=0.0)
