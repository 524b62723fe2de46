"""Owns what a prober watches: the instances of its share, what is known of each, and the sums per cell."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from controlplane.domain.fleet import Check, Fleet, Instance, Service
from controlplane.domain.instance_health import (
    CheckHealth,
    Health,
    advance,
    combine,
    count,
    health_at,
    patience_seconds,
)
from controlplane.domain.outcome import Outcome
from controlplane.domain.report import FAILING_IDS_MAX, CellCounts, CellKey

_UNHEARD = CheckHealth()


@dataclass(slots=True, eq=False)
class Watched:
    """One instance under watch. `health` is what was last counted of it."""

    cell: CellKey
    instance: Instance
    checks: tuple["WatchedCheck", ...] = ()
    health: Health = Health.UNKNOWN

    def count(self, now: float) -> bool:
        """Combine what is known of the checks at `now`; answers whether that changes the health."""
        before = self.health
        self.health = combine(
            [(item.check.layer, health_at(item.state, item.check, now=now)) for item in self.checks]
        )
        return self.health is not before


@dataclass(slots=True, eq=False)
class WatchedCheck:
    """One check of one instance: what is due, started and settled."""

    owner: Watched
    check: Check
    state: CheckHealth = field(default=_UNHEARD)

    @property
    def key(self) -> str:
        """Its name within the fleet; the phase of its beat follows from it."""
        return f"{self.owner.cell.service}/{self.check.name}/{self.owner.instance.id}"

    def settle(self, outcome: Outcome, *, now: float) -> bool:
        """Take one outcome in; answers whether the health of the instance changed by it."""
        before, self.state = self.state, advance(self.state, outcome, self.check, now=now)
        if self.state.health is before.health and self.owner.health is not Health.UNKNOWN:
            return False
        return self.owner.count(now)

    def is_stale(self, now: float) -> bool:
        """Whether something was known that is too old to be believed at `now`."""
        heard_at = self.state.heard_at
        return heard_at is not None and now - heard_at > patience_seconds(self.check)


class WatchedFleet:
    """All instances of one fleet, in its order, with what a former fleet knew of those that stay.

    A check that is taken over is the same object, so that the outcome of a probe in flight finds it. The
    outcome for one that was dropped changes an object that nobody counts any more.
    """

    def __init__(self, fleet: Fleet, former: "WatchedFleet | None" = None, *, now: float = 0.0) -> None:
        known = {watched.key: watched for watched in former.checks()} if former else {}
        self._cells: dict[CellKey, list[Watched]] = {}
        for service in fleet.services:
            for instance in service.instances:
                watched = _watch(service, instance, known)
                watched.count(now)
                self._cells.setdefault(watched.cell, []).append(watched)

    def instances(self) -> Iterable[Watched]:
        """Every instance."""
        return (watched for cell in self._cells.values() for watched in cell)

    def checks(self) -> Iterable[WatchedCheck]:
        """Every check of every instance."""
        return (check for watched in self.instances() for check in watched.checks)

    def age(self, *, now: float) -> bool:
        """Stop believing what is too old; answers whether the health of any instance changed by it."""
        stale = [
            watched for watched in self.instances() if any(item.is_stale(now) for item in watched.checks)
        ]
        changed = [watched.count(now) for watched in stale]  # every one of them, not only the first
        return any(changed)

    def cells(self) -> Mapping[CellKey, CellCounts]:
        """The counts of every cell."""
        return {key: count(watched.health for watched in cell) for key, cell in self._cells.items()}

    def failing(self) -> tuple[str, ...]:
        """The ids of instances that are down, in their order, as many as a report may hold."""
        down = (watched.instance.id for watched in self.instances() if watched.health is Health.DOWN)
        return tuple(heapq.nsmallest(FAILING_IDS_MAX, down))


def _watch(service: Service, instance: Instance, known: Mapping[str, WatchedCheck]) -> Watched:
    owner = Watched(CellKey(service.name, instance.region), instance)
    owner.checks = tuple(_watch_check(owner, check, known) for check in service.checks)
    return owner


def _watch_check(owner: Watched, check: Check, known: Mapping[str, WatchedCheck]) -> WatchedCheck:
    fresh = WatchedCheck(owner, check)
    former = known.get(fresh.key)
    if former is None or _target(former) != _target(fresh) or _question(former) != _question(fresh):
        return fresh
    former.owner, former.check = owner, check
    return former


def _target(watched: WatchedCheck) -> tuple[str, int]:
    return watched.owner.instance.address, watched.owner.instance.port


def _question(watched: WatchedCheck) -> Check:
    """What is asked; how often, and how many answers make up one's mind, are not part of it."""
    return replace(watched.check, interval_seconds=0.0, timeout_seconds=0.0, rise=0, fall=0, keep_alive=False)
