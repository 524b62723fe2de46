"""Owns frames: how records of history lie on disk and travel, each with its number and a checksum.

What is damaged or cut off is passed over: behind it, reading goes on at the next frame that is whole.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

PAYLOAD_BYTES_MAX = 1024 * 1024

_MAGIC = b"\xc7\x50"
_HEAD = Struct(">2sBQII")
HEAD_BYTES = _HEAD.size
"""What a frame takes beyond its payload."""
_CHECKED_FROM = 2
"""The checksum covers the rest of the head, without itself, and the payload."""


class Stream(IntEnum):
    """What a frame carries; each stream of one boot is numbered for itself, from 1."""

    ORIGIN = 0
    """Who wrote the frames behind it."""
    TRANSITIONS = 1
    BLOCKS = 2
    EVALUATIONS = 3


_STREAMS = frozenset(map(int, Stream))


@dataclass(frozen=True, slots=True)
class Frame:
    """One record."""

    stream: Stream
    sequence: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """The frame as it lies on disk."""
        head = _HEAD.pack(_MAGIC, self.stream, self.sequence, len(self.payload), 0)
        checksum = _checksum(head, self.payload)
        return _HEAD.pack(_MAGIC, self.stream, self.sequence, len(self.payload), checksum) + self.payload


@dataclass(frozen=True, slots=True)
class Found:
    """A frame, and where it lies in what was read."""

    frame: Frame
    begin: int
    end: int


def frames(data: bytes) -> Iterator[Found]:
    """Every whole frame in `data`, in order."""
    place = data.find(_MAGIC)
    while place >= 0:
        found = _frame_at(data, place)
        if found:
            yield found
        place = data.find(_MAGIC, found.end if found else place + 1)


def _frame_at(data: bytes, place: int) -> Found | None:
    begin = place + _HEAD.size
    if begin > len(data):
        return None
    _, stream, sequence, length, checksum = _HEAD.unpack_from(data, place)
    end = begin + length
    if length > PAYLOAD_BYTES_MAX or end > len(data) or stream not in _STREAMS:
        return None
    payload = data[begin:end]
    if _checksum(data[place:begin], payload) != checksum:
        return None
    return Found(Frame(Stream(stream), sequence, payload), place, end)


def _checksum(head: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(head[_CHECKED_FROM:-4]))
