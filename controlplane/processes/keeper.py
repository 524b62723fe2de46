"""Owns the life of one child: start, readiness, health, end, and start again."""

import asyncio
import logging
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress

from controlplane.application.backoff import Backoff
from controlplane.processes.child import Child, Lifetime
from controlplane.processes.child_log import bound_log, last_line, open_log
from controlplane.processes.errors import ProcessError
from controlplane.processes.parent_death import die_with_parent

READY_POLL_SECONDS = 0.05
HEALTH_INTERVAL_SECONDS = 2.0
FIRST_STARTS_MAX = 3
"""Attempts until a child is ready for the first time; after that it is started again for ever."""
STABLE_SECONDS = 30.0
"""When a child that ran so long ends, the waits between attempts begin with the shortest again."""
STEP_TIMEOUT_SECONDS = 600.0

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps one child running until it is cancelled, and ends it then."""

    def __init__(
        self, child: Child, *, hurry: asyncio.Event, on_change: Callable[[str, int | None], None]
    ) -> None:
        """Take the child.

        Args:
            child: what to run.
            hurry: once set, an ending child is killed at once.
            on_change: called with its name and process id after each start, with None after each end.
        """
        self.child = child
        self.ready = asyncio.Event()
        """It has served (a step: succeeded) for the first time."""
        self._hurry = hurry
        self._on_change = on_change

    async def keep(self) -> None:
        """Run it; call this in the main thread.

        Raises:
            ProcessError: it could not be brought up, or the step failed.
        """
        if self.child.lifetime is Lifetime.STEP:
            await self._run_step()
        else:
            await self._run_service()

    async def _run_step(self) -> None:
        try:
            async with asyncio.timeout(STEP_TIMEOUT_SECONDS), self._running() as process:
                await process.wait()
        except TimeoutError as error:
            raise ProcessError(f"{self.child.name} took longer than {STEP_TIMEOUT_SECONDS:g} s") from error
        except OSError as error:
            raise ProcessError(f"{self.child.name} cannot be started: {error}") from error
        if process.returncode != 0:
            raise ProcessError(f"{self.child.name} {self._ending(process)}")
        self.ready.set()

    async def _run_service(self) -> None:
        backoff, attempts, loop = Backoff(), 0, asyncio.get_running_loop()
        while True:
            attempts, started = attempts + 1, loop.time()
            ending = await self._run_once()
            if not self.ready.is_set() and attempts == FIRST_STARTS_MAX:
                raise ProcessError(f"{self.child.name} does not come up: it {ending}")
            if loop.time() - started > STABLE_SECONDS:
                backoff.reset()
            wait_seconds = backoff.next_seconds()
            facts = {"child": self.child.name, "ending": ending, "wait_seconds": round(wait_seconds, 3)}
            _log.warning("child is started again", extra=facts)
            await asyncio.sleep(wait_seconds)

    async def _run_once(self) -> str:
        """From start to end; answers how it ended, as the rest of a sentence about it."""
        try:
            async with self._running() as process:
                return await self._attend(process)
        except OSError as error:
            return f"cannot be started: {error}"

    async def _attend(self, process: Process) -> str:
        try:
            async with asyncio.timeout(self.child.ready_timeout_seconds):
                while not await self._answers():
                    if await _ends_within(process, READY_POLL_SECONDS):
                        return self._ending(process)
        except TimeoutError:
            return f"was not ready within {self.child.ready_timeout_seconds:g} s{self._last_words()}"
        if process.returncode is not None:  # then somebody else answered in its place
            return self._ending(process)
        self.ready.set()
        _log.info("child is up", extra={"child": self.child.name, "pid": process.pid})
        return await self._watch(process)

    async def _watch(self, process: Process) -> str:
        failures = 0
        while failures < self.child.health_failures_max:
            if await _ends_within(process, HEALTH_INTERVAL_SECONDS):
                return self._ending(process)
            failures = 0 if await self._answers() else failures + 1
            if self.child.log is not None:
                bound_log(self.child.log)
        return f"failed {failures} health checks in a row"

    async def _answers(self) -> bool:
        return self.child.is_ready is None or await asyncio.to_thread(self.child.is_ready)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Process]:
        """The child's process; it has ended when the block is left."""
        process = await self._spawn()
        self._on_change(self.child.name, process.pid)
        try:
            yield process
        finally:
            await self._end(process)
            self._on_change(self.child.name, None)

    async def _spawn(self) -> Process:
        self.child.before_start()
        path = self.child.log
        with open_log(path) if path else nullcontext() as log:
            return await asyncio.create_subprocess_exec(
                *self.child.argv,
                env=self.child.environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT if log else None,
                start_new_session=True,  # Ctrl-C goes to us alone: the order of ending is ours
                preexec_fn=die_with_parent(),
            )

    async def _end(self, process: Process) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(self.child.stop_signal)
        if not await self._ended_in_time(process):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ended_in_time(self, process: Process) -> bool:
        waits = {asyncio.ensure_future(process.wait()), asyncio.ensure_future(self._hurry.wait())}
        await asyncio.wait(
            waits, timeout=self.child.stop_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in waits:
            wait.cancel()
        return process.returncode is not None

    def _ending(self, process: Process) -> str:
        code = process.returncode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return how + self._last_words()

    def _last_words(self) -> str:
        path = self.child.log
        return f", saying “{last_line(path)}” ({path})" if path else ""


async def _ends_within(process: Process, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return False
    return True
