"""How the long runs write down what they measured."""

from collections.abc import Iterable
from statistics import median

MS_PER_SECOND = 1_000


def spread_ms(seconds: Iterable[float]) -> str:
    """Least, median and greatest of some durations, in milliseconds."""
    values = [round(value * MS_PER_SECOND) for value in seconds]
    return f"{min(values)}, {round(median(values))}, {max(values)} ms (min, median, max of {len(values)})"
