"""Owns what Prometheus is told of the control plane itself, drawn from the same picture that people see."""

import math
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from controlplane.application.doors import Queries
from controlplane.application.views import GroupView, StatusView


class StatusCollector(Collector):
    """Draws gauges from the status whenever Prometheus asks; keeps nothing."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def collect(self) -> Iterable[Metric]:
        """Every gauge, from one status."""
        status = self._queries.status()
        yield from _replica(status)
        yield from _fleet(status)
        yield from _groups(status.groups)


def _replica(status: StatusView) -> Iterator[Metric]:
    contact = status.store_contact_seconds
    yield _gauge("leader", "1 on the replica that leads.", status.leader.ours)
    yield _gauge("term", "Number of the current leadership.", status.leader.term)
    yield _gauge("definitions_revision", "Revision of the definitions in use.", status.definitions_revision)
    yield _gauge(
        "store_contact_seconds",
        "Seconds since Consul last confirmed anything; +Inf: never.",
        math.inf if contact is None else contact,
    )
    yield _gauge("database_available", "1 while PostgreSQL answers.", status.database_available)
    yield _gauge("unsettled_publications", "Publications of unknown outcome.", len(status.unsettled))
    yield _gauge("alarms", "Things that a person should look at.", len(status.alarms))
    yield _gauge("freezes", "Reasons why nothing moves by itself.", len(status.freezes))


def _fleet(status: StatusView) -> Iterator[Metric]:
    voting = sum(vantage.votes for vantage in status.vantages)
    yield _gauge("vantages_reporting", "Prober processes that report.", len(status.vantages))
    yield _gauge("vantages_voting", "Prober processes whose word counts.", voting)
    restraints = _family("restraint", "1 for each pause or maintenance in force.", "scope", "name")
    for restraint in status.restraints:
        restraints.add_metric([restraint.scope, restraint.name or ""], 1)
    yield restraints
    instances = _family("instances", "Instances by health.", "health")
    for health, count in status.instances.items():
        instances.add_metric([health], count)
    yield instances


def _groups(groups: tuple[GroupView, ...]) -> Iterator[Metric]:
    state = _family("group_state", "1 for the state that a group is in.", "group", "state")
    revision = _family("group_revision", "Revision of a group's document.", "group")
    active = _family(
        "group_active", "1 for the active region of a group, 0 for the others.", "group", "region"
    )
    ready = _family("group_ready", "1 for a region that could take a group over now.", "group", "region")
    for group in groups:
        state.add_metric([group.name, group.state], 1)
        revision.add_metric([group.name], group.revision or 0)
        for region in group.regions:
            active.add_metric([group.name, region.region], region.active)
            ready.add_metric([group.name, region.region], region.ready)
    yield from (state, revision, active, ready)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"controlplane_{name}", text, value=value)


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"controlplane_{name}", text, labels=labels)
