"""Owns the rule that a data directory has one supervisor at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from controlplane.processes.errors import ProcessError
from controlplane.processes.private_file import private_folder

_LOCK = "supervisor.lock"
_ATTEMPTS_MAX = 10
"""Somebody who asks `is_supervised` holds the lock for a moment, too."""
_ATTEMPT_PAUSE_SECONDS = 0.05


@contextmanager
def supervised(data_dir: Path) -> Iterator[None]:
    """Be its supervisor for a `with` block. The kernel frees it when we end, however we end.

    Raises:
        ProcessError: another supervisor runs on it, or it cannot be written.
    """
    path = private_folder(data_dir) / _LOCK
    try:
        lock = path.open("a+", encoding="ascii")
    except OSError as error:
        raise ProcessError(f"cannot write into {data_dir}: {error.strerror}") from error
    with lock:
        if not any(_taken(lock) for _ in range(_ATTEMPTS_MAX)):
            raise ProcessError(
                f"controlplane runs on {data_dir} already (process {path.read_text(encoding='ascii')}); "
                "stop that one, or choose another folder by --data-dir or CONTROLPLANE_DATA_DIR"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_supervised(data_dir: Path) -> bool:
    """Whether a supervisor runs on it now."""
    try:
        with (data_dir / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_ATTEMPT_PAUSE_SECONDS)
        return False
    return True
