"""Owns the answers about history: what was stored, timelines of instances and cells, stories of documents."""

from typing import Any

from controlplane.api.schemas.base import Answer
from controlplane.api.schemas.records import ChangeAnswer


class TakenAnswer(Answer):
    """What became of an upload."""

    turns: int
    """Changes of health that were stored."""
    blocks: int
    """Blocks of samples that were stored."""
    repeated: int
    """Records that had been stored before."""
    skipped_blocks: int
    """Of days that are not kept any more, or lie more than a day ahead."""


class LatencyAnswer(Answer):
    """How long successes took, in milliseconds."""

    min: float
    """The fastest."""
    p50: float
    """Half of them took no longer; off by 3.2 % at most."""
    p95: float
    """95 % of them took no longer."""
    p99: float
    """99 % of them took no longer."""
    max: float
    """The slowest."""


class PointAnswer(Answer):
    """All probes of a minute, an hour or a day."""

    at: str
    """Its beginning; RFC 3339."""
    probes: int
    """How many there were."""
    successes: int
    """How many the target answered well, slowly or not."""
    failures: int
    """How many the target failed."""
    faults: int
    """How many failed by a fault of the prober; they say nothing of the target."""
    availability: float | None
    """Successes among successes and failures; null where there are neither."""
    latency_ms: LatencyAnswer | None
    """Null where nothing succeeded."""
    reasons: dict[str, int]
    """How many outcomes had which reason."""


class SampleAnswer(Answer):
    """One probe."""

    at: str
    """When it was started; RFC 3339."""
    vantage: str
    """Where from."""
    check: str
    """By which check."""
    verdict: str
    """`success`, `failure` or `fault_of_ours`."""
    reason: str
    """Why, such as `timeout`; `ok` or `slow` for a success."""
    latency_ms: float
    """How long it took."""


class TurnAnswer(Answer):
    """The health of an instance became another one, as one vantage saw it."""

    at: str
    """When; RFC 3339, by the prober's clock."""
    vantage: str
    """Who saw it."""
    service: str
    """The service of the instance."""
    region: str
    """The region of the instance."""
    instance: str
    """The instance."""
    before: str
    """`unknown`, `up`, `degraded` or `down`."""
    after: str
    """The same, afterwards."""
    check: str
    """Whose outcome tipped the scales; empty where none did."""
    reason: str
    """Of that outcome, or why nothing is known any more."""
    detail: str
    """The same for people."""
    trace_id: str
    """Identifies this record."""


class TimelineAnswer(Answer):
    """What was found within a span, in whole minutes, hours or days of UTC."""

    first: str
    """The beginning; RFC 3339."""
    last: str
    """The end, which does not belong to it."""
    resolution: str
    """`raw`, `minute`, `hour` or `day`."""
    total: PointAnswer
    """All of it together; with resolution raw, of the samples that are told."""
    points: list[PointAnswer]
    """Those in which anything was probed; empty with resolution raw."""
    samples: list[SampleAnswer]
    """By time; with resolution raw only."""
    next_from: str | None
    """Send it as `from` for what lies behind it, samples and changes of health; null when these are all."""
    turns: list[TurnAnswer]
    """Changes of health, the oldest first."""
    turns_cursor: str | None
    """Send it as `turns_cursor` for more changes of health; null when these are all."""
    damaged: int
    """Blocks that could not be read, and are not counted."""


class InstanceHistoryAnswer(Answer):
    """What became of one instance."""

    instance: str
    """Its id."""
    services: list[str]
    """Of which it was probed as part."""
    regions: list[str]
    """Where it was."""
    checks: list[str]
    """By which it was probed."""
    vantages: list[str]
    """From where it was probed."""
    health: dict[str, str]
    """Vantage → its health when the span began, as far as it is known."""
    timeline: TimelineAnswer
    """What was found."""


class CellHistoryAnswer(Answer):
    """What became of one service in one region."""

    service: str
    """Name of the service."""
    region: str
    """Name of the region."""
    instances: list[str]
    """Those that were ever probed there, as far as history goes back."""
    timeline: TimelineAnswer
    """What was found, over all of them."""


class EvaluationAnswer(Answer):
    """Why nothing was moved, or what became of a publication that is not known to be in force."""

    position: int
    """Order in the history of this control plane."""
    kind: str
    """Kind of the document: `failover` or `switches`."""
    name: str
    """Name of the document."""
    at: str
    """When; RFC 3339."""
    outcome: str
    """`stay`, `move`, `refused` or `unknown`."""
    code: str
    """Why, for programs."""
    reason: str
    """Why, for people."""
    before: str
    """The state of the group before; empty for publications."""
    state: str
    """The state of the group since; empty for publications."""
    trace_id: str | None
    """Of the request that wanted a publication."""
    inputs: dict[str, Any]
    """All inputs of the decision."""


class EvaluationsAnswer(Answer):
    """One page of evaluations, newest first."""

    evaluations: list[EvaluationAnswer]
    """The rows."""
    next_cursor: str | None
    """Send it as `cursor` for the next page; null on the last."""


class EntryAnswer(Answer):
    """One thing that happened to a document: a change, or an evaluation."""

    at: str
    """When; RFC 3339."""
    change: ChangeAnswer | None
    """What changed; null for an evaluation."""
    evaluation: EvaluationAnswer | None
    """Why nothing changed; null for a change."""


class StoryAnswer(Answer):
    """One page of what happened to a document, newest first."""

    kind: str
    """`failover` or `switches`."""
    name: str
    """The group, or service and switch."""
    entries: list[EntryAnswer]
    """What happened."""
    next_cursor: str | None
    """Send it as `cursor` for the next page; null on the last."""
