"""Owns what is shown of history: timelines of instances and cells, the stories of groups and switches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.application.views import ChangeView


@dataclass(frozen=True, slots=True)
class LatencyView:
    """How long successes took, in milliseconds."""

    min: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class PointView:
    """All probes of a minute, an hour or a day."""

    at: str
    """Its beginning, RFC 3339."""
    probes: int
    successes: int
    failures: int
    faults: int
    """Of the prober itself: they say nothing of the target."""
    availability: float | None
    """Successes among successes and failures; None where there are neither."""
    latency_ms: LatencyView | None
    """None where nothing succeeded."""
    reasons: Mapping[str, int]
    """How many outcomes had which reason."""


@dataclass(frozen=True, slots=True)
class SampleView:
    """One probe."""

    at: str
    """When it was started, RFC 3339."""
    vantage: str
    check: str
    verdict: str
    """success, failure or fault_of_ours."""
    reason: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class TurnView:
    """The health of an instance became another one, as one vantage saw it."""

    at: str
    vantage: str
    service: str
    region: str
    instance: str
    before: str
    after: str
    check: str
    """Whose outcome tipped the scales; empty where none did."""
    reason: str
    detail: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class TimelineView:
    """What was found within a span, in whole minutes, hours or days of UTC."""

    first: str
    """RFC 3339."""
    last: str
    """The end of the span, which does not belong to it."""
    resolution: str
    total: PointView
    """All of it together; with resolution raw, of the samples that are told."""
    points: Sequence[PointView]
    """Those in which anything was probed; empty with resolution raw."""
    samples: Sequence[SampleView]
    """With resolution raw only."""
    next_from: str | None
    """Where to go on, because there are more samples than one answer may hold; None: these are all. What lies
    behind it is not told here, neither samples nor changes of health."""
    turns: Sequence[TurnView]
    """Changes of health, the oldest first."""
    turns_cursor: str | None
    """Where to go on, because there are more changes of health; None: these are all."""
    damaged: int
    """Blocks that could not be read, and are not counted."""


@dataclass(frozen=True, slots=True)
class InstanceHistoryView:
    """What became of one instance."""

    instance: str
    services: Sequence[str]
    regions: Sequence[str]
    checks: Sequence[str]
    vantages: Sequence[str]
    health: Mapping[str, str]
    """Vantage → health at the beginning of the span, as far as it is known."""
    timeline: TimelineView


@dataclass(frozen=True, slots=True)
class CellHistoryView:
    """What became of one service in one region."""

    service: str
    region: str
    instances: Sequence[str]
    """Those that were ever probed there, as far as history goes back."""
    timeline: TimelineView


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """Why nothing was moved, or what became of a publication that is not known to be in force."""

    position: int
    kind: str
    name: str
    at: str
    outcome: str
    """stay, move, refused or unknown."""
    code: str
    reason: str
    before: str
    """The state of the group before; empty for publications."""
    state: str
    trace_id: str | None
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EntryView:
    """One thing that happened to a document: a change, or an evaluation."""

    at: str
    change: ChangeView | None = None
    evaluation: EvaluationView | None = None


@dataclass(frozen=True, slots=True)
class StoryView:
    """A page of what happened to a document, the newest first."""

    kind: str
    name: str
    entries: Sequence[EntryView]
    next_cursor: str | None
    """Where older ones begin; None: there are none."""


@dataclass(frozen=True, slots=True)
class FoundView:
    """A page of what was searched for, the newest first."""

    entries: Sequence[EntryView]
    next_cursor: str | None
    """Where older ones begin; None: there are none."""


@dataclass(frozen=True, slots=True)
class EvaluationsView:
    """A page of evaluations, the newest first."""

    evaluations: Sequence[EvaluationView]
    next_cursor: str | None
