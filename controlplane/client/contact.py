"""Owns whether a reader is in contact with Consul: the difference between `ok` and `stale`."""

import asyncio

STALE_AFTER_SECONDS = 5.0
"""An open blocking query counts as contact; so long after a failure without an answer it is lost."""


class Contact:
    """Whether what is in force can be said to be what Consul holds."""

    def __init__(self) -> None:
        self._certain = False
        self._failing_since: float | None = None

    @property
    def stale(self) -> bool:
        """No answer yet, none for 5 s since a failure, or only one without a leader behind it."""
        lost = self._failing_since is not None and _now() - self._failing_since >= STALE_AFTER_SECONDS
        return lost or not self._certain

    def answered(self, *, leader: bool) -> bool:
        """Note an answer; says whether it ended a time of failures."""
        recovered = leader and self._failing_since is not None
        self._certain = leader
        if leader:
            self._failing_since = None
        return recovered

    def failed(self) -> bool:
        """Note a failure; says whether it is the first."""
        first = self._failing_since is None
        if first:
            self._failing_since = _now()
        return first


def _now() -> float:
    return asyncio.get_running_loop().time()
