"""Owns the spool of one process: segments in a folder, a bounded number of bytes, the oldest out first.

Room is made in this order: the samples of old blocks, whose sums stay; then old blocks and evaluations. A
change of health is never dropped. The first segment of blocks is the one that is being sent: it is never
thinned, because a batch may have been stored without our knowing, and must then be sent again as it was.

Fsync follows the caller's `sync`, and the end of each segment. A process that dies loses nothing that was
appended; a loss of power costs what was appended since.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from controlplane.adapters.spool_segment import Segment, left_overs
from controlplane.application.ports import SpoolUnavailable
from controlplane.application.ports.history import Batch
from controlplane.domain.history_frame import HEAD_BYTES, Frame, Stream
from controlplane.domain.history_records import Origin
from controlplane.domain.history_thinning import Thinning
from controlplane.domain.history_varint import HistoryFormatError

SEGMENT_BYTES_MAX = 1024 * 1024
THINNING_PAUSE_SECONDS = 0.002
"""After each page, so that the other threads of the process keep most of the processor."""

_FOLDER_MODE = 0o700
_FIRST_TO_LAST = (Stream.TRANSITIONS, Stream.EVALUATIONS, Stream.BLOCKS)
_DROPPABLE = frozenset({Stream.BLOCKS, Stream.EVALUATIONS})

logger = logging.getLogger(__name__)


class SegmentSpool:
    """A folder behind the port `Spool`. Any thread may call; the calls wait for each other."""

    def __init__(
        self, folder: Path, *, origin: Origin, bytes_max: int, segment_bytes_max: int = SEGMENT_BYTES_MAX
    ) -> None:
        """Name a folder. The first call opens it, with everything that former processes left there.

        Every call raises `SpoolUnavailable` while another process uses the folder.
        """
        self._folder = folder
        self._origin = origin
        self._bytes_max = bytes_max
        self._segment_bytes_max = segment_bytes_max
        self._written = dict.fromkeys(Stream, 0)
        """The last sequence number of each stream."""
        self._under_way: dict[Stream, Segment] = {}
        self._folder_unsynced = False
        self._segments: list[Segment] = []
        self._indexes = 0
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        """Of the folder; it holds the claim to it."""

    def append(self, stream: Stream, payloads: Sequence[bytes]) -> None:
        """Keep records, all or none; they survive the end of this process from now on."""
        first = self._written[stream] + 1
        records = [Frame(stream, first + place, payload) for place, payload in enumerate(payloads)]
        if not records:
            return
        with self._exclusively():
            size = sum(len(record.to_bytes()) for record in records)
            self._make_room(stream, size + len(self._origin.to_bytes()) + HEAD_BYTES)
            self._segment_for(stream).append(records)
            self._written[stream] = records[-1].sequence

    def sync(self) -> None:
        """Bring to the disk itself what was appended."""
        with self._exclusively():
            for segment in self._under_way.values():
                segment.sync()
            if self._folder_unsynced and self._descriptor is not None:
                os.fsync(self._descriptor)
                self._folder_unsynced = False

    def batch(self, bytes_max: int) -> Batch | None:
        """What waits longest, changes of health before anything else; one frame at least."""
        with self._exclusively():
            for stream in _FIRST_TO_LAST:
                for segment in self._of(stream):
                    batch = None if segment.is_done else _batch(segment, bytes_max)
                    if batch:
                        return batch
                    self._remove_if_done(segment)
        return None

    def forget(self, batch: Batch) -> None:
        """Let go of a batch that was taken over."""
        with self._exclusively():
            for segment in self._segments:
                if segment.path.name == batch.place:
                    segment.taken = max(segment.taken, batch.last)
                    self._remove_if_done(segment)
                    return

    def waiting_bytes(self) -> int:
        """How many bytes it holds."""
        return sum(segment.size for segment in tuple(self._segments))

    def close(self) -> None:
        """End everything; another process may open the folder then."""
        with self._exclusively():
            for segment in self._under_way.values():
                segment.end()
                self._remove_if_done(segment)
            self._under_way.clear()
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in left_overs(self._folder):
                path.unlink()
            found = filter(None, map(Segment.found, self._folder.iterdir()))
            self._segments = sorted(found, key=lambda segment: segment.index)
        except BlockingIOError as error:
            os.close(descriptor)
            raise SpoolUnavailable(f"{self._folder} is used by another process") from error
        except OSError:
            os.close(descriptor)
            raise
        self._indexes = max((segment.index for segment in self._segments), default=0)
        self._descriptor = descriptor

    def _of(self, stream: Stream) -> list[Segment]:
        return [segment for segment in self._segments if segment.stream is stream]

    def _segment_for(self, stream: Stream) -> Segment:
        """The segment under way, or a new one where that is full."""
        segment = self._under_way.get(stream)
        if segment and segment.size < self._segment_bytes_max:
            return segment
        if segment:
            del self._under_way[stream]
            segment.end()
            self._remove_if_done(segment)
        self._indexes += 1
        begun = Segment.begun(self._folder, self._indexes, stream, self._origin)
        self._under_way[stream] = begun
        self._segments.append(begun)
        self._folder_unsynced = True
        return begun

    def _remove_if_done(self, segment: Segment) -> None:
        if segment.is_done and not segment.is_under_way:
            segment.remove()
            self._segments.remove(segment)

    def _make_room(self, stream: Stream, wanted: int) -> None:
        while self.waiting_bytes() + wanted > self._bytes_max:
            if not (self._thin_one() or self._drop_one()):
                break
        else:
            return
        if stream in _DROPPABLE:
            raise SpoolUnavailable(
                f"{self._folder} is full: {self.waiting_bytes()} of {self._bytes_max} bytes are changes of "
                "health that wait to be uploaded"
            )

    def _thin_one(self) -> bool:
        """Take the samples out of the oldest segment that has any; answers whether there was one."""
        whole = [segment for segment in self._of(Stream.BLOCKS)[1:] if not segment.thinned]
        if not whole or whole[0].is_under_way:
            return False
        try:
            whole[0].replace(_thinned(whole[0]))
        except OSError as error:
            logger.warning(
                "samples are not thinned", extra={"segment": whole[0].path.name, "error": str(error)}
            )
            return False
        logger.warning("old samples are dropped, their sums stay", extra={"segment": whole[0].path.name})
        return True

    def _drop_one(self) -> bool:
        """Drop the oldest segment that may be dropped; answers whether there was one."""
        for segment in self._segments:
            if segment.stream in _DROPPABLE and not segment.is_under_way:
                segment.remove()
                self._segments.remove(segment)
                logger.error(
                    "old history is dropped: the spool is full", extra={"segment": segment.path.name}
                )
                return True
        return False

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        with self._lock:
            try:
                if self._descriptor is None:
                    self._open()
                yield
            except OSError as error:
                raise SpoolUnavailable(f"{self._folder}: {error.strerror or error}") from error


def _batch(segment: Segment, bytes_max: int) -> Batch | None:
    origin, waiting = segment.read()
    if origin is None or not waiting:
        if waiting:
            logger.error("a damaged segment is given up", extra={"segment": segment.path.name})
        segment.taken = segment.last or 0
        return None
    body = bytearray(origin.to_bytes())
    taken: list[Frame] = []
    for found in waiting:
        raw = found.frame.to_bytes()
        if taken and len(body) + len(raw) > bytes_max:
            break
        body += raw
        taken.append(found.frame)
    return Batch(bytes(body), segment.stream, len(taken), taken[-1].sequence, segment.path.name)


def _thinned(segment: Segment) -> list[Frame]:
    """The frames of a segment without their samples, under the last of their numbers."""
    origin, waiting = segment.read()
    thinning = Thinning()
    for found in waiting:
        try:
            thinning.add(found.frame.payload)
        except HistoryFormatError as error:
            damaged = {"sequence": found.frame.sequence, "error": str(error)}
            logger.warning("a damaged page is passed over", extra=damaged)
        time.sleep(THINNING_PAUSE_SECONDS)
    pages = list(thinning.pages())
    numbers = [found.frame.sequence for found in waiting][len(waiting) - len(pages) :]
    records = [Frame(Stream.BLOCKS, number, page) for number, page in zip(numbers, pages, strict=True)]
    return [*([origin] if origin else []), *records]
