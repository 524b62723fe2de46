"""Owns the prober's doubt in itself: how long its own event loop stood still."""

from collections import deque

from controlplane.application.ports import Clock

TICK_SECONDS = 0.01
"""How often the prober starts what is due, and notices that it could not."""
LATE_SHARE_MAX = 0.1
"""A probe that our loop kept waiting for more than this share of its timeout says nothing of slowness."""
STALL_SECONDS_MIN = 0.02
"""Delays below this happen to every tick and timer: they are not kept, and excuse nothing."""
STALLS_KEPT_MAX = 64


def tolerated_seconds(timeout_seconds: float) -> float:
    """How late we may be ourselves before a probe with this timeout says nothing of slowness."""
    return max(STALL_SECONDS_MIN, LATE_SHARE_MAX * timeout_seconds)


class LoopLag:
    """Watches one event loop by its ticks: a tick that comes late means that nothing else ran either."""

    def __init__(self, *, clock: Clock, tick_seconds: float = TICK_SECONDS) -> None:
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._last_tick: float | None = None
        self._stalls: deque[tuple[float, float]] = deque(maxlen=STALLS_KEPT_MAX)
        self._worst = 0.0

    def tick(self) -> None:
        """The loop runs."""
        late = self._late_now()
        self._last_tick = self._clock.monotonic()
        self._worst = max(self._worst, late)
        if late >= STALL_SECONDS_MIN:
            self._stalls.append((self._last_tick, late))

    def stalled_seconds(self, *, since: float) -> float:
        """How long the loop stood still since a moment, the present stall included if it has not ended."""
        late = self._late_now()
        present = late if late >= STALL_SECONDS_MIN else 0.0
        return present + sum(seconds for ended, seconds in self._stalls if ended > since)

    def take_worst(self) -> float:
        """The longest delay since this was last asked, in seconds."""
        worst, self._worst = max(self._worst, self._late_now()), 0.0
        return worst

    def _late_now(self) -> float:
        if self._last_tick is None:
            return 0.0
        return max(0.0, self._clock.monotonic() - self._last_tick - self._tick_seconds)
