"""Runs a supervisor inside a test, or as a process of its own that a test may kill."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from controlplane.processes.child import Child
from controlplane.processes.supervisor import Supervisor
from tests.processes.dummies import dummy

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02


class Run:
    """A supervisor under test and what it told."""

    def __init__(self, table: Sequence[Child]) -> None:
        self.ready = asyncio.Event()
        self.changes: list[dict[str, int]] = []
        self.supervisor = Supervisor(table, on_ready=self.ready.set, on_change=self._note)
        self.task = asyncio.create_task(self.supervisor.run())

    @property
    def pids(self) -> dict[str, int]:
        return self.changes[-1]

    async def until_ready(self) -> None:
        """Wait for it; a failure to come up is raised."""
        waiting = asyncio.create_task(self.ready.wait())
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    def _note(self, pids: Mapping[str, int]) -> None:
        self.changes.append(dict(pids))


@asynccontextmanager
async def running(*table: Child) -> AsyncIterator[Run]:
    """A supervisor that is up; it has ended when the block is left."""
    run = Run(table)
    try:
        await run.until_ready()
        yield run
    finally:
        run.task.cancel()
        await asyncio.wait({run.task})


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that is sure to come true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the world outside sets no event
            await asyncio.sleep(POLL_SECONDS)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent to look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def main(folder: Path) -> None:
    """Supervise two dummies and write their process ids into the folder."""

    def note(pids: Mapping[str, int]) -> None:
        beside = folder / f"pids.{os.getpid()}"
        beside.write_text("\n".join(str(pid) for pid in pids.values()))
        beside.replace(folder / "pids")

    supervisor = Supervisor([dummy("one"), dummy("two", stage=1)], on_ready=lambda: None, on_change=note)
    await supervisor.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
