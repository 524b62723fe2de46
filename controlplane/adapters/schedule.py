"""Owns APScheduler: one short tick that calls a plain function, and no job beside it.

APScheduler goes by the wall clock. So the tick's trigger always says "an interval from now": set forward by a
day, the clock brings one tick and not millions. And a monotonic timer looks whether it still ticks: set back
by an hour, APScheduler would sleep for that hour.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

REVIVAL_SECONDS = 0.5
"""How long the ticks may stay away before they are started again."""
_LONG_DUE = datetime(2000, 1, 1, tzinfo=UTC)


class ApschedulerTicker:
    """The port `Ticker`."""

    def __init__(self, *, first: datetime = _LONG_DUE) -> None:
        """`first`: when the first tick is due; at once, unless it is said."""
        self._first = first
        self._ticked = False

    @asynccontextmanager
    async def __call__(self, seconds: float, call: Callable[[], None]) -> AsyncIterator[None]:
        """Call on the event loop every `seconds` while the context is open; late calls are not made up for.

        What `call` raises is logged by APScheduler, and the next call comes all the same.
        """
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it would log each tick, made or missed

        async def tick() -> None:  # a coroutine, because plain functions are run in threads
            self._ticked = True
            call()

        scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"misfire_grace_time": None})
        job = scheduler.add_job(tick, _FromNow(timedelta(seconds=seconds)), next_run_time=self._first)
        scheduler.start()
        reviver = asyncio.get_running_loop().create_task(self._revive(job))
        try:
            yield
        finally:
            scheduler.pause()
            reviver.cancel()
            await asyncio.wait(
                [reviver]
            )  # a tick that was handed out runs meanwhile: ended, it would be logged
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the scheduler ends itself on the loop

    async def _revive(self, job: Any) -> None:
        while True:
            self._ticked = False
            await asyncio.sleep(REVIVAL_SECONDS)
            if not self._ticked:
                job.modify(next_run_time=_LONG_DUE)


class _FromNow(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Due an interval after the last time it was due, or after now, whichever was later."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Called by APScheduler with every tick."""
        return now + self._interval
