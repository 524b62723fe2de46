"""Owns what is taken of an upload: read strictly, for the sender's own vantage, of days that are kept."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from controlplane.application.ports import Clock
from controlplane.application.ports.history import ProbeHistory, Stored, Upload
from controlplane.application.retention import Retention
from controlplane.domain.history_block import Entry, unpack_page
from controlplane.domain.history_frame import Frame, Stream, frames
from controlplane.domain.history_records import HealthTurn, Origin
from controlplane.domain.history_time import DAY_MINUTES, minute_of
from controlplane.domain.history_varint import HistoryFormatError

AHEAD_MINUTES_MAX = DAY_MINUTES
"""A prober whose clock is further ahead writes about days that nobody will look at."""

logger = logging.getLogger(__name__)


class ForeignVantage(Exception):
    """A prober wants to speak for another vantage than its own."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload."""

    stored: Stored
    skipped_blocks: int
    """Of days that are not kept any more, or lie ahead."""


@dataclass(slots=True)
class HistoryIngest:
    """Takes uploads in."""

    probes: ProbeHistory
    clock: Clock
    retention: Retention

    async def take(self, body: bytes, *, vantage: str) -> Taken:
        """Store an upload of a prober of this vantage; what was stored before is not stored again.

        Raises:
            HistoryFormatError: it is none; it will never be taken.
            ForeignVantage: it is another vantage's.
            DatabaseUnavailable: PostgreSQL does not answer; sending it again is harmless.
        """
        upload = await asyncio.to_thread(read_upload, body)
        if upload.origin.vantage != vantage:
            raise ForeignVantage(f"this token uploads for {vantage}, not for {upload.origin.vantage}")
        kept = self._kept(upload)
        skipped = _count(upload) - _count(kept)
        if skipped:
            told = {"prober": f"{vantage}/{upload.origin.prober}", "blocks": skipped}
            logger.warning("blocks of days that are not kept were skipped", extra=told)
        return Taken(await self.probes.store(kept), skipped)

    def _kept(self, upload: Upload) -> Upload:
        now = minute_of(self.clock.now())
        first, last = first_kept_minute(now, self.retention.raw_days), now + AHEAD_MINUTES_MAX
        pages = [
            (sequence, [entry for entry in page if first <= entry[1].minute <= last])
            for sequence, page in upload.pages
        ]
        return replace(upload, pages=pages)


def first_kept_minute(now: int, days: int) -> int:
    """The first minute of the oldest whole day that is kept at the minute `now`."""
    return (now // DAY_MINUTES - days) * DAY_MINUTES


def read_upload(body: bytes) -> Upload:
    """What a body holds.

    Raises:
        HistoryFormatError: anything in it is damaged, or is no history of probes.
    """
    origin, *records = read_frames(body) or [Frame(Stream.ORIGIN, 0, b"")]
    if origin.stream is not Stream.ORIGIN:
        raise HistoryFormatError("it does not begin with its origin")
    turns: list[tuple[int, HealthTurn]] = []
    pages: list[tuple[int, Sequence[Entry]]] = []
    for record in records:
        if record.stream is Stream.TRANSITIONS:
            turns.append((record.sequence, HealthTurn.from_bytes(record.payload)))
        elif record.stream is Stream.BLOCKS:
            pages.append((record.sequence, unpack_page(record.payload)))
        else:
            raise HistoryFormatError(f"{record.stream.name} are not uploaded")
    return Upload(Origin.from_bytes(origin.payload), turns, pages)


def read_frames(body: bytes) -> list[Frame]:
    """The frames of a body, one behind the other.

    Raises:
        HistoryFormatError: there is something else between them.
    """
    found = list(frames(body))
    if sum(one.end - one.begin for one in found) != len(body):
        raise HistoryFormatError("a frame is damaged or cut off")
    return [one.frame for one in found]


def _count(upload: Upload) -> int:
    return sum(len(page) for _, page in upload.pages)
