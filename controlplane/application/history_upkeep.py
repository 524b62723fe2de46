"""Owns what the leader does to history once a minute: room for days to come, sums of hours gone by, an end.

Rolling an hour up means to read its blocks once and to add them up in this process, minute by minute and
beside the event loop. What arrives late touches its hour again, and the hour is rolled up anew.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from controlplane.application.history_ingest import first_kept_minute
from controlplane.application.ports import Clock, DatabaseUnavailable, Ticker
from controlplane.application.ports.history import DueSpan, HistoryUpkeep
from controlplane.application.retention import Retention
from controlplane.domain.history_block import Block, block_of_summary
from controlplane.domain.history_summary import Summary, added
from controlplane.domain.history_time import DAY_MINUTES, Resolution, minute_of, moment_of
from controlplane.domain.history_varint import HistoryFormatError

UPKEEP_SECONDS = 60.0
AHEAD_DAYS = 3
"""For so many days to come there is room before the first block arrives."""
SETTLE_MINUTES = 3
"""How long after its end an hour waits for the last blocks to arrive."""
SPANS_PER_LOOK_MAX = 24
EXPIRE_EVERY_LOOKS = 60
"""Old rows are looked for once an hour; while there are any, at every look: each takes out so many only."""

logger = logging.getLogger(__name__)

_PARTS = {Resolution.HOUR: Resolution.MINUTE, Resolution.DAY: Resolution.HOUR}


@dataclass(slots=True)
class HistoryHousekeeping:
    """Works while `leading` says so."""

    upkeep: HistoryUpkeep
    clock: Clock
    ticker: Ticker
    leading: Callable[[], bool]
    retention: Retention
    _looks_until_expiry: int = 0
    _due: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look once a minute, for as long as the process lives."""
        async with self.ticker(UPKEEP_SECONDS, self._due.set):
            while True:
                await self._due.wait()
                self._due.clear()
                if not self.leading():
                    continue
                try:
                    await self.look()
                except DatabaseUnavailable as error:
                    logger.warning("upkeep of history is delayed", extra={"error": str(error)})

    async def look(self) -> None:
        """Do what there is to do, once.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer; what is left is done the next time.
        """
        now = minute_of(self.clock.now())
        today = now - now % DAY_MINUTES
        await self.upkeep.make_partitions([today + day * DAY_MINUTES for day in range(AHEAD_DAYS + 1)])
        hours_from, days_from, _ = self._kept(now)
        ended = now - SETTLE_MINUTES
        for due in await self.upkeep.due(hours_from, days_from, ended, limit=SPANS_PER_LOOK_MAX):
            await self.roll(due)
        if self._looks_until_expiry == 0:
            self._looks_until_expiry = 1 if await self._expire(now) else EXPIRE_EVERY_LOOKS
        self._looks_until_expiry -= 1

    async def roll(self, due: DueSpan) -> None:
        """Add up one hour or day.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer; doing it again is harmless.
        """
        sums: dict[int, Summary] = {}
        finer = _PARTS[due.resolution]
        for start in range(due.start, due.start + due.resolution.minutes, finer.minutes):
            parts = await self.upkeep.parts(finer, start)
            await asyncio.to_thread(_add, sums, parts)
        blocks = {series: block_of_summary(due.start, total) for series, total in sums.items()}
        await self.upkeep.roll(due, blocks)

    async def _expire(self, now: int) -> bool:
        """Let go of what is too old; answers whether there was anything."""
        retention, today = self.retention, moment_of(now)
        raw, hourly, daily = self._kept(now)
        dropped = await self.upkeep.drop_partitions(raw)
        deleted = await self.upkeep.expire(
            hourly=hourly,
            daily=daily,
            records=today - timedelta(days=retention.hourly_days),
            uploads=today - timedelta(days=retention.raw_days),
        )
        if dropped or deleted:
            logger.info("old history is gone", extra={"days_of_samples": len(dropped), "rows": deleted})
        return bool(dropped or deleted)

    def _kept(self, now: int) -> tuple[int, int, int]:
        """The first minutes of which samples, sums of hours and sums of days are kept.

        Sums stay as long as what they are made of: what arrives late is added to all of its hour and day.
        """
        raw = self.retention.raw_days
        hourly = max(self.retention.hourly_days, raw)
        daily = max(self.retention.daily_days, hourly)
        return first_kept_minute(now, raw), first_kept_minute(now, hourly), first_kept_minute(now, daily)


def _add(sums: dict[int, Summary], parts: Sequence[tuple[int, Block]]) -> None:
    """Add blocks to the sums of their series; a damaged one is passed over."""
    for series, block in parts:
        try:
            summary = block.summary()
        except HistoryFormatError as error:
            logger.warning("a damaged block is passed over", extra={"series": series, "error": str(error)})
            continue
        sums[series] = added((sums[series], summary)) if series in sums else summary
