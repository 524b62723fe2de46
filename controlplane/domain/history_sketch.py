"""Owns the percentiles of latencies that are added up: counts in buckets, each a sixteenth wide at most.

A bucket is found by shifts alone, so every process finds the same one, and sketches of different minutes,
checks and vantages are added by adding their counts. A quantile is off by 3.2 % at most, and never outside of
what was measured.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from controlplane.domain.history_varint import HistoryFormatError

BUCKETS_PER_OCTAVE_BITS = 4
BUCKETS_MAX = 1024
"""Above any latency of 63 bits."""

_EXACT_BELOW = 1 << BUCKETS_PER_OCTAVE_BITS

Sketch = Mapping[int, int]
"""Bucket → how many latencies, in steps of 0.1 ms, fell into it."""


def sketched(latencies: Iterable[int]) -> Counter[int]:
    """The sketch of latencies, none below zero."""
    return Counter([_bucket(latency) for latency in latencies])


def quantile(sketch: Sketch, share: float, *, fastest: int, slowest: int) -> float:
    """The latency that `share` of all did not exceed; 0 where there are none."""
    wanted = share * sum(sketch.values())
    reached = 0
    for bucket in sorted(sketch):
        reached += sketch[bucket]
        if reached >= wanted:
            return min(max(_middle(bucket), fastest), slowest)
    return 0.0


def pack_counts(counts: Mapping[int, int]) -> list[int]:
    """Counts by number as integers: how many there are; of each, the gap to the former one, and the count."""
    numbers = [len(counts)]
    former = 0
    for key in sorted(counts):
        numbers += (key - former, counts[key])
        former = key
    return numbers


def unpack_counts(numbers: Sequence[int], *, keys_below: int) -> tuple[Counter[int], Sequence[int]]:
    """The counts that stand at the beginning of these numbers, and the numbers behind them.

    Raises:
        HistoryFormatError: they are cut off, or count something of a larger number.
    """
    end = 1 + 2 * (numbers[0] if numbers else 0)
    if len(numbers) < end:
        raise HistoryFormatError("counts are cut off")
    counts: Counter[int] = Counter()
    key = 0
    for gap, count in zip(numbers[1:end:2], numbers[2:end:2], strict=True):
        key += gap
        counts[key] = count
    if key >= keys_below:
        raise HistoryFormatError(
            f"something of the number {key} is counted, allowed are those below {keys_below}"
        )
    return counts, numbers[end:]


def _bucket(latency: int) -> int:
    octave = max(0, latency.bit_length() - BUCKETS_PER_OCTAVE_BITS - 1)
    return (octave << BUCKETS_PER_OCTAVE_BITS) + (latency >> octave)


def _middle(bucket: int) -> float:
    octave = max(0, (bucket >> BUCKETS_PER_OCTAVE_BITS) - 1)
    lowest = (bucket - (octave << BUCKETS_PER_OCTAVE_BITS)) << octave
    return lowest + ((1 << octave) - 1) / 2
