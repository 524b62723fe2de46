"""Owns waiting after failures: exponential with full jitter, so that many waiters do not return as one."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next try: anywhere between `base` and a bound that doubles up to `cap`."""

    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    failures: int = 0

    def next_seconds(self) -> float:
        """The wait after one more failure."""
        bound = min(self.cap_seconds, self.base_seconds * 2.0**self.failures)
        if bound < self.cap_seconds:
            self.failures += 1
        return random.uniform(min(self.base_seconds, bound), bound)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """The last try went well."""
        self.failures = 0
