"""Owns how stored blocks and changes of health become a timeline: added up by minute, hour or day."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from controlplane.application.history_views import LatencyView, PointView, SampleView, TurnView
from controlplane.application.ports.history import SeriesRow, TurnRow
from controlplane.contract.times import rfc3339
from controlplane.domain.history_block import Block
from controlplane.domain.history_reasons import reason_of, verdict_of
from controlplane.domain.history_samples import LATENCY_STEPS_PER_MS
from controlplane.domain.history_summary import Summary, added
from controlplane.domain.history_time import Resolution, floor_to, moment_of
from controlplane.domain.history_varint import HistoryFormatError

_DECIMALS = 2
_SHARE_STEPS = 1_000_000
"""Shares are rounded down to one of them: what failed once was not always available."""

Found = tuple[int, Block]
"""The number of a series, and one of its blocks."""


@dataclass(frozen=True, slots=True)
class Points:
    """What blocks add up to."""

    total: PointView
    points: tuple[PointView, ...]
    damaged: int


def points_of(blocks: Iterable[Found], first: int, resolution: Resolution) -> Points:
    """Blocks added up by minute, hour or day; `first` is where the whole begins. Takes 20 µs a block."""
    parts: defaultdict[int, list[Summary]] = defaultdict(list)
    damaged = 0
    for _, block in blocks:
        try:
            parts[floor_to(block.minute, resolution)].append(block.summary())
        except HistoryFormatError:
            damaged += 1
    sums = {start: added(summaries) for start, summaries in sorted(parts.items())}
    points = tuple(_point(start, summary) for start, summary in sums.items())
    return Points(_point(first, added(sums.values())), points, damaged)


def samples_of(blocks: Sequence[Found], series: Mapping[int, SeriesRow]) -> list[SampleView]:
    """Every sample of these blocks, by time; blocks that hold none are passed over."""
    found = [sample for number, block in blocks for sample in _samples(block, series[number])]
    return [sample for _, sample in sorted(found, key=lambda pair: pair[0])]


def turn_view(row: TurnRow) -> TurnView:
    """A change of health as it is shown."""
    shown = {field.name: getattr(row, field.name) for field in fields(TurnView)}
    return TurnView(**{**shown, "at": rfc3339(row.at)})


def _samples(block: Block, series: SeriesRow) -> Iterator[tuple[int, SampleView]]:
    try:
        samples = block.samples()
    except HistoryFormatError:
        samples = None
    if samples is None:
        return
    for offset, latency, code in zip(samples.offsets_ms, samples.latencies, samples.codes, strict=True):
        view = SampleView(
            at=rfc3339(moment_of(block.minute, milliseconds=offset)),
            vantage=series.vantage,
            check=series.check,
            verdict=verdict_of(code),
            reason=reason_of(code),
            latency_ms=latency / LATENCY_STEPS_PER_MS,
        )
        yield offset + block.minute * 60_000, view


def _point(start: int, summary: Summary) -> PointView:
    return PointView(
        at=rfc3339(moment_of(start)),
        probes=summary.probes,
        successes=summary.successes,
        failures=summary.failures,
        faults=summary.faults,
        availability=_availability(summary),
        latency_ms=_latency(summary),
        reasons={reason_of(code): count for code, count in sorted(summary.reasons.items())},
    )


def _availability(summary: Summary) -> float | None:
    """Successes among the outcomes that say something of the target; None where there are none."""
    usable = summary.successes + summary.failures
    return summary.successes * _SHARE_STEPS // usable / _SHARE_STEPS if usable else None


def _latency(summary: Summary) -> LatencyView | None:
    if summary.fastest is None or summary.slowest is None:
        return None
    return LatencyView(
        min=summary.fastest / LATENCY_STEPS_PER_MS,
        p50=_quantile(summary, 0.5),
        p95=_quantile(summary, 0.95),
        p99=_quantile(summary, 0.99),
        max=summary.slowest / LATENCY_STEPS_PER_MS,
    )


def _quantile(summary: Summary, share: float) -> float:
    return round(summary.latency_ms(share) or 0.0, _DECIMALS)
