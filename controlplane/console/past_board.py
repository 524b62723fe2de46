"""Owns what is told of a timeline: its sums in a sentence, a row per point, and each change of health."""

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.application.history_views import PointView, TimelineView, TurnView
from controlplane.console.charts import Chart, chart
from controlplane.console.marks import Mark, of_health
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _

_PERCENT_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class PointRow:
    """A minute, an hour or a day."""

    at: Moment
    probes: int
    failures: int
    faults: int
    availability: str
    p50: str
    p95: str
    max: str
    reasons: str


@dataclass(frozen=True, slots=True)
class TurnRow:
    """The health of an instance became another one, as one vantage saw it."""

    at: Moment
    instance: str
    vantage: str
    before: Mark
    after: Mark
    why: str


@dataclass(frozen=True, slots=True)
class Past:
    """A timeline, ready to be drawn."""

    summary: str
    chart: Chart
    points: tuple[PointRow, ...]
    """The newest first."""
    turns: tuple[TurnRow, ...]
    """The newest first."""
    more_turns: bool
    """Whether there are more changes of health than are told."""


def past(timeline: TimelineView, *, as_of: str) -> Past:
    """What is told of a timeline."""
    return Past(
        summary=_summary(timeline),
        chart=chart(timeline),
        points=tuple(_point(one, as_of) for one in reversed(timeline.points)),
        turns=tuple(_turn(one, as_of) for one in reversed(timeline.turns)),
        more_turns=timeline.turns_cursor is not None,
    )


def _summary(timeline: TimelineView) -> str:
    total = timeline.total
    judged = total.successes + total.failures
    if not judged:
        return _("Nothing was probed in this time.")
    parts = [
        _("%(share)s available: %(good)d of %(judged)d probes succeeded")
        % {"share": _share(total.availability), "good": total.successes, "judged": judged}
    ]
    if total.latency_ms:
        parts.append(
            _("half within %(p50)s, 95 of 100 within %(p95)s, the slowest %(max)s")
            % {
                "p50": _milliseconds(total.latency_ms.p50),
                "p95": _milliseconds(total.latency_ms.p95),
                "max": _milliseconds(total.latency_ms.max),
            }
        )
    if total.faults:
        parts.append(_("%d faults of ours, which count for nothing") % total.faults)
    if timeline.damaged:
        parts.append(_("%d blocks could not be read") % timeline.damaged)
    return "; ".join(parts) + "."


def _point(point: PointView, as_of: str) -> PointRow:
    latency = point.latency_ms
    return PointRow(
        at=moment(point.at, as_of=as_of),
        probes=point.probes,
        failures=point.failures,
        faults=point.faults,
        availability=_share(point.availability),
        p50=_milliseconds(latency.p50) if latency else "—",
        p95=_milliseconds(latency.p95) if latency else "—",
        max=_milliseconds(latency.max) if latency else "—",
        reasons=_reasons(point.reasons) if point.failures or point.faults else "",
    )


def _turn(turn: TurnView, as_of: str) -> TurnRow:
    cause = ": ".join(part for part in (turn.check, turn.reason, turn.detail) if part)
    return TurnRow(
        at=moment(turn.at, as_of=as_of),
        instance=turn.instance,
        vantage=turn.vantage,
        before=of_health(turn.before),
        after=of_health(turn.after),
        why=cause,
    )


def _share(availability: float | None) -> str:
    """A share that is not whole is never rounded up to 100 %."""
    if availability is None:
        return "—"
    percent = int(availability * 100 * 10**_PERCENT_DECIMALS) / 10**_PERCENT_DECIMALS
    return f"{percent:g} %"


def _milliseconds(value: float) -> str:
    return f"{value:.3g} ms"


def _reasons(reasons: Mapping[str, int]) -> str:
    told = sorted(reasons.items(), key=lambda one: -one[1])
    return ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in told)
