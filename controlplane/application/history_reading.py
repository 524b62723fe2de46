"""Owns what may be asked of history, and how an answer is put together from what is stored.

Sums of hours and days come from the rollups where these hold everything, and from what is finer where they
do not yet: the hour under way, and hours that were filled up late.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controlplane.application.history_timeline import Found, points_of, samples_of, turn_view
from controlplane.application.history_views import CellHistoryView, InstanceHistoryView, TimelineView
from controlplane.application.ports.history import HistoryReader, Place, SeriesRow, TurnRow, Whose
from controlplane.contract.times import rfc3339
from controlplane.domain.history_time import Resolution, floor_to, milliseconds_of, minute_of, moment_of

BLOCKS_READ_MAX = 20_000
"""For one answer: half a second of a processor, beside the event loop."""
BLOCKS_PER_PAGE_MAX = 4_000
"""Of raw samples. More than one instance can have in one minute, so that there is always progress."""
SAMPLES_PER_PAGE = 5_000
TURNS_MAX = 500
POINTS_MAX = 1_500

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(6000, 1, 1, tzinfo=UTC)
"""Between them minutes are numbers of 31 bits, as PostgreSQL keeps them."""
_INSTANT = timedelta(microseconds=1)
_FINER = {Resolution.DAY: Resolution.HOUR, Resolution.HOUR: Resolution.MINUTE}


class HistoryRangeError(ValueError):
    """More was asked for than one answer may hold; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time to look at, in points of some length."""

    first: datetime
    last: datetime
    """The end, which does not belong to it."""
    resolution: Resolution

    def minutes(self) -> tuple[int, int]:
        """It in whole points: its first minute, and the minute behind its last one.

        Raises:
            HistoryRangeError: it is empty, too early, too late, or has too many points.
        """
        if not (EARLIEST <= self.first <= LATEST and EARLIEST <= self.last <= LATEST):
            raise HistoryRangeError(f"history is kept from {EARLIEST:%Y} to {LATEST:%Y}")
        if self.last <= self.first:
            raise HistoryRangeError("`from` lies before `to`")
        length = self.resolution.minutes
        first = floor_to(minute_of(self.first), self.resolution)
        last = floor_to(minute_of(self.last - _INSTANT), self.resolution) + length
        if (last - first) // length > POINTS_MAX:
            raise HistoryRangeError(
                f"at most {POINTS_MAX} points are told; a shorter range or a coarser resolution is allowed"
            )
        return first, last


@dataclass(slots=True)
class Timelines:
    """Asks PostgreSQL."""

    reader: HistoryReader

    async def instance(
        self, whose: Whose, span: Span, *, turns_after: Place | None = None
    ) -> InstanceHistoryView | None:
        """What became of one instance; None where nothing was ever heard of it.

        Raises:
            HistoryRangeError: too much was asked for.
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        series = await self.reader.series(whose)
        if not series:
            return None
        known = await self.reader.last_turns(series[0].instance, moment_of(span.minutes()[0]))
        return InstanceHistoryView(
            instance=series[0].instance,
            services=_names(row.service for row in series),
            regions=_names(row.region for row in series),
            checks=_names(row.check for row in series),
            vantages=_names(row.vantage for row in series),
            health={turn.vantage: turn.after for turn in known if whose.vantage in {None, turn.vantage}},
            timeline=await self._timeline(whose, series, span, turns_after),
        )

    async def cell(
        self, whose: Whose, span: Span, *, turns_after: Place | None = None
    ) -> CellHistoryView | None:
        """What became of one service in one region; None where nothing was ever heard of it.

        Raises:
            HistoryRangeError: too much was asked for, or samples of a whole cell.
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        if span.resolution is Resolution.RAW:
            raise HistoryRangeError("samples are told of one instance at a time; ask for minute, hour or day")
        series = await self.reader.series(whose)
        if not series:
            return None
        return CellHistoryView(
            service=series[0].service,
            region=series[0].region,
            instances=_names(row.instance for row in series),
            timeline=await self._timeline(whose, series, span, turns_after),
        )

    async def _timeline(
        self, whose: Whose, series: Sequence[SeriesRow], span: Span, turns_after: Place | None
    ) -> TimelineView:
        first, last = span.minutes()
        raw = span.resolution is Resolution.RAW
        blocks, cut = await (self._page if raw else self._all)(span.resolution, series, first, last)
        sums = await asyncio.to_thread(points_of, blocks, first, span.resolution)
        turns = await self.reader.turns(
            whose, moment_of(first), moment_of(cut), after=turns_after, limit=TURNS_MAX + 1
        )
        return TimelineView(
            first=rfc3339(moment_of(first)),
            last=rfc3339(moment_of(last)),
            resolution=span.resolution,
            total=sums.total,
            points=() if raw else sums.points,
            samples=samples_of(blocks, {row.id: row for row in series}) if raw else (),
            next_from=rfc3339(moment_of(cut)) if cut < last else None,
            turns=[turn_view(row) for row in turns[:TURNS_MAX]],
            turns_cursor=_cursor(turns[TURNS_MAX - 1]) if len(turns) > TURNS_MAX else None,
            damaged=sums.damaged,
        )

    async def _page(
        self, resolution: Resolution, series: Sequence[SeriesRow], first: int, last: int
    ) -> tuple[list[Found], int]:
        """Blocks of whole minutes with as many samples as a page holds, and the minute where they end."""
        numbers = [row.id for row in series]
        found = await self.reader.blocks(resolution, numbers, first, last, limit=BLOCKS_PER_PAGE_MAX)
        cut = found[-1][1].minute if len(found) == BLOCKS_PER_PAGE_MAX else last
        samples = 0
        for _, block in found:
            if samples >= SAMPLES_PER_PAGE and block.minute < cut and block.minute > found[0][1].minute:
                cut = block.minute
            samples += block.probes
        return [one for one in found if one[1].minute < cut], cut

    async def _all(
        self, resolution: Resolution, series: Sequence[SeriesRow], first: int, last: int
    ) -> tuple[list[Found], int]:
        """Every block, as coarse as it may be, and the end."""
        numbers = [row.id for row in series]
        if resolution not in _FINER:
            return await self._bounded(resolution, numbers, first, last), last
        late = await self._late(resolution, first, last)
        found = [
            one for one in await self._bounded(resolution, numbers, first, last) if one[1].minute not in late
        ]
        for start in sorted(late):
            finer, _ = await self._all(_FINER[resolution], series, start, start + resolution.minutes)
            found += finer
            if len(found) > BLOCKS_READ_MAX:
                raise _too_much()
        return found, last

    async def _late(self, resolution: Resolution, first: int, last: int) -> frozenset[int]:
        """The hours, or days, whose sums do not hold everything yet."""
        late = await self.reader.unrolled(resolution, first, last)
        if resolution is Resolution.DAY:
            hours = await self.reader.unrolled(Resolution.HOUR, first, last)
            late |= {floor_to(hour, resolution) for hour in hours}
        return late

    async def _bounded(
        self, resolution: Resolution, numbers: Sequence[int], first: int, last: int
    ) -> list[Found]:
        found = await self.reader.blocks(resolution, numbers, first, last, limit=BLOCKS_READ_MAX + 1)
        if len(found) > BLOCKS_READ_MAX:
            raise _too_much()
        return list(found)


def place_of(cursor: str) -> Place:
    """Where a cursor of changes of health points.

    Raises:
        ValueError: it is none.
    """
    milliseconds, position = map(int, cursor.split("-"))
    return moment_of(0, milliseconds=milliseconds), position


def _cursor(row: TurnRow) -> str:
    return f"{milliseconds_of(row.at)}-{row.position}"


def _too_much() -> HistoryRangeError:
    return HistoryRangeError(
        f"that takes more than {BLOCKS_READ_MAX} blocks; a shorter range or a coarser resolution is allowed"
    )


def _names(names: Iterable[str]) -> list[str]:
    return sorted(set(names))
