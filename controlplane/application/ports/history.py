"""Owns the sockets of history: what waits on disk until it is uploaded, and what PostgreSQL keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controlplane.application.ports.evaluations import EvaluationRepository
from controlplane.domain.history_block import Block, Entry
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import HealthTurn, Origin
from controlplane.domain.history_time import Resolution


@dataclass(frozen=True, slots=True)
class Batch:
    """The records that wait longest, ready to be sent: frames of one stream and boot behind their origin."""

    body: bytes
    stream: Stream
    frames: int
    last: int
    """The sequence number of the last frame."""
    place: str
    """Where the spool keeps them."""


class Spool(Protocol):
    """Records on disk until somebody has taken them over. Its calls block; one is under way at a time.

    It holds a bounded number of bytes: beyond them the oldest samples go first, then the oldest blocks; what
    is neither is never dropped.
    """

    def append(self, stream: Stream, payloads: Sequence[bytes]) -> None:
        """Keep records; they survive the end of this process from now on, a loss of power from `sync` on.

        Raises:
            SpoolUnavailable: the disk does not take them; none of them is kept.
        """

    def sync(self) -> None:
        """Bring to the disk itself what was appended.

        Raises:
            SpoolUnavailable: the disk does not take it.
        """

    def batch(self, bytes_max: int) -> Batch | None:
        """What waits longest, transitions before anything else; one frame at least, None where nothing waits.

        Raises:
            SpoolUnavailable: the disk does not give it back.
        """

    def forget(self, batch: Batch) -> None:
        """Let go of a batch that was taken over, and of nothing else."""

    def waiting_bytes(self) -> int:
        """How many bytes it holds."""


class HistoryUpload(Protocol):
    """The way of a batch to the control plane."""

    async def upload(self, body: bytes) -> None:
        """Send it once; when this returns, it is stored.

        Raises:
            HistoryRefused: the control plane read it and will never take it.
            ControlUnavailable: no answer, not admitted, or PostgreSQL is away; it may have been stored.
        """


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch as it was read."""

    origin: Origin
    turns: Sequence[tuple[int, HealthTurn]] = ()
    """By sequence number."""
    pages: Sequence[tuple[int, Sequence[Entry]]] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an upload."""

    turns: int = 0
    blocks: int = 0
    repeated: int = 0
    """Records that had been stored before."""


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series as it is known to PostgreSQL."""

    id: int
    vantage: str
    service: str
    region: str
    instance: str
    check: str


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A change of an instance's health as it is stored."""

    position: int
    vantage: str
    prober: str
    boot: str
    sequence: int
    at: datetime
    service: str
    region: str
    instance: str
    before: str
    after: str
    check: str
    reason: str
    detail: str
    trace_id: str


Place = tuple[datetime, int]
"""Of a change of health: when it was, and its position."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose history is asked for: an instance's, or a cell's; of one vantage or check, where one is named."""

    instance: str | None = None
    service: str | None = None
    region: str | None = None
    vantage: str | None = None
    check: str | None = None


class ProbeHistory(Protocol):
    """Where uploads are stored."""

    async def store(self, upload: Upload) -> Stored:
        """Store what is not stored yet, in one transaction.

        Raises:
            DatabaseUnavailable: no answer; sending it again is harmless.
        """


class HistoryReader(Protocol):
    """Stored history, as people ask for it. Spans are minutes since 1970, the last one not included."""

    async def series(self, whose: Whose) -> Sequence[SeriesRow]:
        """The series that match.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def blocks(
        self, resolution: Resolution, series: Sequence[int], first: int, last: int, *, limit: int
    ) -> Sequence[tuple[int, Block]]:
        """Blocks of a minute, an hour or a day, with the numbers of their series, the oldest first.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def unrolled(self, resolution: Resolution, first: int, last: int) -> frozenset[int]:
        """First minutes of the hours or days whose rollups do not hold everything yet.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def turns(
        self, whose: Whose, first: datetime, last: datetime, *, after: Place | None, limit: int
    ) -> Sequence[TurnRow]:
        """Changes of health from `first` on and before `last`, behind a place, the oldest first.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def last_turns(self, instance: str, before: datetime) -> Sequence[TurnRow]:
        """The last change of an instance's health before a moment, as each vantage that probes it saw it.

        Raises:
            DatabaseUnavailable: no answer.
        """


@dataclass(frozen=True, slots=True)
class DueSpan:
    """An hour or day that has ended and whose rollups do not hold everything yet."""

    resolution: Resolution
    start: int
    """First minute."""
    touched: int
    """How often something was stored for it, when this was read."""


class HistoryUpkeep(Protocol):
    """What the leader does to history now and then."""

    async def make_partitions(self, days: Sequence[int]) -> None:
        """Have room for the blocks of these days, each named by its first minute.

        Raises:
            DatabaseUnavailable: no answer, or a lock was not to be had.
        """

    async def drop_partitions(self, before: int) -> Sequence[int]:
        """Drop the blocks of whole days before this minute; their sums stay. Answers which days these were.

        Raises:
            DatabaseUnavailable: no answer, or a lock was not to be had.
        """

    async def expire(self, *, hourly: int, daily: int, records: datetime, uploads: datetime) -> int:
        """Delete rollups before minutes and records before moments, bounded per call; answers how many rows.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def due(self, hours_from: int, days_from: int, ended: int, *, limit: int) -> Sequence[DueSpan]:
        """Hours, then days, that have ended by a minute and are not rolled up, the oldest first.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def parts(self, resolution: Resolution, start: int) -> Sequence[tuple[int, Block]]:
        """Every block of a minute, an hour or a day that begins at `start`, with the number of its series.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def roll(self, due: DueSpan, blocks: Mapping[int, Block]) -> None:
        """Replace the blocks of an hour or a day, by series, and note that they hold what there was.

        Raises:
            DatabaseUnavailable: no answer; doing it again is harmless.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPorts:
    """Everything that a replica needs for history."""

    probes: ProbeHistory
    reader: HistoryReader
    upkeep: HistoryUpkeep
    evaluations: EvaluationRepository
    evaluation_spool: Spool
