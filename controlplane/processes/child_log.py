"""Owns the log files of children that speak no JSON: written by the child itself, bounded by us."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from controlplane.processes.private_file import private_folder

LOG_BYTES_MAX = 4 * 1024 * 1024
_TAIL_BYTES_MAX = 4_096
_FRAME = " \t\r+-|"


def open_log(path: Path) -> BinaryIO:
    """The file for a child's output. It is opened for appending, so that it may be emptied under the child.

    Raises:
        OSError: it cannot be written.
    """
    private_folder(path.parent)
    return path.open("ab")


def bound_log(path: Path) -> None:
    """Once it has outgrown its bound, keep it as `<name>.1` (the one kept before goes) and begin anew.

    Where it cannot be kept, on a full disk, it begins anew all the same.
    """
    if not path.exists() or path.stat().st_size <= LOG_BYTES_MAX:
        return
    with suppress(OSError):
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def last_line(path: Path) -> str:
    """What the child said last, without the frame of a traceback; empty where it said nothing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES_MAX))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((said for line in reversed(lines) if (said := line.strip(_FRAME))), "")
