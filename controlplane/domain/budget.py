"""Owns the value of the `budget` key: the ring of automatic moves, and what it still allows.

Limits hold per group (dwell, moves per window) and for the fleet, there by cause: groups that leave a lost
region share one unit until the automation itself comes back to it; a failure that is not the region's counts
singly. Times are wall-clock UTC, because a
ring outlives leaders; a clock that disagrees with Consul's freezes before anything is asked here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from controlplane.contract.documents import canonical
from controlplane.contract.times import parse_rfc3339, rfc3339
from controlplane.domain.fleet import Group
from controlplane.domain.obstacle import Obstacle

EVACUATIONS_MAX = 2
EVACUATION_WINDOW_SECONDS = 600.0
SINGLE_MOVES_MAX = 5
SINGLE_WINDOW_SECONDS = 600.0
PACE_MOVES_MAX = 10
PACE_WINDOW_SECONDS = 1.0
BUDGET_MOVES_MAX = 1_000
"""About 320 KiB at the longest names: fits a transaction beside a document and its log entry."""


PACED = "paced"
"""The one obstacle that ends within a second: a group under it waits its turn."""


class BudgetError(ValueError):
    """These bytes are not a budget; the text says why."""


class Cause(StrEnum):
    """What a move is counted as."""

    REGION = "region"
    """Most of the region is down: an evacuation."""
    GROUP = "group"
    """The region stands, the group's services in it do not."""


@dataclass(frozen=True, slots=True)
class AutomaticMove:
    """One automatic move, as the ring keeps it."""

    group: str
    revision: int
    at: datetime
    term: int
    source: str
    target: str
    cause: Cause


