"""Owns what freezes: conditions under which no automatic act is right, whatever the evidence says.

A freeze never undoes anything and people may always act. The loss of one region is never panic, however
large it is: only what fails *outside the region to be left* is counted.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isinf

from controlplane.domain.cells import mostly_down
from controlplane.domain.evidence import VantageView
from controlplane.domain.leadership import may_decide
from controlplane.domain.obstacle import Flag, Obstacle
from controlplane.domain.quorum import RegionFinding, needed
from controlplane.domain.report import CellCounts
from controlplane.domain.situation import Situation

CONTACT_SECONDS_MAX = 2.0
"""Older word from Consul is no basis for a decision."""
CLOCK_TILT_SECONDS_MAX = 2.0


def is_tilted(clock_offset_seconds: float | None) -> bool:
    """Whether this clock is too far off Consul's to say that a moment has come; None: not known to be."""
    return abs(clock_offset_seconds or 0.0) > CLOCK_TILT_SECONDS_MAX


def fleet_freezes(situation: Situation, voters: Sequence[VantageView]) -> tuple[Obstacle, ...]:
    """What freezes every group; `voters` are all configured vantages."""
    return (*_standing(situation), *_knowledge(situation), *_vantages(voters))


def nowhere_to_go(others: Iterable[RegionFinding]) -> tuple[Obstacle, ...]:
    """Frozen unless one of the regions that a group could move to is fit."""
    findings = tuple(others)
    if any(finding.fit for finding in findings):
        return ()
    reasons = "; ".join(finding.reason for finding in findings) or "there is none"
    return (_freeze("all_down", f"no other region is up: {reasons}"),)


def panic(voters: Sequence[VantageView], leaving: str, maintained: Collection[str]) -> tuple[Obstacle, ...]:
    """Frozen where at least half of the trusted vantages see more than half of the instances elsewhere down.

    Regions in maintenance count on neither side: what fails there was announced.
    """
    trusted = [view for view in voters if view.trusted]
    alarmed = [view for view in trusted if mostly_down(_elsewhere(view, {leaving, *maintained}))]
    if not alarmed or 2 * len(alarmed) < len(trusted):
        return ()
    worst = max(
        (_elsewhere(view, {leaving, *maintained}) for view in alarmed), key=lambda counts: counts.down
    )
    text = f"{worst.down} of {worst.total} instances outside {leaving} are down: too much fails at once"
    return (_freeze("panic", text),)


def _standing(situation: Situation) -> Iterator[Obstacle]:
    if isinf(situation.renewed_seconds):
        yield _freeze("not_leading", "this replica does not lead")
    elif not may_decide(situation.renewed_seconds):
        yield _freeze("not_leading", f"the lease was renewed {situation.renewed_seconds:.1f} s ago")
    if isinf(situation.contact_seconds):
        yield _freeze("consul_unavailable", "Consul has never answered")
    elif situation.contact_seconds > CONTACT_SECONDS_MAX:
        yield _freeze("consul_unavailable", f"Consul last answered {situation.contact_seconds:.1f} s ago")
    offset = situation.clock_offset_seconds
    if offset is not None and is_tilted(offset):
        yield _freeze("clock_tilt", f"this clock is {offset:+.1f} s off Consul's")


def _knowledge(situation: Situation) -> Iterator[Obstacle]:
    held, wanted = situation.definitions.revision, situation.registry_revision
    if held < wanted:
        text = (
            f"definitions are at revision {held}, the registry is at {wanted}; if nobody applied {wanted}: "
            f"`controlplane apply` of the same file goes above it, or set the key `registry` to {held}"
        )
        yield _freeze("definitions_behind", text)
    if situation.restraints is None:
        text = (
            'the key `pause` cannot be read or is absent; {"groups":{},"regions":{}} would restrain nothing'
        )
        yield _freeze("pause_unreadable", text)
    if situation.budget is None:
        text = 'the key `budget` cannot be read or is absent; {"moves":[]} would forget every automatic move'
        yield _freeze("budget_unreadable", text)


def _vantages(voters: Sequence[VantageView]) -> Iterator[Obstacle]:
    trusted = sum(view.trusted for view in voters)
    if trusted < needed(len(voters)):
        doubts = ", ".join(f"{view.name} {view.distrust}" for view in voters if not view.trusted)
        text = f"only {trusted} of {len(voters)} vantages can be trusted, {needed(len(voters))} needed"
        yield _freeze("too_few_vantages", f"{text} ({doubts})")


def _elsewhere(view: VantageView, regions: Collection[str]) -> CellCounts:
    others = (counts for region, counts in view.regions.items() if region not in regions)
    return sum(others, CellCounts())


def _freeze(code: str, text: str) -> Obstacle:
    return Obstacle(code, text, Flag.FROZEN)
