"""Owns drawings of time as SVG geometry: latency as lines, failures as bars.

A table beside each drawing says the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.application.history_views import PointView, TimelineView
from controlplane.console.texts import gettext as _
from controlplane.contract.times import parse_rfc3339

WIDTH, HEIGHT = 720, 140
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 22
"""Margins: what the axes are labelled with stands there."""
TICKS = 5

_STEPS = (1, 2, 5)
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Label:
    """A text on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A point in which something failed."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template places: all coordinates in units of the view box."""

    p50: tuple[str, ...]
    """Each an unbroken line of points: where nothing was probed the line is broken, never drawn through."""
    p95: tuple[str, ...]
    failures: tuple[Bar, ...]
    """As high as the share of the probes that failed."""
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def chart(timeline: TimelineView) -> Chart:
    """Latency and failures of a timeline."""
    first, last = parse_rfc3339(timeline.first), parse_rfc3339(timeline.last)
    ceiling = _ceiling(max((one.latency_ms.p95 for one in timeline.points if one.latency_ms), default=1.0))
    plot = _Plot(first, last, ceiling, _step(timeline.resolution))
    return Chart(
        p50=tuple(plot.lines(timeline.points, 50)),
        p95=tuple(plot.lines(timeline.points, 95)),
        failures=tuple(plot.bars(timeline.points)),
        rows=tuple(Label(plot.y(share * ceiling), _latency(share * ceiling)) for share in (0, 0.5, 1)),
        columns=tuple(plot.columns()),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    first: datetime
    last: datetime
    ceiling: float
    step: timedelta

    def x(self, moment: datetime) -> float:
        share = (moment - self.first) / (self.last - self.first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, milliseconds: float) -> float:
        return round(HEIGHT - BOTTOM - milliseconds / self.ceiling * (HEIGHT - TOP - BOTTOM), 1)

    def lines(self, points: Sequence[PointView], percentile: int) -> Iterator[str]:
        line: list[str] = []
        before: datetime | None = None
        for point in points:
            at = parse_rfc3339(point.at)
            broken = point.latency_ms is None or (before is not None and at - before > self.step)
            if broken and line:
                yield " ".join(line)
                line = []
            if point.latency_ms:
                value = point.latency_ms.p50 if percentile == 50 else point.latency_ms.p95  # noqa: PLR2004 - the names of percentiles
                line.extend(f"{self.x(end)},{self.y(value)}" for end in (at, at + self.step))
            before = at
        if line:
            yield " ".join(line)

    def bars(self, points: Sequence[PointView]) -> Iterator[Bar]:
        for point in points:
            judged = point.successes + point.failures
            if point.failures:
                at = parse_rfc3339(point.at)
                height = round((HEIGHT - TOP - BOTTOM) * point.failures / judged, 1)
                width = round(max(self.x(at + self.step) - self.x(at), 1.0), 1)
                yield Bar(self.x(at), round(HEIGHT - BOTTOM - height, 1), width, height)

    def columns(self) -> Iterator[Label]:
        length = self.last - self.first
        form = "%H:%M" if length <= timedelta(days=1) else "%m-%d"
        for number in range(TICKS):
            moment = self.first + length * number / (TICKS - 1)
            yield Label(self.x(moment), moment.strftime(form))


def _ceiling(highest: float) -> float:
    """The next round number above: 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * _STEPS[-1] < highest:
        power *= 10
    return next(power * step for step in _STEPS if power * step >= highest)


def _latency(milliseconds: float) -> str:
    if milliseconds >= _SECOND_MS:
        return _("%g s") % (milliseconds / _SECOND_MS)
    return _("%g ms") % milliseconds


def _step(resolution: str) -> timedelta:
    return {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(resolution, timedelta(minutes=1))
