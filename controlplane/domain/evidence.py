"""Owns what the leader believes of vantage reports: which of them vote, and what they add up to.

A report votes from the moment this leader has seen it *change* until `SILENT_SECONDS` after its last change.
Keys outlive their probers, so a report that was merely found says nothing: it may be a leftover of the dead.
What is missing is never counted, neither as up nor as down.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from controlplane.domain.fleet import Definitions, Fleet
from controlplane.domain.report import CellCounts, CellKey, VantageReport, member_set

SILENT_SECONDS = 6.0
"""A report that has not changed for so long does not vote; three times the interval of reports."""
LOOP_LAG_SECONDS_MAX = 2.0
"""A prober whose event loop was later than this cannot tell a slow target from itself."""
FORMER_BOOTS_MAX = 4

ProberKey = tuple[str, str]
"""Names of vantage and prober."""


class Distrust(StrEnum):
    """Why a vantage, or one prober of it, does not vote; the value is for sentences."""

    ABSENT = "no report"
    UNSEEN = "not seen changing yet"
    SILENT = "silent"
    SHARED_NAME = "two probers share a name"
    MEMBERS = "its probers do not agree who they are"
    REGISTRY = "probes by another registry revision"
    LATE = "its event loop is late"
    SEES_ALL_DOWN = "sees everything down, alone"
    UNLISTED = "not listed in the fleet file"
    LOST = "lost with its region"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is remembered of one prober; times are monotonic seconds."""

    report: VantageReport
    modify_index: int | None
    """None after `forget`: whatever comes next is seen for the first time."""
    changed_at: float | None = None
    """When it was last seen to change within one boot; None: never."""
    former_boots: tuple[str, ...] = ()
    shared_until: float = 0.0
    """Until then two processes are taken to write under this name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All sightings, one per prober that has a report in the store."""

    sightings: Mapping[ProberKey, Sighting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VantageView:
    """What one vantage sees, and whether it is believed."""

    name: str
    region: str | None
    distrust: Distrust | None
    cells: Mapping[CellKey, CellCounts]
    """Sums over its probers, only of cells whose counts add up to the registry's number."""
    regions: Mapping[str, CellCounts]
    """Sums of those cells per region."""
    probers: Mapping[str, Distrust | None]
    """Each prober, and why its report is left out of the sums."""
    changes_at: float | None = None
    """Monotonic time at which this view changes if no further report comes; None: never."""

    @property
    def trusted(self) -> bool:
        """Whether it votes at all."""
        return self.distrust is None

    @property
    def sees_all_down(self) -> bool:
        """Whether it finds something down and nothing up, anywhere."""
        seen = sum(self.regions.values(), CellCounts())
        return seen.down > 0 and seen.up + seen.degraded == 0


def witness(
    evidence: Evidence, reports: Mapping[ProberKey, tuple[VantageReport, int]], monotonic: float
) -> Evidence:
    """Remember one atomic read of all reports, each with its ModifyIndex, as seen at `monotonic`."""
    return Evidence(
        {
            prober: _seen(evidence.sightings.get(prober), report, modify_index, monotonic)
            for prober, (report, modify_index) in reports.items()
        }
    )


def forget(evidence: Evidence) -> Evidence:
    """Consul failed: keep what is shown, but let nothing of it vote until it is seen to change again."""
    return Evidence(
        {
            prober: replace(sighting, modify_index=None, changed_at=None)
            for prober, sighting in evidence.sightings.items()
        }
    )


def vantage_views(
    evidence: Evidence, definitions: Definitions, monotonic: float
) -> Mapping[str, VantageView]:
    """Every listed vantage, in the order of the fleet file, then whoever reports without being listed."""
    regions = {vantage.name: vantage.region for vantage in definitions.fleet.voters}
    sightings: dict[str, dict[str, Sighting]] = {name: {} for name in regions}
    for (vantage, prober), sighting in sorted(evidence.sightings.items()):
        sightings.setdefault(vantage, {})[prober] = sighting
    sizes = cell_sizes(definitions.fleet)
    views = {
        name: _view(
            name,
            regions.get(name),
            probers,
            sizes=sizes,
            registry=definitions.revision,
            monotonic=monotonic,
        )
        for name, probers in sightings.items()
    }
    unlisted = views.keys() - regions.keys()
    views = _distrusted(views, unlisted, Distrust.UNLISTED)
    return _distrusted(views, _lone_pessimists(views, regions), Distrust.SEES_ALL_DOWN)


def _seen(known: Sighting | None, report: VantageReport, modify_index: int, monotonic: float) -> Sighting:
    if known is None:
        return Sighting(report, modify_index)
    if report.boot != known.report.boot:
        return _restarted(known, report, modify_index, monotonic)
    if modify_index == known.modify_index:
        return known
    changed = known.modify_index is not None and report.seq > known.report.seq
    return replace(known, report=report, modify_index=modify_index, changed_at=monotonic if changed else None)


def _restarted(known: Sighting, report: VantageReport, modify_index: int, monotonic: float) -> Sighting:
    """Another process writes under this name; a former one that comes back is not a restart."""
    returned = report.boot in known.former_boots
    return Sighting(
        report,
        modify_index,
        former_boots=(known.report.boot, *known.former_boots)[:FORMER_BOOTS_MAX],
        shared_until=monotonic + SILENT_SECONDS if returned else known.shared_until,
    )


def cell_sizes(fleet: Fleet) -> Mapping[CellKey, int]:
    """How many instances the registry has of each cell that is not empty."""
    return {
        CellKey(service.name, region): size
        for service in fleet.services
        for region, size in Counter(instance.region for instance in service.instances).items()
    }


def _view(
    name: str,
    region: str | None,
    sightings: Mapping[str, Sighting],
    *,
    sizes: Mapping[CellKey, int],
    registry: int,
    monotonic: float,
) -> VantageView:
    members = member_set(prober for prober, sighting in sightings.items() if _lives(sighting, monotonic))
    probers = {
        prober: _objection(sighting, members, registry, monotonic) for prober, sighting in sightings.items()
    }
    accepted = [sighting.report for prober, sighting in sightings.items() if probers[prober] is None]
    objections = (objection for objection in probers.values() if objection)
    cells = _sums(accepted, sizes)
    return VantageView(
        name=name,
        region=region,
        distrust=None if accepted else next(objections, Distrust.ABSENT),
        cells=cells,
        regions=_by_region(cells),
        probers=probers,
        changes_at=min(_turns(sightings.values(), monotonic), default=None),
    )


def _lives(sighting: Sighting, monotonic: float) -> bool:
    return sighting.changed_at is not None and monotonic < sighting.changed_at + SILENT_SECONDS


def _objection(sighting: Sighting, members: str, registry: int, monotonic: float) -> Distrust | None:
    report = sighting.report
    objections = (
        (sighting.changed_at is None, Distrust.UNSEEN),
        (not _lives(sighting, monotonic), Distrust.SILENT),
        (monotonic < sighting.shared_until, Distrust.SHARED_NAME),
        (report.registry != registry, Distrust.REGISTRY),
        (report.members != members, Distrust.MEMBERS),
        (report.trust.loop_lag_seconds > LOOP_LAG_SECONDS_MAX, Distrust.LATE),
    )
    return next((distrust for holds, distrust in objections if holds), None)


def _sums(reports: Iterable[VantageReport], sizes: Mapping[CellKey, int]) -> Mapping[CellKey, CellCounts]:
    sums: dict[CellKey, CellCounts] = {}
    for report in reports:
        for cell, counts in report.cells.items():
            sums[cell] = sums[cell] + counts if cell in sums else counts
    return {cell: counts for cell, counts in sums.items() if counts.total == sizes.get(cell)}


def _by_region(cells: Mapping[CellKey, CellCounts]) -> Mapping[str, CellCounts]:
    regions: dict[str, CellCounts] = {}
    for cell, counts in cells.items():
        regions[cell.region] = regions.get(cell.region, CellCounts()) + counts
    return regions


def _turns(sightings: Iterable[Sighting], monotonic: float) -> Iterable[float]:
    for sighting in sightings:
        if _lives(sighting, monotonic) and sighting.changed_at is not None:
            yield sighting.changed_at + SILENT_SECONDS
        if monotonic < sighting.shared_until:
            yield sighting.shared_until


def _lone_pessimists(views: Mapping[str, VantageView], listed: Iterable[str]) -> set[str]:
    """Who sees everything down while most others do not; where most do, they are believed, and it freezes."""
    trusted = [views[name] for name in listed if views[name].trusted]
    pessimists = {view.name for view in trusted if view.sees_all_down}
    return pessimists if 2 * len(pessimists) < len(trusted) else set()


def _distrusted(
    views: Mapping[str, VantageView], names: Iterable[str], distrust: Distrust
) -> dict[str, VantageView]:
    return {**views, **{name: replace(views[name], distrust=distrust) for name in names}}
