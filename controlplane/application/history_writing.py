"""Owns the way of a prober's history to its disk: health changes at once, blocks a page at a time.

Pages are packed in short steps, so that the event loop never stands still for them, and written by a thread.
What the disk does not take is kept and tried again; after some minutes the oldest samples are lost, and
health changes are not.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from controlplane.application.history_minutes import Minutes
from controlplane.application.history_turns import Turns
from controlplane.application.ports import Clock, SpoolUnavailable
from controlplane.application.ports.history import Spool
from controlplane.application.probing_fleet import Watched, WatchedCheck
from controlplane.application.spool_thread import beside_the_loop
from controlplane.domain.history_block import pack_page
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import HealthTurn
from controlplane.domain.outcome import Outcome

LOOK_SECONDS = 1.0
"""How long an ended minute may wait to be noticed, and how soon what the disk refused is tried again."""
SYNC_SECONDS = 1.0
"""How much a loss of power may cost; the end of the process costs nothing that was written."""
BLOCKS_PER_STEP = 48
"""Packing them takes about a millisecond."""
STEP_PAUSE_SECONDS = 0.005
CLOSE_SECONDS_MAX = 3.0
TURNS_NAMED_MAX = 5

logger = logging.getLogger(__name__)


class HistoryWriter:
    """The `Recorder` of a prober, and the tasks that bring to disk what it recorded."""

    def __init__(self, *, spool: Spool, clock: Clock, on_written: Callable[[], None]) -> None:
        """`on_written` is called when there is something new to upload."""
        self.minutes = Minutes(clock=clock)
        self.turns = Turns(clock=clock)
        self._spool = spool
        self._on_written = on_written
        self._packed: list[bytes] = []
        """The page that the disk takes next."""
        self._refused = False

    def heard(self, watched: WatchedCheck, outcome: Outcome, *, started: float, now: float) -> None:
        """Remember an outcome until its minute is over."""
        self.minutes.add(watched, outcome, started=started, now=now)

    def turned(self, watched: WatchedCheck, outcome: Outcome) -> None:
        """Remember a change of health until it is written."""
        self.turns.note(watched, outcome)

    def surveyed(self, instances: Iterable[Watched], reason: str) -> None:
        """Remember every change of health since the last one was told."""
        self.turns.survey(instances, reason)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write_turns_as_they_come(), name="health changes")
            tasks.create_task(self._write_blocks_as_minutes_end(), name="blocks")
            tasks.create_task(self._sync_now_and_then(), name="sync")

    async def close(self) -> None:
        """After `run` has ended: write what is left, the minute under way included, if the disk takes it."""
        self.minutes.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._reach_disk(self._write_turns)
                await self._write_blocks()
                await self._reach_disk(self._spool.sync)

    async def _write_turns_as_they_come(self) -> None:
        while True:
            await self.turns.waiting.wait()
            self.turns.waiting.clear()
            if await self._reach_disk(self._write_turns):
                self._on_written()
            else:
                self.turns.waiting.set()
                await asyncio.sleep(LOOK_SECONDS)

    async def _write_blocks_as_minutes_end(self) -> None:
        while True:
            await self._write_blocks()
            await asyncio.sleep(LOOK_SECONDS)

    async def _sync_now_and_then(self) -> None:
        while True:
            await self._reach_disk(self._spool.sync)
            await asyncio.sleep(SYNC_SECONDS)

    async def _write_blocks(self) -> None:
        """Pack what has ended and write it, in steps."""
        while self._packed or self._pack():
            if not await self._reach_disk(self._write_page):
                return
            self._on_written()
            await asyncio.sleep(STEP_PAUSE_SECONDS)

    def _pack(self) -> bool:
        """Pack one more page; answers whether there was one."""
        entries = self.minutes.take(BLOCKS_PER_STEP)
        self._packed = [pack_page(entries)] if entries else []
        return bool(entries)

    def _write_turns(self) -> None:
        turns = self.turns.unwritten()
        self._spool.append(Stream.TRANSITIONS, [turn.to_bytes() for turn in turns])
        self.turns.written(len(turns))
        if turns:
            _log(turns)

    def _write_page(self) -> None:
        self._spool.append(Stream.BLOCKS, self._packed)
        self._packed = []

    async def _reach_disk(self, call: Callable[[], None]) -> bool:
        """Make a call that blocks; answers whether the disk did its part."""
        try:
            await beside_the_loop(call)
        except SpoolUnavailable as error:
            if not self._refused:
                logger.warning("history is not written to disk", extra={"error": str(error)})
            self._refused = True
            return False
        if self._refused:
            logger.info("history is written to disk again", extra={"lost_samples": self.minutes.lost})
        self._refused = False
        return True


def _log(turns: Sequence[HealthTurn]) -> None:
    """One line for all of them: hundreds may come at once."""
    named = [
        f"{turn.instance}: {turn.before} → {turn.after}, {turn.reason}" for turn in turns[:TURNS_NAMED_MAX]
    ]
    logger.info("health changed", extra={"instances": len(turns), "first": named})
