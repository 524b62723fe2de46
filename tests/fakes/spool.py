"""Owns a spool in memory, behind the port `Spool`, on a disk that can be full."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controlplane.application.ports import SpoolUnavailable
from controlplane.application.ports.history import Batch
from controlplane.domain.history_frame import Frame, Stream
from controlplane.domain.history_records import Origin

FRAMES_PER_BATCH = 100


@dataclass
class FakeSpool:
    """The port `Spool`, on a disk that can be full."""

    origin: Origin = field(default_factory=lambda: Origin("us-1", "prober-1", "boot1"))
    full: bool = False
    frames: list[Frame] = field(default_factory=list)
    """What waits, in order."""
    synced: int = 0
    """How many frames were safe at the last sync."""
    _written: dict[Stream, int] = field(default_factory=lambda: dict.fromkeys(Stream, 0))

    def append(self, stream: Stream, payloads: Sequence[bytes]) -> None:
        self._answer()
        for payload in payloads:
            self._written[stream] += 1
            self.frames.append(Frame(stream, self._written[stream], payload))

    def sync(self) -> None:
        self._answer()
        self.synced = len(self.frames)

    def batch(self, bytes_max: int) -> Batch | None:
        self._answer()
        streams = [frame.stream for frame in self.frames]
        first = next(
            (one for one in (Stream.TRANSITIONS, Stream.EVALUATIONS, *streams) if one in streams), None
        )
        if first is None:
            return None
        origin = Frame(Stream.ORIGIN, 0, self.origin.to_bytes())
        waiting = [frame for frame in self.frames if frame.stream is first]
        taken = list(_fitting(waiting, bytes_max - len(origin.to_bytes())))
        body = b"".join(frame.to_bytes() for frame in (origin, *taken))
        return Batch(body, first, len(taken), taken[-1].sequence, first.name)

    def forget(self, batch: Batch) -> None:
        self._answer()
        self.frames = [
            frame for frame in self.frames if frame.stream is not batch.stream or frame.sequence > batch.last
        ]

    def waiting_bytes(self) -> int:
        return sum(len(frame.payload) for frame in self.frames)

    def _answer(self) -> None:
        if self.full:
            raise SpoolUnavailable("no space left on device")


def _fitting(frames: Iterable[Frame], bytes_max: int) -> Iterable[Frame]:
    room = bytes_max
    for place, frame in enumerate(frames):
        room -= len(frame.to_bytes())
        if place and (room < 0 or place >= FRAMES_PER_BATCH):
            return
        yield frame
