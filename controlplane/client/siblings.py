"""Owns what the processes behind one address say together: of each document the lowest revision among them.

Each process keeps one file in a folder that they share, with its own acknowledgements, and holds a lock on it
for as long as it lives: what a dead process said counts no more.
"""

import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from weakref import WeakSet

from controlplane.contract.applied import (
    HEADER_BYTES_MAX,
    Applied,
    AppliedError,
    AppliedState,
    parse,
    render,
)

_NAME_BYTES = 4
_SEVERITY = {AppliedState.NACK: 0, AppliedState.STALE: 1, AppliedState.ABSENT: 2, AppliedState.OK: 3}

_log = logging.getLogger(__name__)
_all: "WeakSet[Siblings]" = WeakSet()


class Siblings:
    """One process among those that share a folder. Its methods never raise: a full disk costs only this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said = ""
        self._path: Path | None = None
        self._locked: int | None = None
        _all.add(self)

    def say(self, entries: Iterable[Applied]) -> None:
        """Let the others know what is acknowledged here, where that has changed."""
        text = render(entries)
        if text == self._said:
            return
        try:
            self._replace(text)
            self._said = text
        except OSError as error:
            _log.warning("%s: the other processes are not told: %s", self._folder, error)

    def lowest(self, own: Sequence[Applied]) -> list[Applied]:
        """What all living processes say together: of each document the entry that is furthest behind."""
        entries: dict[tuple[str, str], Applied] = {}
        for entry in (*own, *self._hear()):
            key = (entry.kind, entry.name)
            entries[key] = min(entries.get(key, entry), entry, key=_how_far)
        return [*entries.values()]

    def leave(self) -> None:
        """Say nothing more."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()
        self.forget()

    def forget(self) -> None:
        """Let go of the file without touching it: in a forked child it is the parent's."""
        if self._locked is not None:
            os.close(self._locked)
        self._said, self._path, self._locked = "", None, None

    def _replace(self, text: str) -> None:
        """Put a new file, locked already, in the place of the former one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path or self._folder / f"{os.getpid()}-{secrets.token_hex(_NAME_BYTES)}"
        beside = path.with_name(f".{path.name}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            os.write(descriptor, text.encode())
            beside.replace(path)
        except OSError:
            os.close(descriptor)
            raise
        if self._locked is not None:
            os.close(self._locked)
        self._path, self._locked = path, descriptor

    def _hear(self) -> Iterator[Applied]:
        try:
            paths = [path for path in self._folder.iterdir() if not path.name.startswith(".")]
        except OSError:
            return
        for path in paths:
            if path != self._path:
                with suppress(OSError, AppliedError):
                    yield from parse(_living(path))


def _living(path: Path) -> str:
    """What a process says that lives; of one that does not, nothing, and its file is removed."""
    with path.open("rb") as file:
        try:
            flock(file, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            return file.read(HEADER_BYTES_MAX).decode()
        if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
            return _living(path)  # it has just said something new
        path.unlink()
        return ""


def _how_far(entry: Applied) -> tuple[int, int]:
    return entry.revision, _SEVERITY[entry.state]


def _forget_in_child() -> None:
    for siblings in [*_all]:
        siblings.forget()


os.register_at_fork(after_in_child=_forget_in_child)
