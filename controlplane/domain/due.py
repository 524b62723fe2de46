"""Owns when what is due: every item has its own beat, spread over its interval, and a late tick skips beats.

The beat of an item is a grid on the monotonic clock whose phase follows from the item's key alone. So the
load is spread without anybody arranging it, and stays where it is when other items come and go.
"""

import heapq
import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from math import floor
from typing import Generic, TypeVar

_PHASES = 2**32

Item = TypeVar("Item", bound=Hashable)


def phase_seconds(key: str, interval_seconds: float) -> float:
    """Where within its interval an item beats: at least 0, below the interval, the same in every process."""
    return zlib.crc32(key.encode()) / _PHASES * interval_seconds


def next_beat(phase: float, interval_seconds: float, *, after: float) -> float:
    """The first beat of the grid `phase + n * interval` strictly later than `after`."""
    beat = phase + (floor((after - phase) / interval_seconds) + 1) * interval_seconds
    return beat if beat > after else beat + interval_seconds


@dataclass(frozen=True, slots=True)
class Beat:
    """The grid that one item is due on."""

    phase: float
    interval_seconds: float

    def after(self, moment: float) -> float:
        """The first beat strictly later than `moment`."""
        return next_beat(self.phase, self.interval_seconds, after=moment)


class Timetable(Generic[Item]):
    """Which items are due at a moment; costs the logarithm of their number for each start.

    An item that was taken out stays in the heap until its time comes and is passed over then: `_beats` alone
    says what is on the timetable.
    """

    def __init__(self) -> None:
        self._beats: dict[Item, Beat] = {}
        self._heap: list[tuple[float, int, Item, Beat]] = []
        self._entries = 0

    def add(self, item: Item, *, key: str, interval_seconds: float, now: float) -> None:
        """Put an item on the timetable, first due after `now`; a second call replaces the first."""
        beat = Beat(phase_seconds(key, interval_seconds), interval_seconds)
        self._beats[item] = beat
        self._push(item, beat, now)

    def discard(self, item: Item) -> None:
        """Take an item off the timetable, if it is there."""
        self._beats.pop(item, None)

    def due(self, now: float) -> list[Item]:
        """The items with a beat up to `now`, the longest due first; each is given its next beat after `now`.

        However many beats of an item were missed, it is due once.
        """
        items = []
        while self._heap and self._heap[0][0] <= now:
            _, _, item, beat = heapq.heappop(self._heap)
            if self._beats.get(item) is beat:
                items.append(item)
                self._push(item, beat, now)
        return items

    def _push(self, item: Item, beat: Beat, now: float) -> None:
        self._entries += 1  # ties are settled by age, so that items need no order
        heapq.heappush(self._heap, (beat.after(now), self._entries, item, beat))
