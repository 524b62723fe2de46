"""Owns the state machine of a failover group.

Three rules:

1. A group's state changes by an event that has a row in `TRANSITIONS`, and in no other way.
2. `decide_group` asks its questions in one order: is the document sound? is a publication in flight? does a
   quorum say that the active region is down? for how long without a break? what stands in the way? Each
   answer is an event. The first question whose answer is not the wanted one ends the walk.
3. A move follows from `CLEARED` alone; only `EVALUATING` hears it, and only `HELD` leads there: nothing
   moves before the hold-down is over, and not knowing is never "down".

The file knows no time but the one it is given, and remembers nothing but the `GroupMemory` that it returns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from controlplane.contract.times import rfc3339
from controlplane.domain.budget import (
    PACED,
    Budget,
    Cause,
    fleet_obstacles,
    group_obstacles,
    pace,
    rest_ends,
)
from controlplane.domain.evidence import SILENT_SECONDS
from controlplane.domain.explanation import explain
from controlplane.domain.fleet import Group, Mode
from controlplane.domain.freeze import nowhere_to_go, panic
from controlplane.domain.gates import choose, gates_of_candidates, plan_hash
from controlplane.domain.obstacle import Obstacle
from controlplane.domain.outlook import Case, Outlook, open_case, standing_obstacles
from controlplane.domain.quorum import RegionState
from controlplane.domain.restraint import held_back


class GroupState(StrEnum):
    """Where a group stands."""

    STEADY = "steady"
    SUSPECT = "suspect"
    """A quorum says that the active region is down; the hold-down runs."""
    EVALUATING = "evaluating"
    """The hold-down is over and the group may move; it waits its turn."""
    BLOCKED = "blocked"
    """It would move, but something stands in the way."""
    ACTIVATING = "activating"
    """A publication is due, in flight, or of unknown outcome."""
    COOLDOWN = "cooldown"
    """All is well, and the group rests after a move."""
    NEEDS_OPERATOR = "needs_operator"
    """Its document is absent or cannot be built upon."""


class Event(StrEnum):
    """An answer to one of the questions."""

    FAULT = "document at fault"
    SOUND = "document sound"
    UNSETTLED = "publication unsettled"
    SETTLED = "no publication in flight"
    CALM = "active region not down, or the run of down broke"
    RESTING = "within dwell"
    RESTED = "dwell over"
    DOWN = "active region down"
    HELD = "hold-down over"
    REFUSED = "something stands in the way"
    CLEARED = "nothing stands in the way"


TRANSITIONS: Mapping[Event, Mapping[GroupState, GroupState]] = {
    Event.FAULT: dict.fromkeys(GroupState, GroupState.NEEDS_OPERATOR),
    Event.SOUND: {GroupState.NEEDS_OPERATOR: GroupState.STEADY},
    Event.UNSETTLED: dict.fromkeys(GroupState, GroupState.ACTIVATING),
    Event.SETTLED: {GroupState.ACTIVATING: GroupState.STEADY},
    Event.CALM: {
        GroupState.SUSPECT: GroupState.STEADY,
        GroupState.EVALUATING: GroupState.STEADY,
        GroupState.BLOCKED: GroupState.STEADY,
    },
    Event.RESTING: {GroupState.STEADY: GroupState.COOLDOWN},
    Event.RESTED: {GroupState.COOLDOWN: GroupState.STEADY},
    Event.DOWN: {GroupState.STEADY: GroupState.SUSPECT, GroupState.COOLDOWN: GroupState.SUSPECT},
    Event.HELD: {
        GroupState.SUSPECT: GroupState.EVALUATING,
        GroupState.BLOCKED: GroupState.EVALUATING,
    },
    Event.REFUSED: {GroupState.EVALUATING: GroupState.BLOCKED},
    Event.CLEARED: {GroupState.EVALUATING: GroupState.ACTIVATING},
}
"""Event → state → next state. A state without a row for an event stays as it is."""


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """What is remembered of a group from one evaluation to the next; times are monotonic seconds."""

    state: GroupState = GroupState.STEADY
    region: str | None = None
    """The active region that `down_since` is about."""
    down_since: float | None = None
    """When the quorum's unbroken "down" began; None while it does not say so."""
    looked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """Publish `target` as the active region of `group`."""

    group: str
    state: GroupState
    source: str
    target: str
    reason: str
    cause: Cause
    plan_hash: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stay:
    """Publish nothing, and why."""

    group: str
    state: GroupState
    code: str
    reason: str
    flags: tuple[Obstacle, ...] = ()
    """What freezes or restrains the group, whether or not anything fails."""
    obstacles: tuple[Obstacle, ...] = ()
    """Why a move that is due is not made; the first one gives `code`."""
    inputs: Mapping[str, Any] = field(default_factory=dict)


