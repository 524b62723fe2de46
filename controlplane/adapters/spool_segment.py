"""Owns one segment of a spool: a file of frames with their origin in front, appended to by one process only.

A segment that another process began is never appended to. So a torn end stays at the end, where reading
passes over it.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from controlplane.domain.history_frame import Found, Frame, Stream, frames
from controlplane.domain.history_records import Origin
from controlplane.domain.history_varint import HistoryFormatError

_FILE_MODE = 0o600
_INDEX_DIGITS = 12
_NAME = re.compile(r"(?P<index>[0-9]{12})\.(?P<stream>transitions|blocks|evaluations)(?P<thinned>\.thin)?")
_THINNED = ".thin"
_BESIDE = ".new"


@dataclass(slots=True, eq=False)
class Segment:
    """One file. Nothing here is safe to be called by two threads at once."""

    path: Path
    index: int
    stream: Stream
    thinned: bool = False
    size: int = 0
    """Bytes."""
    taken: int = 0
    """The highest sequence number that was taken over."""
    last: int | None = None
    """The highest sequence number there is; None until the file was read."""
    _descriptor: int | None = field(default=None, repr=False)
    _unsynced: bool = False

    @classmethod
    def found(cls, path: Path) -> Self | None:
        """The segment that a former process left at `path`; None for a file of another kind.

        Raises:
            OSError: the disk does not give it back.
        """
        name = _NAME.fullmatch(path.name)
        if name is None:
            return None
        stream = Stream[name["stream"].upper()]
        return cls(path, int(name["index"]), stream, bool(name["thinned"]), path.stat().st_size)

    @classmethod
    def begun(cls, folder: Path, index: int, stream: Stream, origin: Origin) -> Self:
        """A new segment, to be appended to.

        Raises:
            OSError: the disk does not take it.
        """
        path = folder / f"{index:0{_INDEX_DIGITS}}.{stream.name.lower()}"
        segment = cls(path, index, stream, last=0)
        segment._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, _FILE_MODE)
        try:
            segment._write(Frame(Stream.ORIGIN, 0, origin.to_bytes()).to_bytes())
        except OSError:
            segment.end()
            segment.remove()
            raise
        return segment

    @property
    def is_under_way(self) -> bool:
        """Whether it is appended to."""
        return self._descriptor is not None

    @property
    def is_done(self) -> bool:
        """Whether all there is was taken over."""
        return self.last is not None and self.taken >= self.last

    def append(self, records: Sequence[Frame]) -> None:
        """Write frames behind the others, all or none.

        Raises:
            OSError: the disk does not take them.
        """
        self._write(b"".join(record.to_bytes() for record in records))
        self.last = records[-1].sequence

    def sync(self) -> None:
        """Bring it to the disk itself.

        Raises:
            OSError: the disk does not take it.
        """
        if self._descriptor is not None and self._unsynced:
            os.fsync(self._descriptor)
            self._unsynced = False

    def end(self) -> None:
        """Append nothing any more.

        Raises:
            OSError: the disk does not take what was appended.
        """
        if self._descriptor is None:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self) -> tuple[Frame | None, list[Found]]:
        """Who wrote it, None where that is damaged; and the frames that were not taken over yet.

        Raises:
            OSError: the disk does not give it back.
        """
        found = list(frames(self.path.read_bytes()))
        own = [one for one in found if one.frame.stream is self.stream]
        self.last = max((one.frame.sequence for one in own), default=0)
        return _origin(found), [one for one in own if one.frame.sequence > self.taken]

    def replace(self, records: Sequence[Frame]) -> None:
        """Have these frames instead, all or nothing, and be called thinned.

        Raises:
            OSError: the disk does not take them; all is as it was.
        """
        raw = b"".join(record.to_bytes() for record in records)
        beside = self.path.with_name(self.path.name + _BESIDE)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        former, self.path = self.path, beside.rename(self.path.with_name(self.path.name + _THINNED))
        former.unlink(missing_ok=True)
        self.thinned, self.size = True, len(raw)

    def remove(self) -> None:
        """Delete the file.

        Raises:
            OSError: the disk does not let it go.
        """
        self.path.unlink(missing_ok=True)

    def _write(self, raw: bytes) -> None:
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not under way: it cannot be appended to")
        rest = memoryview(raw)
        self._unsynced = True
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(raw)


def left_overs(folder: Path) -> list[Path]:
    """What a process that died in the middle of `replace` left: half-written files, and files replaced.

    Raises:
        OSError: the disk does not give the folder.
    """
    names = {path.name for path in folder.iterdir()}
    replaced = {name.removesuffix(_THINNED) for name in names if name.endswith(_THINNED)}
    return [folder / name for name in names if name.endswith(_BESIDE) or name in replaced]


def _origin(found: Sequence[Found]) -> Frame | None:
    if not found or found[0].frame.stream is not Stream.ORIGIN:
        return None
    try:
        Origin.from_bytes(found[0].frame.payload)
    except HistoryFormatError:
        return None
    return found[0].frame
