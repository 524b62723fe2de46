"""Owns what makes news: the facts of a picture by kind and name, and how two pictures differ.

An event says how something is now, not what was done to it: whoever misses one and hears the next is right.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from controlplane.application.events import EventKind
from controlplane.application.views import GroupView, RegionView, StatusView, VantageStatus
from controlplane.contract.documents import DocumentKind
from controlplane.contract.switches import SwitchDocument
from controlplane.domain.freeze import CONTACT_SECONDS_MAX

_DURATION = re.compile(r"\d+(?:\.\d+)? s\b")

Named = tuple[EventKind, str]
News = tuple[EventKind, str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fact:
    """How something is; that it has lasted longer by now is no news."""

    data: Mapping[str, Any]
    essence: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "essence", {key: _timeless(value) for key, value in self.data.items()})


Facts = Mapping[Named, Fact]


def facts(status: StatusView, documents: Mapping[str, SwitchDocument]) -> Facts:
    """Everything of a picture that may be followed; `documents`: the switch documents by service."""
    return {
        (kind, name): Fact(data)
        for kind, name, data in (
            *_documents(status, documents),
            *(_group(group) for group in status.groups),
            *_confirmations(status),
            *_health(status),
            *(_vantage(vantage) for vantage in status.vantages),
            *_restraints(status),
            *_fleet(status),
        )
    }


def differences(former: Facts, now: Facts) -> Iterator[News]:
    """What is otherwise now; what is no more has empty data."""
    for (kind, name), fact in now.items():
        known = former.get((kind, name))
        if known is None or known.essence != fact.essence:
            yield kind, name, fact.data
    for kind, name in former:
        if (kind, name) not in now:
            yield kind, name, {}


def _documents(status: StatusView, documents: Mapping[str, SwitchDocument]) -> Iterator[News]:
    for group in status.groups:
        if group.document:
            yield _document(
                DocumentKind.FAILOVER, group.name, group.document["revision"], group.document["change"]
            )
    for service, document in documents.items():
        yield _document(DocumentKind.SWITCHES, service, document.revision, asdict(document.change))


def _document(kind: DocumentKind, name: str, revision: int, change: Mapping[str, Any]) -> News:
    told = {key: change[key] for key in ("id", "kind", "by", "reason", "at")}
    return (
        EventKind.DOCUMENT,
        f"{kind}/{name}",
        {"kind": str(kind), "name": name, "revision": revision, "change": told},
    )


def _group(group: GroupView) -> News:
    data = {
        "state": group.state,
        "code": group.code,
        "reason": group.reason,
        "active": group.active,
        "flags": group.flags,
        "regions": {region.region: _region(region) for region in group.regions},
    }
    return EventKind.GROUP, group.name, data


def _region(region: RegionView) -> Mapping[str, Any]:
    return {"verdict": region.verdict, "ready": region.ready}


def _confirmations(status: StatusView) -> Iterator[News]:
    for one in status.confirmations:
        data = {
            "kind": one.kind,
            "name": one.name,
            "revision": one.revision,
            "instances": one.instances,
            "confirmed": one.confirmed,
            "counts": one.counts,
        }
        yield EventKind.CONFIRMATION, f"{one.kind}/{one.name}", data


def _health(status: StatusView) -> Iterator[News]:
    for service, regions in status.cells.items():
        for region, counts in regions.items():
            place = {"service": service, "region": region}
            yield EventKind.HEALTH, f"{service}/{region}", {**place, **counts}
    failing: dict[str, list[str]] = {}
    for vantage in status.vantages:
        for instance in vantage.failing:
            failing.setdefault(instance, []).append(vantage.vantage)
    for instance, vantages in failing.items():
        yield EventKind.HEALTH, instance, {"instance": instance, "failing": True, "vantages": vantages}


def _vantage(one: VantageStatus) -> News:
    name = f"{one.vantage}/{one.prober}" if one.prober else one.vantage
    data = {"vantage": one.vantage, "prober": one.prober, "votes": one.votes, "reason": one.reason}
    return EventKind.VANTAGE, name, data


def _restraints(status: StatusView) -> Iterator[News]:
    for restraint in status.restraints:
        name = f"{restraint.scope}/{restraint.name}" if restraint.name else restraint.scope
        yield EventKind.RESTRAINT, name, asdict(restraint)


def _fleet(status: StatusView) -> Iterator[News]:
    """What there is one of."""
    contact = status.store_contact_seconds
    alarms = {"alarms": status.alarms, "freezes": status.freezes, "unsettled": status.unsettled}
    yield EventKind.LEADER, "", asdict(status.leader)
    yield (
        EventKind.DEPENDENCY,
        "consul",
        {"answers": contact is not None and contact <= CONTACT_SECONDS_MAX},
    )
    yield EventKind.DEPENDENCY, "postgresql", {"answers": status.database_available}
    yield EventKind.REGISTRY, "", {"revision": status.definitions_revision}
    yield EventKind.ALARM, "", alarms


def _timeless(value: Any) -> Any:
    """A value without how long something has lasted, so that no event comes of time alone."""
    if isinstance(value, str):
        return _DURATION.sub("… s", value)
    return tuple(_timeless(item) for item in value) if isinstance(value, tuple) else value
