"""How the long runs write down what they measured."""

from collections.abc import Iterable
from statistics import median

MS_PER_SECOND = 1_000


def spread_ms(seconds: Iterable[float]) -> str:
    """Least, median and greatest of some durations, in milliseconds."""
    values = [round(value * MS_PER_SECOND) for value in seconds]
    return f"{min(values)}, {round(median(values))}, {max(values)} ms (min, median, max of {len(values)})"


def spread_seconds(seconds: Iterable[float]) -> str:
    """Least, median and greatest of some durations, in seconds."""
    values = [*seconds]
    least, middle, greatest = min(values), median(values), max(values)
    return f"{least:.2f}, {middle:.2f}, {greatest:.2f} s (min, median, max of {len(values)})"
