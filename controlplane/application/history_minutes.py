"""Owns the outcomes of the minute under way, one list per check, and the minutes that wait to be packed.

Taking an outcome in costs a few additions to lists. Its minute is that of the wall clock, which is read once
a minute: within one, time is monotonic.
"""

from collections import deque
from dataclasses import dataclass, field
from math import floor

from controlplane.application.ports import Clock
from controlplane.application.probing_fleet import WatchedCheck
from controlplane.domain.history_block import Entry, Series, block_of_samples
from controlplane.domain.history_reasons import code_of
from controlplane.domain.history_samples import LATENCY_STEPS_PER_MS, Samples
from controlplane.domain.history_time import MINUTE_SECONDS, milliseconds_of
from controlplane.domain.outcome import Outcome

SAMPLES_PER_MINUTE_MAX = 1_000_000
"""16,000 probes a second, as many as a processor can make. What is beyond is counted as lost."""
ENDED_MINUTES_MAX = 5
"""How many minutes may wait, while the disk takes nothing, before the oldest is lost."""

_MS = 1000
_MINUTE_MS = MINUTE_SECONDS * _MS
_NEXT_MINUTE_MS = 500
"""So close to its end a minute is over: the two clocks never agree to the millisecond."""
_HALF = 0.5


@dataclass(slots=True)
class _Found:
    """What one check found."""

    offsets_ms: list[int] = field(default_factory=list)
    latencies: list[int] = field(default_factory=list)
    codes: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Minute:
    """One minute, on the monotonic clock."""

    number: int
    began: float
    ends: float
    found: dict[WatchedCheck, _Found] = field(default_factory=dict)
    samples: int = 0


class Minutes:
    """Outcomes in, blocks out."""

    def __init__(self, *, clock: Clock, samples_max: int = SAMPLES_PER_MINUTE_MAX) -> None:
        self.lost = 0
        """Outcomes that were dropped since the process began."""
        self._clock = clock
        self._samples_max = samples_max
        self._now: _Minute | None = None
        self._ended: deque[_Minute] = deque()

    def add(self, watched: WatchedCheck, outcome: Outcome, *, started: float, now: float) -> None:
        """Take in one outcome that was heard at `now`, of a probe that began at `started`."""
        minute = self._now
        if minute is None or now >= minute.ends:
            minute = self._begin(now)
        if minute.samples >= self._samples_max:
            self.lost += 1
            return
        minute.samples += 1
        found = minute.found.get(watched)
        if found is None:
            found = minute.found[watched] = _Found()
        found.offsets_ms.append(floor((started - minute.began) * _MS + _HALF))
        found.latencies.append(int(outcome.phases.total * LATENCY_STEPS_PER_MS + _HALF))
        found.codes.append(code_of(outcome))

    def take(self, blocks_max: int) -> list[Entry]:
        """Up to so many blocks of minutes that are over, the oldest first; none where there are none."""
        if self._now is not None and self._clock.monotonic() >= self._now.ends:
            self.end()
        entries: list[Entry] = []
        while self._ended and len(entries) < blocks_max:
            minute = self._ended[0]
            if not minute.found:
                self._ended.popleft()
                continue
            watched, found = minute.found.popitem()
            entries.append(_entry(minute.number, watched, found))
        return entries

    def end(self) -> None:
        """End the minute under way, whether it is over or not."""
        if self._now is None:
            return
        self._ended.append(self._now)
        self._now = None
        if len(self._ended) > ENDED_MINUTES_MAX:
            self.lost += sum(len(found.codes) for found in self._ended.popleft().found.values())

    def _begin(self, now: float) -> _Minute:
        self.end()
        wall_ms = milliseconds_of(self._clock.now())
        number = (wall_ms + _NEXT_MINUTE_MS) // _MINUTE_MS
        began = now - (wall_ms - number * _MINUTE_MS) / _MS
        self._now = _Minute(number, began, began + MINUTE_SECONDS)
        return self._now


def _entry(number: int, watched: WatchedCheck, found: _Found) -> Entry:
    cell, instance = watched.owner.cell, watched.owner.instance
    series = Series(cell.service, cell.region, instance.id, watched.check.name)
    return series, block_of_samples(number, Samples(found.offsets_ms, found.latencies, found.codes))
