"""Owns the decision about the whole fleet: a situation and what is remembered in, one decision per group out.

Pure: the same situation and memory give the same evaluation. The groups are decided in the order of the
fleet file, and what one is granted is charged before the next one is asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.domain.budget import AutomaticMove, Budget, charge, longest_window_seconds, recalled
from controlplane.domain.failover import (
    Decision,
    GroupMemory,
    GroupState,
    Move,
    Stay,
    Verdict,
    decide_group,
)
from controlplane.domain.obstacle import Obstacle
from controlplane.domain.outlook import Case, Outlook, survey
from controlplane.domain.situation import Situation

__all__ = [
    "Decision",
    "Evaluation",
    "GroupMemory",
    "GroupState",
    "Move",
    "Situation",
    "Stay",
    "evaluate",
    "spend",
    "wake_at",
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of a situation."""

    decisions: tuple[Decision, ...]
    """One per group, in the order of the fleet file."""
    memory: Mapping[str, GroupMemory]
    """To be handed in with the next situation."""
    outlook: Outlook
    """What the vantages say, what freezes, which restraints are in force."""
    cases: Mapping[str, Case]
    """By group: what was found of its regions; without groups whose document is at fault."""
    wakes_at: float | None
    """Monotonic time at which the next evaluation can differ without new evidence; None: never."""

    @property
    def freezes(self) -> tuple[Obstacle, ...]:
        """Why nothing moves by itself; empty when it may."""
        return self.outlook.freezes


def evaluate(situation: Situation, memory: Mapping[str, GroupMemory]) -> Evaluation:
    """Decide about every group."""
    outlook = survey(situation)
    verdicts = tuple(_verdicts(outlook, memory))
    return Evaluation(
        decisions=tuple(verdict.decision for verdict in verdicts),
        memory={verdict.decision.group: verdict.memory for verdict in verdicts},
        outlook=outlook,
        cases={verdict.case.group.name: verdict.case for verdict in verdicts if verdict.case},
        wakes_at=min(_wakes(outlook, verdicts), default=None),
    )


def wake_at(evaluation: Evaluation) -> float | None:
    """Monotonic time until which a loop may sleep if nothing new arrives; None: for ever."""
    return evaluation.wakes_at


def spend(budget: Budget, move: Move, situation: Situation, *, revision: int) -> Budget:
    """The value of `budget` that is written with a move, whose document gets `revision`."""
    entry = AutomaticMove(
        group=move.group,
        revision=revision,
        at=situation.now,
        term=situation.term,
        source=move.source,
        target=move.target,
        cause=move.cause,
    )
    return charge(_recalled(budget, situation), entry)


def _verdicts(outlook: Outlook, memory: Mapping[str, GroupMemory]) -> Iterator[Verdict]:
    situation = outlook.situation
    budget = _recalled(situation.budget or Budget(), situation)
    for group in situation.definitions.fleet.groups:
        verdict = decide_group(outlook, group, memory.get(group.name, GroupMemory()), budget)
        if isinstance(verdict.decision, Move):
            next_revision = situation.documents[group.name].revision + 1
            budget = spend(budget, verdict.decision, situation, revision=next_revision)
        yield verdict


def _recalled(budget: Budget, situation: Situation) -> Budget:
    window_seconds = longest_window_seconds(situation.definitions.fleet.groups)
    return recalled(budget, situation.now, window_seconds=window_seconds)


def _wakes(outlook: Outlook, verdicts: tuple[Verdict, ...]) -> Iterator[float]:
    situation = outlook.situation
    yield from (view.changes_at for view in outlook.voters if view.changes_at is not None)
    for verdict in verdicts:
        if verdict.hold_down_ends is not None:
            yield verdict.hold_down_ends
    for end in _ends(outlook, verdicts):
        yield situation.monotonic + max(0.0, (end - situation.now).total_seconds())


def _ends(outlook: Outlook, verdicts: tuple[Verdict, ...]) -> Iterator[datetime]:
    in_force = outlook.restraints
    for restraint in (in_force.fleet, *in_force.groups.values(), *in_force.regions.values()):
        if restraint:
            yield restraint.until
    for verdict in verdicts:
        yield from verdict.ends