Decision = Move | Stay


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, what to remember, and the ends of waits after which it may differ without new evidence."""

    decision: Decision
    memory: GroupMemory
    case: Case | None
    """What was found; None where the document is at fault."""
    hold_down_ends: float | None = None
    """Monotonic seconds."""
    ends: tuple[datetime, ...] = ()
    """Of dwell and budgets."""


def advance(state: GroupState, events: Iterable[Event]) -> GroupState:
    """Walk a state through events."""
    for event in events:
        state = TRANSITIONS[event].get(state, state)
    return state


def decide_group(outlook: Outlook, group: Group, memory: GroupMemory, budget: Budget) -> Verdict:
    """Decide about one group; `budget` includes what this evaluation has granted to other groups."""
    case = open_case(outlook, group, budget)
    if isinstance(case, Obstacle):
        return _faulty(outlook, group, memory, case)
    since = _down_since(case, memory)
    heard = [Event.SOUND]
    if group.name in outlook.situation.unsettled:
        remembered = _remember(case, memory, since, [*heard, Event.UNSETTLED])
        return _stay(
            case, remembered, "unsettled", "a publication has no answer yet, it may still take effect"
        )
    heard.append(Event.SETTLED)
    if since is None or since != memory.down_since:
        heard.append(Event.CALM)
    return _calm(case, memory, heard) if since is None else _down(case, memory, since, [*heard, Event.DOWN])


def _faulty(outlook: Outlook, group: Group, memory: GroupMemory, fault: Obstacle) -> Verdict:
    state = advance(memory.state, [Event.FAULT])
    flags = standing_obstacles(outlook, group.name, None)
    return Verdict(Stay(group.name, state, fault.code, fault.text, flags), GroupMemory(state), case=None)


def _down_since(case: Case, memory: GroupMemory) -> float | None:
    """When the quorum's unbroken "down" began; None where it does not say so.

    Evidence older than `SILENT_SECONDS` is none: where nobody looked for longer, the run broke meanwhile.
    """
    monotonic = case.outlook.situation.monotonic
    if case.findings[case.active].state is not RegionState.DOWN:
        return None
    unbroken = memory.region == case.active and monotonic - memory.looked_at <= SILENT_SECONDS
    return memory.down_since if unbroken and memory.down_since is not None else monotonic


def _calm(case: Case, memory: GroupMemory, heard: list[Event]) -> Verdict:
    finding = case.findings[case.active]
    now = case.outlook.situation.now
    rest = rest_ends(case.budget, case.group, case.moved_at)
    if rest is None or rest <= now:
        remembered = _remember(case, memory, None, [*heard, Event.RESTED])
        return _stay(case, remembered, finding.state, finding.reason)
    remembered = _remember(case, memory, None, [*heard, Event.RESTING])
    text = f"{finding.reason}; no automatic move until {rfc3339(rest)}, because it moved lately"
    return replace(_stay(case, remembered, finding.state, text), ends=(rest,))


def _down(case: Case, memory: GroupMemory, since: float, heard: list[Event]) -> Verdict:
    monotonic, hold_down = case.outlook.situation.monotonic, case.group.policy.hold_down_seconds
    text = f"{case.findings[case.active].reason} for {monotonic - since:.1f} s"
    if monotonic < since + hold_down:
        remembered = _remember(case, memory, since, heard)
        waiting = _stay(case, remembered, "hold_down", f"{text}, acts after {hold_down:g} s")
        return replace(waiting, hold_down_ends=since + hold_down)
    return _held(case, memory, since, [*heard, Event.HELD], text)


def _held(case: Case, memory: GroupMemory, since: float, heard: list[Event], text: str) -> Verdict:
    target = choose(gates_of_candidates(case))
    obstacles = _in_the_way(case, target)
    if target and not obstacles:
        return _move(case, _remember(case, memory, since, [*heard, Event.CLEARED]), target, text)
    waits_its_turn = obstacles[0].code == PACED
    remembered = _remember(case, memory, since, heard if waits_its_turn else [*heard, Event.REFUSED])
    why = "; ".join(obstacle.text for obstacle in obstacles)
    return _stay(case, remembered, obstacles[0].code, f"{text}; not moved: {why}", obstacles)


def _in_the_way(case: Case, target: str | None) -> tuple[Obstacle, ...]:
    """What forbids an automatic move to `target` now, the first question first."""
    outlook, group, policy = case.outlook, case.group, case.group.policy
    now = outlook.situation.now
    if policy.mode is Mode.MANUAL:
        return (Obstacle("manual", f"{group.name} is moved by people only"),)
    found = (
        *outlook.freezes,
        *(nowhere_to_go(case.findings[region] for region in case.candidates) or _no_target(case, target)),
        *panic(outlook.voters, case.active, outlook.restraints.regions),
        *held_back(outlook.restraints, group.name, case.active),
        *group_obstacles(case.budget, group, case.moved_at, now),
        *fleet_obstacles(case.budget, case.active, case.cause, now),
    )
    if not found and policy.mode is Mode.OBSERVE:
        return (Obstacle("observe", f"{group.name} is only observed; it would move to {target}"),)
    return found or pace(case.budget, now)


def _no_target(case: Case, target: str | None) -> tuple[Obstacle, ...]:
    if target:
        return ()
    shut = [gate.text for gates in gates_of_candidates(case).values() for gate in gates if not gate.ok]
    return (Obstacle("no_target", f"no other region passes its gates: {'; '.join(shut)}"),)


def _remember(case: Case, memory: GroupMemory, since: float | None, events: Iterable[Event]) -> GroupMemory:
    return GroupMemory(
        state=advance(memory.state, events),
        region=case.active,
        down_since=since,
        looked_at=case.outlook.situation.monotonic,
    )


def _move(case: Case, memory: GroupMemory, target: str, reason: str) -> Verdict:
    move = Move(
        group=case.group.name,
        state=memory.state,
        source=case.active,
        target=target,
        reason=reason,
        cause=case.cause,
        plan_hash=plan_hash(case, target),
        inputs=explain(case, down_since=memory.down_since),
    )
    return Verdict(move, memory, case)


def _stay(
    case: Case, memory: GroupMemory, code: str, reason: str, obstacles: tuple[Obstacle, ...] = ()
) -> Verdict:
    stay = Stay(
        group=case.group.name,
        state=memory.state,
        code=code,
        reason=reason,
        flags=standing_obstacles(case.outlook, case.group.name, case.active),
        obstacles=obstacles,
        inputs=explain(case, down_since=memory.down_since, obstacles=obstacles),
    )
    ends = tuple(obstacle.until for obstacle in obstacles if obstacle.until)
    return Verdict(stay, memory, case, ends=ends)
