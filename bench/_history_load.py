"""Owns what `bench.history` stores: the probes of a fleet as a prober hears them, some of them failures."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from controlplane.domain.history_block import Series
from controlplane.domain.history_reasons import REASON_CODES
from controlplane.domain.history_samples import LATENCY_STEPS_PER_MS, Samples
from controlplane.domain.history_time import MINUTE_SECONDS
from controlplane.domain.outcome import Reason

SERIES = 1_000
MINUTES = 30
FAILING_SHARE = 0.01
LATENCY_MEDIAN_MS = 3.0
LATENCY_SPREAD = 0.4
"""Of the logarithm: one in a hundred takes 2.5 times as long as the median."""
LATENESS_MS = 1.2
"""Of a start against its beat, mean; as a 1 ms ticker has it."""
_MS = 1000
_OK, _TIMEOUT = REASON_CODES[Reason.OK], REASON_CODES[Reason.TIMEOUT]
_TIMEOUT_MS = 1_000


Found = tuple[int, Sequence[Samples]]
"""A minute, and the samples of each check in it."""


@dataclass(frozen=True, slots=True)
class Load:
    """A fleet of 1,000 checks for half an hour."""

    interval_seconds: int
    first_minute: int

    @property
    def probes(self) -> int:
        """All of them."""
        return self.blocks * (MINUTE_SECONDS // self.interval_seconds)

    @property
    def blocks(self) -> int:
        """One for each minute of each check."""
        return SERIES * MINUTES

    def found(self) -> Sequence[Found]:
        """What was found, minute by minute; the same at every call."""
        random = Random(self.interval_seconds)
        phases = [random.uniform(0, self.interval_seconds * _MS) for _ in range(SERIES)]
        return [
            (minute, [self._samples(random, phase) for phase in phases])
            for minute in range(self.first_minute, self.first_minute + MINUTES)
        ]

    def _samples(self, random: Random, phase_ms: float) -> Samples:
        count = MINUTE_SECONDS // self.interval_seconds
        codes = [_TIMEOUT if random.random() < FAILING_SHARE else _OK for _ in range(count)]
        beats = (phase_ms + place * self.interval_seconds * _MS for place in range(count))
        return Samples(
            offsets_ms=[round(beat + random.expovariate(1 / LATENESS_MS)) for beat in beats],
            latencies=[round(_latency_ms(random, code) * LATENCY_STEPS_PER_MS) for code in codes],
            codes=codes,
        )


def _latency_ms(random: Random, code: int) -> float:
    if code == _TIMEOUT:
        return _TIMEOUT_MS + random.expovariate(1)
    return LATENCY_MEDIAN_MS * random.lognormvariate(0, LATENCY_SPREAD)


def series(number: int) -> Series:
    """The check of this number."""
    return Series(f"service-{number // 50}", "us-east", f"service-{number // 50}-us-{number % 50}", "api")
