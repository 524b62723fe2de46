"""Owns what stands on the status page, ready to be drawn: the template only places it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controlplane.application.views import GroupView, RegionView, StatusView
from controlplane.console.attention import Finding, findings, sentence
from controlplane.console.marks import Mark, Shape, of_state, of_verdict
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _

HEALTHS = ("up", "degraded", "down", "unknown", "maintenance")
"""In the order in which they are told."""
UNDECIDED = ("degraded", "unknown", "maintenance")
FAILING_SHOWN_MAX = 8


@dataclass(frozen=True, slots=True)
class Count:
    """How the instances of one service fare in one region."""

    service: str
    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One group in one region."""

    region: str
    mark: Mark
    active: bool
    standing: str
    """Whether it could take over, in a word or two."""
    reason: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One group."""

    name: str
    services: str
    mark: Mark
    notes: tuple[str, ...]
    """Mode, revision and flags."""
    since: Moment
    reason: str
    cells: tuple[Cell | None, ...]
    """One per column of the board; None where the region is none of the group's."""
    forecast: str


@dataclass(frozen=True, slots=True)
class Restrained:
    """A pause or maintenance."""

    scope: str
    name: str
    """Of the group or region; empty for the fleet."""
    subject: str
    until: Moment
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One prober process."""

    name: str
    mark: Mark
    reason: str
    age: str
    failing: str


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page."""

    findings: list[Finding]
    fleet: str
    regions: tuple[str, ...]
    rows: tuple[Row, ...]
    restraints: tuple[Restrained, ...]
    vantages: tuple[Seen, ...]
    replica: str
    definitions_revision: int


def board(status: StatusView) -> Board:
    """Draw the status."""
    regions = _columns(status.groups)
    maintained = {one.name for one in status.restraints if one.scope == "region" and one.name}
    return Board(
        findings=findings(status),
        fleet=_fleet(status.instances),
        regions=regions,
        rows=tuple(_row(group, regions, maintained, status.as_of) for group in status.groups),
        restraints=restraints(status),
        vantages=_vantages(status),
        replica=status.replica,
        definitions_revision=status.definitions_revision,
    )


def _columns(groups: Sequence[GroupView]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(region.region for group in groups for region in group.regions))


def _fleet(instances: Mapping[str, int]) -> str:
    total = sum(instances.values())
    if not total:
        return _("no instances are probed")
    parts = [f"{instances[health]} {_(health)}" for health in HEALTHS if instances.get(health)]
    return _("%(total)d instances: %(parts)s") % {"total": total, "parts": ", ".join(parts)}


def _row(group: GroupView, columns: Sequence[str], maintained: Collection[str], as_of: str) -> Row:
    by_name = {region.region: region for region in group.regions}
    revision = _("no document") if group.revision is None else _("revision %d") % group.revision
    return Row(
        name=group.name,
        services=", ".join(group.services),
        mark=of_state(group.state),
        notes=(group.mode, revision, *group.flags),
        since=moment(group.since, as_of=as_of),
        reason=group.reason,
        cells=tuple(_cell(by_name[name], maintained) if name in by_name else None for name in columns),
        forecast=next((sentence(one.text) for one in group.forecasts if one.lost_region == group.active), ""),
    )


def _cell(region: RegionView, maintained: Collection[str]) -> Cell:
    return Cell(
        region=region.region,
        mark=of_verdict(region.verdict),
        active=region.active,
        standing=standing(region, maintained),
        reason="" if region.verdict == "up" else region.reason.removeprefix(f"{region.region} "),
        counts=tuple(Count(service, counted(counts)) for service, counts in region.cells.items()),
    )


def standing(region: RegionView, maintained: Collection[str]) -> str:
    """Whether a region could take over, in a word or two; empty for the active one."""
    if region.region in maintained:
        return _("in maintenance")
    if region.active:
        return ""
    return _("ready") if region.ready else _("not ready")


def counted(counts: Mapping[str, int]) -> str:
    """`5 of 5 up`; what is neither up nor down is told by its name."""
    up = _("%(up)d of %(total)d up") % {"up": counts.get("up", 0), "total": sum(counts.values())}
    others = [f"{counts[health]} {_(health)}" for health in UNDECIDED if counts.get(health)]
    return ", ".join([up, *others])


def restraints(status: StatusView) -> tuple[Restrained, ...]:
    """What people have paused or taken into maintenance."""
    titles = {"fleet": _("fleet paused"), "group": _("%s paused"), "region": _("%s in maintenance")}
    return tuple(
        Restrained(
            scope=one.scope,
            name=one.name or "",
            subject=titles.get(one.scope, "%s").replace("%s", one.name or one.scope),
            until=moment(one.until, as_of=status.as_of),
            by=one.by,
            reason=one.reason,
        )
        for one in status.restraints
    )


def _vantages(status: StatusView) -> tuple[Seen, ...]:
    return tuple(
        Seen(
            name=f"{one.vantage}/{one.prober}" if one.prober else one.vantage,
            mark=Mark(Shape.UP, _("votes")) if one.votes else Mark(Shape.UNKNOWN, _("abstains")),
            reason="" if one.votes else one.reason,
            age=f"{one.age_seconds:.1f} s" if one.age_seconds is not None else _("never"),
            failing=_failing(one.failing),
        )
        for one in status.vantages
    )


def _failing(instances: Sequence[str]) -> str:
    shown = ", ".join(instances[:FAILING_SHOWN_MAX])
    more = len(instances) - FAILING_SHOWN_MAX
    return _("%(shown)s and %(more)d more") % {"shown": shown, "more": more} if more > 0 else shown
