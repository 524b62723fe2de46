"""Owns the client for services without an event loop: it follows in one daemon thread of its own."""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from controlplane.client.following import FollowingFace

CLOSE_SECONDS_MAX = 5.0

_following: "WeakSet[SyncClient]" = WeakSet()
_left_behind: list["_LoopThread"] = []
"""In a forked child: its parent's threads, whose loops and sockets may neither be used nor collected here."""


class SyncClient(FollowingFace):
    """A reader for threads: `start()` and `close()`, or a `with` block.

    A forked child goes on with what was in force, and follows in a thread of its own. At the interpreter's
    exit every client closes by itself.
    """

    _thread: "_LoopThread | None" = None

    def start(self) -> Self:
        """Serve from the last-known-good files at once, and follow; a second call changes nothing."""
        if self._thread is None:
            self._start_from_files()
            self._thread = _LoopThread(self._follow(self._connection.open(), _here))
            _following.add(self)
        return self

    def close(self) -> None:
        """Stop following; what is in force can still be asked for."""
        thread, self._thread = self._thread, None
        _following.discard(self)
        if thread is not None:
            thread.end()
            self._fall_silent()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def begin_anew(self) -> None:
        """Follow in a forked child, where the thread that followed does not exist."""
        if self._thread is not None:
            _left_behind.append(self._thread)
        self._thread = None
        for followed in self._followed:
            followed.standing.begin_anew()
        self.start()


class _LoopThread:
    """A daemon thread with an event loop that does one thing until it is told to end."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._task = self._loop.create_task(work)
        self._thread = threading.Thread(target=self._run, name="controlplane-client", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Cancel the work and wait for its end, except on the thread itself."""
        with suppress(RuntimeError):  # the loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS_MAX)

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()


async def _here(work: Callable[[], None]) -> None:
    """Blocking disturbs nobody on a thread that only follows, and works until the interpreter ends."""
    work()


def _begin_anew_in_child() -> None:
    for client in [*_following]:
        client.begin_anew()


def _close_all() -> None:
    for client in [*_following]:
        client.close()


os.register_at_fork(after_in_child=_begin_anew_in_child)
atexit.register(_close_all)
