"""Owns looking into a body: a search for a regular expression that cannot hold the event loop.

Whether a pattern is catastrophic depends on the body it meets, and even an innocent `a.*b` is quadratic on a
body chosen for it: six seconds on 64 KiB. So patterns are not judged by their looks. The search is given an
allowance of processor time instead, and a timer that counts only our own time ends it: Python's engine looks
for signals every 4,096 steps. Healthy answers match early; a search that runs out is one that found nothing.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

SEARCH_SECONDS_MAX = 0.05
"""Processor time of one search. An ordinary pattern needs well under a millisecond for 64 KiB."""
PATTERNS_COMPILED_MAX = 1024


class SearchTooLong(Exception):
    """The search used up its allowance without finding anything."""


def found(pattern: str, body: str) -> bool:
    """Whether the pattern is found anywhere in the body. Only to be called in the main thread.

    Raises:
        SearchTooLong: not within the allowance.
        re.error: this is no pattern.
    """
    compiled = _compiled(pattern)
    with _allowance(SEARCH_SECONDS_MAX):
        return compiled.search(body) is not None


@lru_cache(PATTERNS_COMPILED_MAX)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@contextmanager
def _allowance(seconds: float) -> Iterator[None]:
    running = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        if running:  # the signal may arrive just after the search
            raise SearchTooLong

    former = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
