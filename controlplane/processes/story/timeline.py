"""Owns what the story found: its steps in milliseconds from the fault, and what must hold of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Any

FAULT_TO_APPLIED_MS_MAX = 6_000
"""Interval 1 s, fall 3, hold-down 2 s: the worst case leaves about a second for everything else."""


class StepName(StrEnum):
    """What happens, in the order in which it must."""

    LOSS = "loss"
    """The processes of the primary region are killed."""
    DETECTION = "detection"
    """A report in Consul counts the first instance there as down."""
    REGION_DOWN = "region_down"
    """A report counts so many as down that the region is bad: the hold-down begins."""
    DECISION = "decision"
    """The leader has decided, as the document says."""
    PUBLICATION = "publication"
    """The document is committed in Consul."""
    PROPAGATION = "propagation"
    """The last reader in the regions that are left has applied it."""
    RECOVERY = "recovery"
    """The region is healed and up again."""
    FAILBACK = "failback"
    """A person has moved the group back, and the last reader has applied it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story; `at_ms` counts from the fault."""

    name: StepName
    at_ms: int


@dataclass(frozen=True, slots=True)
class StoryResult:
    """One story. `problems` is empty where everything held."""

    steps: Sequence[Step]
    problems: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that must hold did."""
        return not self.problems

    @property
    def fault_to_applied_ms(self) -> int | None:
        """From the fault to the last reader in the regions that are left; None where it did not get there."""
        return next((step.at_ms for step in self.steps if step.name is StepName.PROPAGATION), None)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "steps": [{"name": step.name.value, "at_ms": step.at_ms} for step in self.steps],
            "fault_to_applied_ms": self.fault_to_applied_ms,
            "ok": self.ok,
            "problems": [*self.problems],
        }

    def to_text(self) -> str:
        """For people: a table of steps, and what did not hold."""
        pairs = pairwise((Step(StepName.LOSS, 0), *self.steps))
        lines = [
            f"{step.name:<12} {step.at_ms:>8} ms  +{step.at_ms - before.at_ms} ms" for before, step in pairs
        ]
        verdict = "everything held" if self.ok else "NOT everything held"
        return "\n".join(
            [*lines, *self.problems, f"fault → applied: {self.fault_to_applied_ms} ms; {verdict}"]
        )


@dataclass(frozen=True, slots=True)
class History:
    """What the documents and the journal say afterwards."""

    revision_before: int
    revision_moved: int
    revision_back: int
    kind_of_move: str
    mirrored: str
    """The active region under `values/`, once the group had moved."""
    moved_to: str
    rows: Mapping[int, str]
    """Revision → change id, of the rows of `/api/v1/changes`."""
    published: Mapping[int, str]
    """Revision → change id, of the documents that were seen in Consul."""


def verify(steps: Sequence[Step], history: History) -> list[str]:
    """What does not hold of a story that was told to its end."""
    return [*_times(steps), *_documents(history), *_rows(history)]


def summarise(results: Sequence[StoryResult]) -> dict[str, Any]:
    """Several stories in a row, for programs."""
    times = [result.fault_to_applied_ms for result in results if result.fault_to_applied_ms is not None]
    return {
        "runs": len(results),
        "ok": all(result.ok for result in results),
        "ok_runs": sum(result.ok for result in results),
        "fault_to_applied_ms": {
            "min": min(times, default=None),
            "median": round(median(times)) if times else None,
            "max": max(times, default=None),
        },
        "stories": [result.to_json() for result in results],
    }


def _times(steps: Sequence[Step]) -> list[str]:
    problems = []
    if [step.name for step in steps] != [*StepName]:
        problems.append(f"the steps are {', '.join(step.name for step in steps)}")
    for before, step in pairwise(steps):
        if step.at_ms < before.at_ms:
            problems.append(f"{step.name} came before {before.name}")
    applied = StoryResult(steps).fault_to_applied_ms or 0
    if applied > FAULT_TO_APPLIED_MS_MAX:
        problems.append(f"fault → applied took {applied} ms, at most {FAULT_TO_APPLIED_MS_MAX} are promised")
    return problems


def _documents(history: History) -> list[str]:
    problems = []
    if history.revision_moved != history.revision_before + 1:
        problems.append(f"the move took revision {history.revision_before} to {history.revision_moved}")
    if history.revision_back != history.revision_moved + 1:
        problems.append(f"the failback took revision {history.revision_moved} to {history.revision_back}")
    if history.kind_of_move != "automatic":
        problems.append(f"the move was {history.kind_of_move}, not automatic")
    if history.mirrored != history.moved_to:
        problems.append(f"values/ said {history.mirrored!r} while {history.moved_to} was active")
    return problems


def _rows(history: History) -> list[str]:
    return [
        f"revision {revision} is {change} in Consul and {history.rows.get(revision, 'missing')} in history"
        for revision, change in history.published.items()
        if history.rows.get(revision) != change
    ]
