"""Owns the client for services with an event loop: it follows in a task of that loop."""

import asyncio
from types import TracebackType
from typing import Self

from controlplane.client.following import FollowingFace


class Client(FollowingFace):
    """A reader as an async context manager.

    It belongs to the loop and the process that entered it; look-ups may come from any thread.
    """

    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._start_from_files()
        self._task = asyncio.create_task(self._follow(self._connection.open()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fall_silent()
