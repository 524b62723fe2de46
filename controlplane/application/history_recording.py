"""Owns what a prober tells of what it finds: three calls that wait for nothing and cannot fail."""

from collections.abc import Iterable
from typing import Protocol

from controlplane.application.probing_fleet import Watched, WatchedCheck
from controlplane.domain.outcome import Outcome

REDEFINED = "definitions_changed"
"""Why health may have changed without an outcome: what is asked, or where, is another question now."""
EVIDENCE_TOO_OLD = "evidence_too_old"
"""Why health may have changed without an outcome: nothing usable was heard for too long."""


class Recorder(Protocol):
    """Takes in what becomes history, beside the walk of a result and never on it."""

    def heard(self, watched: WatchedCheck, outcome: Outcome, *, started: float, now: float) -> None:
        """A probe that was started at one monotonic moment ended at another."""

    def turned(self, watched: WatchedCheck, outcome: Outcome) -> None:
        """An outcome changed the health of the check's instance."""

    def surveyed(self, instances: Iterable[Watched], reason: str) -> None:
        """These are all instances now; any of them may have changed its health without an outcome."""


class NoRecorder:
    """For whom keeps no history."""

    def heard(self, watched: WatchedCheck, outcome: Outcome, *, started: float, now: float) -> None:
        """Forget it."""

    def turned(self, watched: WatchedCheck, outcome: Outcome) -> None:
        """Forget it."""

    def surveyed(self, instances: Iterable[Watched], reason: str) -> None:
        """Forget it."""
