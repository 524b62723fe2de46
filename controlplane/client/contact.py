"""Owns whether a reader is in contact with Consul: the difference between `ok` and `stale`."""

from controlplane.client.clock import Clock

STALE_AFTER_SECONDS = 5.0
"""An open blocking query counts as contact; so long after a failure without an answer it is lost."""
SILENT_AFTER_SECONDS = 45.0
"""Every request has ended by then: without an answer for so long the process slept, or nobody asks."""


class Contact:
    """Whether what is in force can be said to be what Consul holds. Kept by one thread, asked by all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered_at: float | None = None
        """When a leader last answered; None: nobody has, or the last answer had no leader behind it."""
        self._failing_since: float | None = None

    @property
    def stale(self) -> bool:
        """No answer yet, none for 5 s since a failure, none for 45 s, or one without a leader behind it."""
        answered_at, failing_since = self._answered_at, self._failing_since
        if answered_at is None:
            return True
        now = self._clock.monotonic()
        lost = failing_since is not None and now - failing_since >= STALE_AFTER_SECONDS
        return lost or now - answered_at >= SILENT_AFTER_SECONDS

    def answered(self, *, leader: bool) -> bool:
        """Note an answer; says whether it ended a time of failures."""
        self._answered_at = self._clock.monotonic() if leader else None
        recovered = leader and self._failing_since is not None
        if leader:
            self._failing_since = None
        return recovered

    def failed(self) -> bool:
        """Note a failure; says whether it is the first."""
        first = self._failing_since is None
        if first:
            self._failing_since = self._clock.monotonic()
        return first
