"""Owns the client for services without an event loop: it follows in one daemon thread of its own.

A fork copies a thread's memory but not the thread. So while the process forks, the thread is held between
two steps, where it is in the middle of nothing, of no import and under no lock, and the child starts its own.
"""

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
HOLD_SECONDS_MAX = 1.0
"""How long a fork waits for a thread that is busy: with a slow disk, or with a listener."""

_following: "WeakSet[SyncClient]" = WeakSet()
_left_behind: list["_LoopThread"] = []
"""In a forked child: its parent's threads, whose loops and sockets may neither be used nor collected here."""
_forking = threading.Lock()
"""Two threads may fork at once; the second waits for the first."""


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

    def hold(self) -> None:
        """Before a fork: hold the thread between two steps."""
        if self._thread is not None:
            self._thread.hold()

    def go_on(self) -> None:
        """After a fork, in the parent: let the thread go on."""
        if self._thread is not None:
            self._thread.go_on()

    def begin_anew(self) -> None:
        """After a fork, in the child, where the thread does not exist: follow in another."""
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
        self._may_go_on = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controlplane-client", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Cancel the work and wait for its end, except on the thread itself."""
        with suppress(RuntimeError):  # the loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS_MAX)

    def hold(self) -> None:
        """Stop between two steps until `go_on`; returns when it is so, or after a second."""
        held, self._may_go_on = threading.Event(), threading.Event()
        if threading.current_thread() is not self._thread:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_wait_between, held, self._may_go_on)
                held.wait(HOLD_SECONDS_MAX)

    def go_on(self) -> None:
        """End what `hold` began."""
        self._may_go_on.set()

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


def _wait_between(held: threading.Event, may_go_on: threading.Event) -> None:
    held.set()
    may_go_on.wait()


def _before_fork() -> None:
    _forking.acquire()
    for client in [*_following]:
        client.hold()


def _after_fork_in_parent() -> None:
    for client in [*_following]:
        client.go_on()
    _forking.release()


def _after_fork_in_child() -> None:
    _forking.release()
    for client in [*_following]:
        client.begin_anew()


def _close_all() -> None:
    for client in [*_following]:
        client.close()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)
atexit.register(_close_all)
