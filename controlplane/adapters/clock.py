"""Owns real time and real randomness: the one place that reads the machine's clocks."""

import os
import secrets
import time
from datetime import UTC, datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARACTERS = 26
_ULID_RANDOM_BYTES = 10
_SECRET_BYTES = 32


class SystemClock:
    """The machine's clocks, behind the port `Clock`."""

    def now(self) -> datetime:
        """Wall-clock time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the adapter

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards."""
        return time.monotonic()  # noqa: TID251 - this is the adapter


class UlidFactory:
    """Fresh ULIDs and secrets, from the wall clock and the system's randomness: the port `Identifiers`."""

    def new(self) -> str:
        """48 bits of milliseconds, then 80 random bits, in Crockford's base 32."""
        milliseconds = time.time_ns() // 1_000_000
        number = (milliseconds << 80) | int.from_bytes(os.urandom(_ULID_RANDOM_BYTES))
        return "".join(_CROCKFORD[(number >> 5 * place) & 31] for place in reversed(range(_ULID_CHARACTERS)))

    def secret(self) -> str:
        """256 random bits in base 64 for addresses."""
        return secrets.token_urlsafe(_SECRET_BYTES)
