"""Owns how often a reader may ask: slower after failures, and never in a tight loop, whatever is answered."""

import asyncio
import random
from collections.abc import Callable

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 30.0
BURST_REQUESTS = 3
REFILL_SECONDS = 0.5
"""A reader whose burst is spent may ask once in this time: at most five requests in any second."""

_DOUBLINGS_MAX = 16


class Backoff:
    """Full jitter: a wait between nothing and a bound, which doubles from 0.5 s up to 30 s."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._failures = 0

    def reset(self) -> None:
        """A request succeeded."""
        self._failures = 0

    async def wait(self) -> None:
        """A request failed: wait before the next."""
        bound = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, _DOUBLINGS_MAX)
        await asyncio.sleep(bound * self._jitter())


class TokenBucket:
    """Three requests at once, then two a second, of all documents of a client together.

    Holds also where every request succeeds at once, as behind a proxy that answers for Consul.
    """

    def __init__(self) -> None:
        self._due = float("-inf")

    async def take(self) -> None:
        """Wait until one more request may be sent."""
        now = asyncio.get_running_loop().time()
        earliest = now - (BURST_REQUESTS - 1) * REFILL_SECONDS
        self._due = max(self._due + REFILL_SECONDS, earliest)
        await asyncio.sleep(max(0.0, self._due - now))