@dataclass(slots=True)
class _Evacuation:
    """The leaving of one lost region: whoever goes within the window of the last one goes along."""

    region: str
    latest_at: datetime
    over: bool = False
    """The automation came back to the region: who leaves it from then on begins another one."""

    @property
    def ends(self) -> datetime:
        """From then on it counts no more."""
        return self.latest_at + timedelta(seconds=EVACUATION_WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Budget:
    """The automatic moves within the longest window, oldest first."""

    moves: tuple[AutomaticMove, ...] = ()

    def to_bytes(self) -> bytes:
        """Canonical JSON, as it stands in Consul."""
        return canonical({"moves": [_mapping(move) for move in self.moves]})


def parse_budget(raw: bytes) -> Budget:
    """Read the value of the `budget` key.

    Raises:
        BudgetError: not JSON, or a field missing or of the wrong type.
    """
    try:
        return Budget(tuple(_move(fields) for fields in json.loads(raw)["moves"]))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BudgetError(f"budget: {type(error).__name__}: {error}") from error


def recalled(budget: Budget, now: datetime, *, window_seconds: float) -> Budget:
    """The ring without what is older than the longest window in use."""
    oldest = now - timedelta(seconds=window_seconds)
    return Budget(tuple(move for move in budget.moves if move.at > oldest))


def charge(budget: Budget, move: AutomaticMove) -> Budget:
    """The ring with one more move."""
    return Budget((*budget.moves, move))


def longest_window_seconds(groups: Iterable[Group]) -> float:
    """How far back any limit looks."""
    policies = [group.policy for group in groups]
    own = (max(policy.dwell_seconds, policy.max_automatic_window_seconds) for policy in policies)
    return max(EVACUATION_WINDOW_SECONDS, SINGLE_WINDOW_SECONDS, *own)


def rest_ends(budget: Budget, group: Group, moved_at: datetime | None) -> datetime | None:
    """When a group's dwell ends: after its last move, by the automation or (`moved_at`) by anybody."""
    moves = [move.at for move in budget.moves if move.group == group.name]
    last = max([*moves, *([moved_at] if moved_at else [])], default=None)
    return last + timedelta(seconds=group.policy.dwell_seconds) if last else None


def group_obstacles(
    budget: Budget, group: Group, moved_at: datetime | None, now: datetime
) -> tuple[Obstacle, ...]:
    """What the group's own limits say against one more move."""
    rest = rest_ends(budget, group, moved_at)
    dwell = _spent("dwell", f"{group.name} moved lately and rests", rest, now)
    most, window_seconds = group.policy.max_automatic, group.policy.max_automatic_window_seconds
    moves = [move for move in budget.moves if move.group == group.name]
    text = f"{group.name} moved {most} times within {window_seconds:g} s"
    return dwell + _spent("group_budget", text, _releases(moves, most, window_seconds), now)


def fleet_obstacles(budget: Budget, source: str, cause: Cause, now: datetime) -> tuple[Obstacle, ...]:
    """What the fleet-wide limits say against one more group leaving `source`."""
    unit = _left(budget, source, now) if cause is Cause.REGION else _singles(budget, now)
    if len(budget.moves) >= BUDGET_MOVES_MAX:
        return (*unit, Obstacle("budget_full", f"the ring of automatic moves holds {BUDGET_MOVES_MAX}"))
    return unit


def pace(budget: Budget, now: datetime) -> tuple[Obstacle, ...]:
    """Whether this second has had its moves."""
    release = _releases(budget.moves, PACE_MOVES_MAX, PACE_WINDOW_SECONDS)
    return _spent(PACED, f"{PACE_MOVES_MAX} groups a second move at most, this one waits", release, now)


def _left(budget: Budget, source: str, now: datetime) -> tuple[Obstacle, ...]:
    """What the limit says against leaving a lost region, with the others that do or as the first of them."""
    running = [one for one in _evacuations(budget.moves) if now < one.ends]
    if any(one.region == source and not one.over for one in running):
        return ()
    ends = sorted(one.ends for one in running)
    release = ends[-EVACUATIONS_MAX] if len(ends) >= EVACUATIONS_MAX else None
    text = f"there were {EVACUATIONS_MAX} evacuations within {EVACUATION_WINDOW_SECONDS:g} s"
    return _spent("evacuation_budget", text, release, now)


def _evacuations(moves: Iterable[AutomaticMove]) -> list[_Evacuation]:
    """The evacuations that these moves belong to, in the order in which they began."""
    found: list[_Evacuation] = []
    going: dict[str, _Evacuation] = {}
    for move in moves:
        if move.cause is not Cause.REGION:
            continue
        if move.target in going:
            going.pop(move.target).over = True
        if move.source not in going or move.at >= going[move.source].ends:
            going[move.source] = _Evacuation(move.source, move.at)
            found.append(going[move.source])
        going[move.source].latest_at = move.at
    return found


def _singles(budget: Budget, now: datetime) -> tuple[Obstacle, ...]:
    moves = [move for move in budget.moves if move.cause is Cause.GROUP]
    text = f"{SINGLE_MOVES_MAX} groups moved within {SINGLE_WINDOW_SECONDS:g} s for causes of their own"
    return _spent("fleet_budget", text, _releases(moves, SINGLE_MOVES_MAX, SINGLE_WINDOW_SECONDS), now)


def _releases(moves: Sequence[AutomaticMove], limit: int, window_seconds: float) -> datetime | None:
    """When fewer than `limit` of these moves are within the window; None where there never were so many."""
    if len(moves) < limit:
        return None
    return sorted(move.at for move in moves)[-limit] + timedelta(seconds=window_seconds)


def _spent(code: str, text: str, release: datetime | None, now: datetime) -> tuple[Obstacle, ...]:
    if release is None or release <= now:
        return ()
    return (Obstacle(code, f"{text}, until {rfc3339(release)}", until=release),)


def _mapping(move: AutomaticMove) -> dict[str, Any]:
    return {
        "group": move.group,
        "revision": move.revision,
        "at": rfc3339(move.at),
        "term": move.term,
        "from": move.source,
        "to": move.target,
        "cause": move.cause,
    }


def _move(fields: dict[str, Any]) -> AutomaticMove:
    return AutomaticMove(
        group=str(fields["group"]),
        revision=int(fields["revision"]),
        at=parse_rfc3339(fields["at"]),
        term=int(fields["term"]),
        source=str(fields["from"]),
        target=str(fields["to"]),
        cause=Cause(fields["cause"]),
    )
