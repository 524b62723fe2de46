"""Owns how the probes of one check in one minute are packed: about two bytes each, nothing left out.

Three columns. Starts lie on a beat, so the change of the gap between them is close to zero; latencies are
close to the one before, in steps of 0.1 ms; reasons come in runs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from controlplane.domain.history_reasons import CODES, FAILURES_FROM
from controlplane.domain.history_varint import HistoryFormatError, folded, unfolded

SAMPLES_MAX = 32_767
"""Of one block: 546 a second for a minute."""
LATENCY_STEPS_PER_MS = 10
LATENCY_MAX = 2**31 - 1
"""In steps of 0.1 ms: sixty hours."""
OFFSET_MS_MAX = 2**31
"""How far from its minute a probe may have begun: twenty-four days."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Probes in the order in which their outcomes were heard; three columns of the same length."""

    offsets_ms: Sequence[int]
    """When each was started, from the beginning of the block's minute; one heard later may be negative."""
    latencies: Sequence[int]
    """How long each took, in steps of 0.1 ms."""
    codes: Sequence[int]
    """The number of each one's reason."""

    def __len__(self) -> int:
        return len(self.offsets_ms)

    def latencies_of_successes(self) -> list[int]:
        """How long those took that succeeded: how fast a failure fails says nothing of the target."""
        pairs = zip(self.latencies, self.codes, strict=True)
        return [latency for latency, code in pairs if code < FAILURES_FROM]


def pack_samples(samples: Samples) -> list[int]:
    """Samples as integers, none below zero."""
    runs = [(code, sum(1 for _ in run)) for code, run in groupby(samples.codes)]
    return [
        len(samples),
        *_changes(_differences(samples.offsets_ms)),
        *_changes(samples.latencies),
        *(number for run in runs for number in run),
    ]


def unpack_samples(numbers: Sequence[int]) -> Samples:
    """The samples that `pack_samples` made these numbers of.

    Raises:
        HistoryFormatError: the numbers do not add up, or no probe ever began then or took so long.
    """
    count = numbers[0] if numbers else 0
    if not 0 < count <= SAMPLES_MAX or len(numbers) < 1 + 2 * count:
        raise HistoryFormatError(f"{count} samples in {len(numbers)} numbers")
    return Samples(
        offsets_ms=_bounded(
            _sums(_sums(map(unfolded, numbers[1 : 1 + count]))), -OFFSET_MS_MAX, OFFSET_MS_MAX
        ),
        latencies=_bounded(_sums(map(unfolded, numbers[1 + count : 1 + 2 * count])), 0, LATENCY_MAX),
        codes=_codes(numbers[1 + 2 * count :], count),
    )


def _differences(values: Sequence[int]) -> list[int]:
    former = 0
    differences = []
    for value in values:
        differences.append(value - former)
        former = value
    return differences


def _changes(values: Sequence[int]) -> list[int]:
    return [folded(change) for change in _differences(values)]


def _sums(changes: Iterable[int]) -> list[int]:
    value = 0
    sums = []
    for change in changes:
        value += change
        sums.append(value)
    return sums


def _bounded(values: list[int], least: int, most: int) -> list[int]:
    if min(values) < least or max(values) > most:
        raise HistoryFormatError(f"samples of {min(values)} to {max(values)}, allowed are {least} to {most}")
    return values


def _codes(runs: Sequence[int], count: int) -> bytes:
    codes, lengths = runs[::2], runs[1::2]
    if len(codes) != len(lengths) or sum(lengths) != count or max(codes) >= CODES:
        raise HistoryFormatError(f"reasons do not tell of {count} samples")
    return b"".join(bytes([code]) * length for code, length in zip(codes, lengths, strict=True))
