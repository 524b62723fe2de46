"""Owns the promise that a process does not outlive its parent, not even after kill -9 (Linux)."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> Callable[[], None]:
    """A `preexec_fn`: the kernel kills the child as soon as its parent is gone.

    The kernel watches the *thread* that forked, not the process: start such children from the main thread, or
    they die with a worker thread. Everything is looked up here, before the fork; the child only calls.
    """
    parent, prctl = os.getpid(), _LIBC.prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the call above, which therefore saw nothing
            os.kill(os.getpid(), signal.SIGKILL)

    return tie


def stop_with_parent() -> None:
    """Ask the kernel for a SIGTERM to this very process when its parent ends; call from the main thread."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
