"""Programs that print a line per value they see, as the recipes do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

RECIPES = Path(__file__).parents[2] / "docs/readers"
LINE_SECONDS_MAX = 60.0


class Program:
    """A running recipe and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(LINE_SECONDS_MAX):
            raw = await self._process.stdout.readline()
        assert raw, f"the program ended with {await self._process.wait()} instead of printing a line"
        return raw.decode().rstrip("\n")


@asynccontextmanager
async def running(*argv: str, environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """Run a program for a `with` block; it and all that it started end with the block."""
    process = await asyncio.create_subprocess_exec(
        *argv, env=dict(environment), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
