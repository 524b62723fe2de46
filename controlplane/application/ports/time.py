"""Owns the sockets for time and randomness."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The one source of time. Waiting is asyncio's business; tests own the loop's time."""

    def now(self) -> datetime:
        """Wall-clock time in UTC: for people, expiries and budgets."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards: for every measured duration."""


class Identifiers(Protocol):
    """The one source of randomness that ends up in names and secrets."""

    def new(self) -> str:
        """A fresh ULID: 26 characters, sorts by time."""

    def secret(self) -> str:
        """A fresh secret: 256 random bits in characters that an address and a header may have."""
