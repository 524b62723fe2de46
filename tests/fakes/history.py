"""Owns history in memory, behind the ports of history; PostgreSQL's half of it can go away."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice
from typing import TypeVar

from controlplane.application.moving import AUTOMATION
from controlplane.application.ports import EVERYTHING, DatabaseUnavailable, Narrowing
from controlplane.application.ports.evaluations import EvaluationRow
from controlplane.application.ports.history import (
    DueSpan,
    HistoryPorts,
    Place,
    SeriesRow,
    Stored,
    TurnRow,
    Upload,
    Whose,
)
from controlplane.domain.history_block import Block, Series
from controlplane.domain.history_records import EvaluationRecord, HealthTurn, Origin, trace_id
from controlplane.domain.history_time import DAY_MINUTES, Resolution, floor_to, moment_of
from tests.fakes.journal import is_wanted
from tests.fakes.spool import FakeSpool

T = TypeVar("T")

HOUR, DAY = Resolution.HOUR, Resolution.DAY
_boots = count(1)


class FakeHistory:
    """What probers found: the ports `ProbeHistory`, `HistoryReader` and `HistoryUpkeep`."""

    def __init__(self) -> None:
        self.away = False
        self.expired_rows_max = 1_000
        """Of each table, per call of `expire`."""
        self.days: set[int] = set()
        """Those that have a partition."""
        self._series: dict[tuple[str, Series], SeriesRow] = {}
        self._seen_days: dict[int, int] = {}
        self._blocks: dict[Resolution, list[tuple[int, Block]]] = {
            Resolution.MINUTE: [],
            HOUR: [],
            DAY: [],
        }
        self._turns: list[TurnRow] = []
        self._uploads: dict[Origin, int] = {}
        self._marks: dict[tuple[Resolution, int], tuple[int, int]] = {}

    async def store(self, upload: Upload) -> Stored:
        self._answer()
        known = {(row.vantage, row.prober, row.boot, row.sequence) for row in self._turns}
        origin = upload.origin
        fresh = [
            (sequence, turn)
            for sequence, turn in upload.turns
            if (origin.vantage, origin.prober, origin.boot, sequence) not in known
        ]
        for sequence, turn in fresh:
            self._turns.append(_turn_row(len(self._turns) + 1, origin, sequence, turn))
        pages = [page for page in upload.pages if page[0] > self._uploads.get(origin, 0)]
        entries = [entry for _, page in pages for entry in page]
        for series, block in entries:
            self._blocks[Resolution.MINUTE].append((self._number(origin.vantage, series, block), block))
        for hour in {floor_to(block.minute, HOUR) for _, block in entries}:
            self._touch(HOUR, hour)
        self.days |= {floor_to(block.minute, DAY) for _, block in entries}
        if pages:
            self._uploads[origin] = max(sequence for sequence, _ in pages)
        repeated = len(upload.turns) - len(fresh) + len(upload.pages) - len(pages)
        return Stored(turns=len(fresh), blocks=len(entries), repeated=repeated)

    async def series(self, whose: Whose) -> Sequence[SeriesRow]:
        self._answer()
        return [row for row in self._series.values() if _is_of(row, whose)]

    async def blocks(
        self, resolution: Resolution, series: Sequence[int], first: int, last: int, *, limit: int
    ) -> Sequence[tuple[int, Block]]:
        self._answer()
        table = self._blocks[Resolution.MINUTE if resolution is Resolution.RAW else resolution]
        found = [one for one in table if one[0] in series and first <= one[1].minute < last]
        return sorted(found, key=lambda one: (one[1].minute, one[0]))[:limit]

    async def unrolled(self, resolution: Resolution, first: int, last: int) -> frozenset[int]:
        self._answer()
        return frozenset(
            start
            for (of, start), (touched, rolled) in self._marks.items()
            if of is resolution and first <= start < last and rolled < touched
        )

    async def turns(
        self, whose: Whose, first: datetime, last: datetime, *, after: Place | None, limit: int
    ) -> Sequence[TurnRow]:
        self._answer()
        asked = replace(whose, check=None)
        found = [row for row in self._turns if _is_of(row, asked) and first <= row.at < last]
        behind = [row for row in found if after is None or (row.at, row.position) > after]
        return sorted(behind, key=lambda row: (row.at, row.position))[:limit]

    async def last_turns(self, instance: str, before: datetime) -> Sequence[TurnRow]:
        self._answer()
        vantages = {row.vantage for row in self._series.values() if row.instance == instance}
        last: dict[str, TurnRow] = {}
        for row in sorted(self._turns, key=lambda row: (row.at, row.position)):
            if row.instance == instance and row.vantage in vantages and row.at < before:
                last[row.vantage] = row
        return [last[vantage] for vantage in sorted(last)]

    async def make_partitions(self, days: Sequence[int]) -> None:
        self._answer()
        self.days |= {floor_to(day, DAY) for day in days}

    async def drop_partitions(self, before: int) -> Sequence[int]:
        self._answer()
        dropped = sorted(day for day in self.days if day + DAY_MINUTES <= before)
        self.days -= set(dropped)
        blocks = self._blocks[Resolution.MINUTE]
        blocks[:] = [one for one in blocks if floor_to(one[1].minute, DAY) not in dropped]
        for (of, start), (touched, _) in self._marks.items():
            if of is HOUR and start < floor_to(before, DAY):
                self._marks[of, start] = (touched, touched)
        return dropped

    async def expire(self, *, hourly: int, daily: int, records: datetime, uploads: datetime) -> int:
        self._answer()
        before = self._rows()
        ends = {HOUR: hourly, DAY: daily}
        for resolution, end in ends.items():
            table = self._blocks[resolution]
            for one in self._some(one for one in table if one[1].minute < end):
                table.remove(one)
        for mark in self._some(mark for mark in self._marks if mark[1] < ends[mark[0]]):
            del self._marks[mark]
        for key in self._some(key for key, row in self._series.items() if self._seen_days[row.id] < daily):
            del self._series[key]
        return before - self._rows()

    async def due(self, hours_from: int, days_from: int, ended: int, *, limit: int) -> Sequence[DueSpan]:
        self._answer()
        first = {HOUR: hours_from, DAY: days_from}
        found = [
            DueSpan(resolution, start, touched)
            for (resolution, start), (touched, rolled) in self._marks.items()
            if rolled < touched and first[resolution] <= start and start + resolution.minutes <= ended
        ]
        return sorted(found, key=lambda due: (due.resolution is DAY, due.start))[:limit]

    async def parts(self, resolution: Resolution, start: int) -> Sequence[tuple[int, Block]]:
        self._answer()
        return [one for one in self._blocks[resolution] if one[1].minute == start]

    async def roll(self, due: DueSpan, blocks: Mapping[int, Block]) -> None:
        self._answer()
        touched, rolled = self._marks.get((due.resolution, due.start), (0, 0))
        if rolled >= due.touched:
            return
        table = self._blocks[due.resolution]
        table[:] = [one for one in table if one[1].minute != due.start] + [*blocks.items()]
        self._marks[due.resolution, due.start] = (touched, due.touched)
        if due.resolution is HOUR:
            self._touch(DAY, floor_to(due.start, DAY))

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")

    def _number(self, vantage: str, series: Series, block: Block) -> int:
        names = (vantage, series.service, series.region, series.instance, series.check)
        row = self._series.setdefault((vantage, series), SeriesRow(len(self._series) + 1, *names))
        self._seen_days[row.id] = max(self._seen_days.get(row.id, 0), floor_to(block.minute, DAY))
        return row.id

    def _touch(self, resolution: Resolution, start: int) -> None:
        touched, rolled = self._marks.get((resolution, start), (0, 0))
        self._marks[resolution, start] = (touched + 1, rolled)

    def _some(self, old: Iterable[T]) -> list[T]:
        return [*islice(old, self.expired_rows_max)]

    def _rows(self) -> int:
        return len(self._blocks[HOUR]) + len(self._blocks[DAY]) + len(self._marks) + len(self._series)


class FakeEvaluations:
    """The port `EvaluationRepository`."""

    def __init__(self) -> None:
        self.away = False
        self.rows: list[EvaluationRow] = []
        self._known: set[tuple[str, int]] = set()

    async def store(self, origin: Origin, records: Sequence[tuple[int, EvaluationRecord]]) -> None:
        self._answer()
        for sequence, record in records:
            if (origin.boot, sequence) not in self._known:
                self._known.add((origin.boot, sequence))
                self.rows.append(_evaluation_row(len(self.rows) + 1, record))

    async def page(
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[EvaluationRow]:
        self._answer()
        wanted = [
            row
            for row in reversed(self.rows)
            if kind in (None, row.kind)
            and name in (None, row.name)
            and (before is None or row.position < before)
            and narrowed.revision is None
            and is_wanted(row, narrowed, what=row.outcome, by=row.inputs.get("by", AUTOMATION))
        ]
        return wanted[:limit]

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")


def history_ports(
    history: FakeHistory | None = None, evaluations: FakeEvaluations | None = None
) -> HistoryPorts:
    """Everything in memory."""
    history = history or FakeHistory()
    return HistoryPorts(
        probes=history,
        reader=history,
        upkeep=history,
        evaluations=evaluations or FakeEvaluations(),
        evaluation_spool=FakeSpool(Origin("", "control", f"boot{next(_boots)}")),
    )


def _is_of(row: SeriesRow | TurnRow, whose: Whose) -> bool:
    asked = {name: getattr(whose, name) for name in Whose.__slots__}
    return all(value is None or getattr(row, name) == value for name, value in asked.items())


def _turn_row(position: int, origin: Origin, sequence: int, turn: HealthTurn) -> TurnRow:
    return TurnRow(
        position=position,
        vantage=origin.vantage,
        prober=origin.prober,
        boot=origin.boot,
        sequence=sequence,
        at=moment_of(0) + timedelta(milliseconds=turn.at_ms),
        service=turn.service,
        region=turn.region,
        instance=turn.instance,
        before=turn.before,
        after=turn.after,
        check=turn.check,
        reason=turn.reason,
        detail=turn.detail,
        trace_id=trace_id(origin, sequence),
    )


def _evaluation_row(position: int, record: EvaluationRecord) -> EvaluationRow:
    fields = {name: getattr(record, name) for name in EvaluationRecord.__slots__}
    return EvaluationRow(position=position, **fields)
