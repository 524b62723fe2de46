"""Owns what stands on the pages of the fleet, ready to be drawn: services by regions, and their instances."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controlplane.application.switch_views import SwitchesView
from controlplane.application.views import StatusView, VantageStatus
from controlplane.console.frame import is_away
from controlplane.console.marks import Mark, Shape
from controlplane.console.texts import gettext as _
from controlplane.console.texts import ngettext
from controlplane.domain.fleet import Check, Fleet, Instance, Service
from controlplane.domain.report import FAILING_IDS_MAX

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FleetCell:
    """One service in one region."""

    region: str
    mark: Mark
    active: bool
    """Whether a group that the service belongs to is active here."""
    rest: str
    """What is neither up nor down, in words."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One service."""

    name: str
    groups: str
    instances: int
    away: int
    """How many of its switches are held away from normal."""
    cells: tuple[FleetCell | None, ...]
    """One per region of the fleet; None where it has no instance."""
    trouble: int
    """Instances down; what sorts the rows."""


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One instance as it is probed now."""

    id: str
    region: str
    address: str
    source: str
    mark: Mark
    seen: str
    """Which vantages see it fail."""


def fleet_rows(fleet: Fleet, status: StatusView, switches: SwitchesView, *, text: str) -> list[FleetRow]:
    """Every service whose name holds the text, those in trouble first."""
    away = {one.service: sum(is_away(switch) for switch in one.switches) for one in switches.services}
    active = _active_regions(status)
    rows = [
        _row(service, fleet, status, away.get(service.name, 0), active)
        for service in fleet.services
        if text.casefold() in service.name
    ]
    return sorted(rows, key=lambda row: -row.trouble)


def _active_regions(status: StatusView) -> Collection[tuple[str, str]]:
    return {(service, group.active) for group in status.groups for service in group.services if group.active}


def _row(
    service: Service, fleet: Fleet, status: StatusView, away: int, active: Collection[tuple[str, str]]
) -> FleetRow:
    sizes = _sizes(service)
    counts = status.cells.get(service.name, {})
    return FleetRow(
        name=service.name,
        groups=", ".join(group.name for group in fleet.groups if service.name in group.services),
        instances=len(service.instances),
        away=away,
        cells=tuple(
            _cell(
                region.name,
                sizes[region.name],
                counts.get(region.name),
                (service.name, region.name) in active,
            )
            if region.name in sizes
            else None
            for region in fleet.regions
        ),
        trouble=sum(cell.get("down", 0) for cell in counts.values()),
    )


def _sizes(service: Service) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for instance in service.instances:
        sizes[instance.region] = sizes.get(instance.region, 0) + 1
    return sizes


def _cell(region: str, size: int, counts: Counts | None, active: bool) -> FleetCell:  # noqa: FBT001 - private
    return FleetCell(region, cell_mark(size, counts), active, _rest(counts or {}))


def cell_mark(size: int, counts: Counts | None) -> Mark:
    """`5 of 5 up`, with the shape of the worst that is common."""
    if counts is None:
        return Mark(Shape.UNKNOWN, _("%(size)d, not judged") % {"size": size})
    up, degraded, down = (counts.get(health, 0) for health in ("up", "degraded", "down"))
    word = _("%(up)d of %(size)d up") % {"up": up + degraded, "size": size}
    if down:
        return Mark(Shape.DOWN, word)
    if degraded:
        return Mark(Shape.DEGRADED, word)
    return Mark(Shape.UP if up else Shape.UNKNOWN, word)


def _rest(counts: Counts) -> str:
    told = ("degraded", "down", "unknown", "maintenance")
    return ", ".join(f"{counts[health]} {_(health)}" for health in told if counts.get(health))


def instance_rows(
    service: Service, vantages: Sequence[VantageStatus], *, region: str, text: str
) -> list[InstanceRow]:
    """The instances of a service in a region (empty: in all), those that fail first."""
    wanted = (one for one in service.instances if region in {"", one.region} and text in one.id)
    rows = [instance_row(one, vantages) for one in wanted]
    return sorted(rows, key=lambda row: row.mark.shape is not Shape.DOWN)


def instance_row(instance: Instance, vantages: Sequence[VantageStatus]) -> InstanceRow:
    """One instance, with what the vantages say of it."""
    failing = [one.vantage for one in vantages if instance.id in one.failing]
    return InstanceRow(
        id=instance.id,
        region=instance.region,
        address=f"{instance.address}:{instance.port}",
        source=_("Consul catalog") if instance.source == "catalog" else _("fleet file"),
        mark=_instance_mark(failing, vantages),
        seen=", ".join(failing),
    )


def _instance_mark(failing: Sequence[str], vantages: Sequence[VantageStatus]) -> Mark:
    """A report names fifty failing instances at most: beyond them silence about one says nothing."""
    if failing:
        words = ngettext(
            "fails, seen from %(num)s vantage", "fails, seen from %(num)s vantages", len(failing)
        )
        return Mark(Shape.DOWN, words % {"num": len(failing)})
    heard = [one for one in vantages if one.votes]
    if not heard or any(len(one.failing) >= FAILING_IDS_MAX for one in heard):
        return Mark(Shape.UNKNOWN, _("not known"))
    return Mark(Shape.UP, _("not failing"))


def check_facts(checks: Sequence[Check]) -> Iterator[tuple[str, str]]:
    """Each check with how it is done, in a sentence."""
    for check in checks:
        what = f"{check.type.value} {check.path}" if check.type == "http" else check.type.value
        often = _(
            "%(layer)s: %(what)s every %(interval)g s, within %(timeout)g s; "
            "up after %(rise)d, down after %(fall)d"
        )
        yield (
            check.name,
            often
            % {
                "layer": check.layer.value,
                "what": what,
                "interval": check.interval_seconds,
                "timeout": check.timeout_seconds,
                "rise": check.rise,
                "fall": check.fall,
            },
        )
