"""Owns the verdict on a region: what a quorum of vantages says of it, for one group of services.

A statement carries when enough vantages vote, two thirds of the voters agree, and those who agree are no
minority of the vantages that are configured. So a minority can never bring a move about, however it lies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from controlplane.domain.cells import CellState, judge, mostly_down
from controlplane.domain.evidence import VantageView
from controlplane.domain.fleet import Evidence as Rule
from controlplane.domain.fleet import Group
from controlplane.domain.report import CellCounts, CellKey

NAMES_SHOWN_MAX = 5


class Vote(StrEnum):
    """What one vantage says of a region."""

    UP = "up"
    DEGRADED = "degraded"
    FAILING = "failing"
    ABSTAINS = "abstains"


class RegionState(StrEnum):
    """What the quorum says of a region."""

    UP = "up"
    DEGRADED = "degraded"
    SUSPECT = "suspect"
    """Somebody says it fails, but not a quorum."""
    DOWN = "down"
    UNKNOWN = "unknown"
    """Too few vantages can say."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """The vote of one vantage on one region."""

    vantage: str
    vote: Vote
    fit: bool = False
    """Whether every service of the group is up or degraded there: the region may be a target."""
    why: str = ""
    """Of an abstention."""
    outside: bool = False
    """Whether the vantage stands outside the region."""
    cells: Mapping[str, CellCounts] = field(default_factory=dict)
    """Service → counts, of what the vantage knows."""


@dataclass(frozen=True, slots=True)
class RegionFinding:
    """What the quorum says of one region for one group, with its numbers."""

    region: str
    state: RegionState
    reason: str
    """`us-east down from 3 of 3 vantages`."""
    fit: bool
    """Whether the same quorum says that the region may be a target."""
    ballots: tuple[Ballot, ...]


def needed(configured: int) -> int:
    """How many vantages must be able to say something."""
    return configured // 2 + 1


def carries(ayes: int, voting: int, configured: int) -> bool:
    """Whether a statement of `ayes` of the `voting` vantages is the quorum's."""
    return voting >= needed(configured) and 3 * ayes >= 2 * voting and 2 * ayes >= configured


def find_region(group: Group, region: str, voters: Sequence[VantageView]) -> RegionFinding:
    """Judge a region for a group; `voters` are all configured vantages, trusted or not."""
    ballots = tuple(_ballot(view, group, region) for view in voters)
    state, text = _state(region, ballots)
    fit = sum(ballot.fit for ballot in ballots)
    return RegionFinding(
        region=region,
        state=state,
        reason=f"{region} {text}",
        fit=carries(fit, _voting(ballots), len(ballots)),
        ballots=ballots,
    )


def region_lost(region: str, voters: Sequence[VantageView]) -> bool:
    """Whether a quorum sees more than half of everything that runs in a region down, whatever the group."""
    seen = [view.regions[region] for view in voters if view.trusted and region in view.regions]
    return carries(sum(mostly_down(counts) for counts in seen), len(seen), len(voters))


def _ballot(view: VantageView, group: Group, region: str) -> Ballot:
    if view.distrust:
        return Ballot(view.name, Vote.ABSTAINS, why=view.distrust)
    cells = {service: view.cells.get(CellKey(service, region)) for service in group.services}
    states = [
        judge(counts, group.policy.min_healthy_percent) if counts else CellState.UNKNOWN
        for counts in cells.values()
    ]
    vote = _vote(states, group.policy.evidence)
    return Ballot(
        view.name,
        vote,
        fit=all(state in (CellState.UP, CellState.DEGRADED) for state in states),
        why="knows too little of it" if vote is Vote.ABSTAINS else "",
        outside=view.region != region,
        cells={service: counts for service, counts in cells.items() if counts},
    )


def _vote(states: Sequence[CellState], rule: Rule) -> Vote:
    down, unknown = states.count(CellState.DOWN), states.count(CellState.UNKNOWN)
    if rule is Rule.ANY:
        failing, unsure = down > 0, unknown > 0
    else:
        failing, unsure = down == len(states), down + unknown == len(states)
    if failing:
        return Vote.FAILING
    if unsure:
        return Vote.ABSTAINS
    return Vote.UP if set(states) == {CellState.UP} else Vote.DEGRADED


def _voting(ballots: Sequence[Ballot]) -> int:
    return sum(ballot.vote is not Vote.ABSTAINS for ballot in ballots)


def _state(region: str, ballots: Sequence[Ballot]) -> tuple[RegionState, str]:
    configured, voting = len(ballots), _voting(ballots)
    failing = [ballot for ballot in ballots if ballot.vote is Vote.FAILING]
    if voting < needed(configured):
        text = f"unknown: {voting} of {_vantages(ballots)} can say, {needed(configured)} needed"
        return RegionState.UNKNOWN, text + _abstaining(ballots)
    if carries(len(failing), voting, configured):
        if configured == 1 or any(ballot.outside for ballot in failing):
            return RegionState.DOWN, f"down from {len(failing)} of {_vantages(ballots)}{_abstaining(ballots)}"
        return RegionState.SUSPECT, _accused(ballots, failing, f", none of them outside {region}")
    if failing:
        return RegionState.SUSPECT, _accused(ballots, failing, "")
    degraded = any(ballot.vote is Vote.DEGRADED for ballot in ballots)
    state = RegionState.DEGRADED if degraded else RegionState.UP
    return state, f"{state} from {voting} of {_vantages(ballots)}{_abstaining(ballots)}"


def _accused(ballots: Sequence[Ballot], failing: Sequence[Ballot], more: str) -> str:
    names = _shown([ballot.vantage for ballot in failing])
    return f"failing from {len(failing)} of {_vantages(ballots)}: {names}{more}{_abstaining(ballots)}"


def _vantages(ballots: Sequence[Ballot]) -> str:
    return "1 (single vantage)" if len(ballots) == 1 else f"{len(ballots)} vantages"


def _abstaining(ballots: Sequence[Ballot]) -> str:
    names = [f"{ballot.vantage} {ballot.why}" for ballot in ballots if ballot.vote is Vote.ABSTAINS]
    return f" ({_shown(names)})" if names else ""


def _shown(names: Sequence[str]) -> str:
    more = [f"{len(names) - NAMES_SHOWN_MAX} more"] if len(names) > NAMES_SHOWN_MAX else []
    return ", ".join([*names[:NAMES_SHOWN_MAX], *more])
