"""Owns what many probes come to: how many, how many failed and why, how long those took that succeeded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from controlplane.domain.history_reasons import CODES, FAILURES_FROM, FAULTS_FROM
from controlplane.domain.history_samples import LATENCY_STEPS_PER_MS, Samples
from controlplane.domain.history_sketch import (
    BUCKETS_MAX,
    Sketch,
    pack_counts,
    quantile,
    sketched,
    unpack_counts,
)
from controlplane.domain.history_varint import HistoryFormatError


@dataclass(frozen=True, slots=True)
class Summary:
    """Probes added up. Latencies are those of successes alone: how fast a failure fails says nothing."""

    fastest: int | None = None
    """In steps of 0.1 ms; None where nothing succeeded."""
    slowest: int | None = None
    reasons: Mapping[int, int] = field(default_factory=dict)
    """Number of a reason → how many outcomes had it."""
    sketch: Sketch = field(default_factory=dict)

    @property
    def probes(self) -> int:
        """All of them."""
        return sum(self.reasons.values())

    @property
    def failures(self) -> int:
        """How many the target failed."""
        return sum(count for code, count in self.reasons.items() if FAILURES_FROM <= code < FAULTS_FROM)

    @property
    def faults(self) -> int:
        """How many failed by our own fault; they say nothing of the target."""
        return sum(count for code, count in self.reasons.items() if code >= FAULTS_FROM)

    @property
    def successes(self) -> int:
        """How many the target answered well, slowly or not."""
        return self.probes - self.failures - self.faults

    def latency_ms(self, share: float) -> float | None:
        """The latency that `share` of the successes did not exceed; None where nothing succeeded."""
        if self.fastest is None or self.slowest is None:
            return None
        return quantile(self.sketch, share, fastest=self.fastest, slowest=self.slowest) / LATENCY_STEPS_PER_MS


NOTHING = Summary()


def summarised(samples: Samples) -> Summary:
    """What samples come to."""
    good = samples.latencies_of_successes()
    return Summary(
        fastest=min(good, default=None),
        slowest=max(good, default=None),
        reasons=Counter(samples.codes),
        sketch=sketched(good),
    )


def added(summaries: Iterable[Summary]) -> Summary:
    """What several summaries come to together."""
    reasons: Counter[int] = Counter()
    sketch: Counter[int] = Counter()
    bounds: list[int] = []
    for summary in summaries:
        reasons.update(summary.reasons)
        sketch.update(summary.sketch)
        bounds += (bound for bound in (summary.fastest, summary.slowest) if bound is not None)
    return Summary(min(bounds, default=None), max(bounds, default=None), reasons, sketch)


def pack_summary(summary: Summary) -> list[int]:
    """What a summary holds beyond its bounds, as integers, none below zero."""
    return [*pack_counts(summary.reasons), *pack_counts(summary.sketch)]


def unpack_summary(numbers: Sequence[int], *, fastest: int | None, slowest: int | None) -> Summary:
    """The summary with these bounds.

    Raises:
        HistoryFormatError: they are none, or tell of other successes than latencies.
    """
    reasons, rest = unpack_counts(numbers, keys_below=CODES)
    sketch, _ = unpack_counts(rest, keys_below=BUCKETS_MAX)
    summary = Summary(fastest, slowest, reasons, sketch)
    if sum(sketch.values()) != summary.successes or bool(sketch) is (fastest is None):
        raise HistoryFormatError(f"{sum(sketch.values())} latencies of {summary.successes} successes")
    return summary
