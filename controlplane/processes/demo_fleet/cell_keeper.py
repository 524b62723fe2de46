"""Owns the life of one cell's process as its parent sees it: started, given faults, killed, started again."""

import asyncio
import json
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from controlplane.processes.demo_fleet.cell_process import CellConfig
from controlplane.processes.demo_fleet.fault import Fault, FaultKind
from controlplane.processes.parent_death import die_with_parent

START_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 5.0
RESTART_SECONDS = 1.0
"""Pause before a process that ended by itself is started again."""

_ARGV = (sys.executable, "-m", "controlplane.processes.demo_fleet.cell_process")

_log = logging.getLogger(__name__)


class CellKeeper:
    """Keeps the process of one cell running, except while all its instances are killed."""

    def __init__(self, config: CellConfig) -> None:
        self._config = config
        self._faults: Mapping[str, Fault] = {}
        self._process: Process | None = None
        self._pipe = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Keep the process until cancelled, and then end it."""
        while True:
            await self._wanted.wait()
            await self._one_life()
            if self._wanted.is_set():
                _log.warning("%s/%s ended by itself", self._config.service, self._config.region)
                await asyncio.sleep(RESTART_SECONDS)

    async def ready(self) -> None:
        """Wait until the instances listen."""
        await self._up.wait()

    async def suffer(self, faults: Mapping[str, Fault]) -> None:
        """Give the instances these faults, by id; those not named are well. Returns when it is so."""
        self._faults = faults
        if all(_killed(faults.get(name)) for name in self._config.ports):
            self._wanted.clear()
            self._kill()
            await self._down.wait()
        elif self._up.is_set():
            await self._order()
        else:
            self._wanted.set()
            await self._up.wait()

    async def _one_life(self) -> None:
        self._down.clear()
        process = self._process = await asyncio.create_subprocess_exec(
            *_ARGV,
            stdin=PIPE,
            stdout=PIPE,
            preexec_fn=die_with_parent(),
        )
        try:
            started = await self._tell(self._config.to_line(), START_SECONDS_MAX)
            if started and self._wanted.is_set() and await self._order():
                self._up.set()
                await process.wait()
        finally:
            self._up.clear()
            self._process = None
            await _end(process)
            self._down.set()

    async def _order(self) -> bool:
        """Tell the process its faults; one that does not obey is killed and told when it is back."""
        faults = {name: fault.to_json() for name, fault in self._faults.items()}
        obeyed = await self._tell(json.dumps({"faults": faults}).encode() + b"\n", ANSWER_SECONDS_MAX)
        if not obeyed:
            self._kill()
        return obeyed

    async def _tell(self, line: bytes, seconds: float) -> bool:
        """Send one line and wait for the answer to it; False where the process has ended or hangs."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return False
        try:
            async with asyncio.timeout(seconds), self._pipe:
                process.stdin.write(line)
                await process.stdin.drain()
                return bool(await process.stdout.readline())
        except (OSError, TimeoutError):
            return False

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)


async def _end(process: Process) -> None:
    """End a process: by the end of its orders, else by force."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _killed(fault: Fault | None) -> bool:
    return fault is not None and fault.kind is FaultKind.KILL
