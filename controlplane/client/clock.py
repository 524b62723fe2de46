"""Owns the reader's clocks: the wall's, for expiries, and the steady one, for how long ago something was."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of one reader; asked from any thread."""

    def now(self) -> datetime:
        """Wall-clock time in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall-clock time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the library is used alone; a service gives it no clock

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards."""
        return time.monotonic()  # noqa: TID251 - as above
