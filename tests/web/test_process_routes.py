"""Health, readiness, metrics."""

import httpx
from fastapi import FastAPI
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from controlplane.api.app import create_app
from controlplane.application.views import Readiness
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.conftest import PUBLIC_URL
from tests.web.pictures import DEGRADED, FROZEN

Series = dict[tuple[str, ...], float]


def series(text: str) -> Series:
    """Each sample by its name and sorted labels."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(client: httpx.AsyncClient) -> Series:
    return series((await client.get("/metrics")).text)


async def test_readiness_tells_each_check(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """Ready is 200, not ready is 503, both with what was checked."""
    checks = {"consul": "no answer for 14 s", "postgresql": "ok"}

    assert (await stranger.get("/readyz")).status_code == 200
    fakes.queries.ready = Readiness(ready=False, checks=checks)
    response = await stranger.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"ready": False, "checks": checks}


async def test_the_process_lives_whatever_happens_around_it(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """Health does not look at Consul or PostgreSQL."""
    fakes.queries.ready = Readiness(ready=False, checks={"consul": "gone"})

    assert (await stranger.get("/healthz")).json() == {"status": "ok"}


async def test_metrics_draw_the_same_picture_that_people_see(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """State, active region, revision, vantages, instances and restraints of the status are gauges."""
    fakes.queries.picture = DEGRADED

    found = await scrape(stranger)

    expected: Series = {
        ("controlplane_leader",): 1,
        ("controlplane_term",): 3,
        ("controlplane_database_available",): 0,
        ("controlplane_unsettled_publications",): 1,
        ("controlplane_alarms",): 1,
        ("controlplane_freezes",): 0,
        ("controlplane_vantages_reporting",): 3,
        ("controlplane_vantages_voting",): 2,
        ("controlplane_store_contact_seconds",): 0.3,
        ("controlplane_instances", "health=down"): 11,
        ("controlplane_restraint", "name=ap-south", "scope=region"): 1,
        ("controlplane_group_state", "group=checkout", "state=cooldown"): 1,
        ("controlplane_group_revision", "group=checkout"): 17,
        ("controlplane_group_active", "group=checkout", "region=eu-west"): 1,
        ("controlplane_group_active", "group=checkout", "region=us-east"): 0,
        ("controlplane_group_ready", "group=catalog", "region=eu-west"): 0,
    }
    assert {key: found[key] for key in expected} == expected


async def test_a_store_that_never_answered_is_infinitely_old(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """No contact is not contact of zero seconds ago."""
    assert (await scrape(stranger))[("controlplane_store_contact_seconds",)] == 0.3
    fakes.queries.picture = FakeDoors().queries.picture

    assert (await scrape(stranger))[("controlplane_store_contact_seconds",)] == float("inf")


async def test_freezes_are_counted(stranger: httpx.AsyncClient, fakes: FakeDoors):
    """An alert can be built on one gauge."""
    fakes.queries.picture = FROZEN

    assert (await scrape(stranger))[("controlplane_freezes",)] == 2


async def test_requests_are_counted_by_route_never_by_path(viewer: httpx.AsyncClient):
    """Callers cannot multiply the series by what they ask for."""
    for path in ("/api/v1/failover/checkout", "/api/v1/failover/catalog", "/api/v1/x", "/api/v1/y"):
        await viewer.get(path)
    await viewer.request("BREW", "/api/v1/pot")

    found = await scrape(viewer)

    name = "controlplane_http_requests_total"
    assert found[(name, "method=GET", "route=/api/v1/failover/{group}", "status=200")] == 2
    assert found[(name, "method=GET", "route=none", "status=404")] == 2
    assert found[(name, "method=other", "route=none", "status=404")] == 1
    assert (
        found[
            (
                "controlplane_http_request_duration_seconds_count",
                "method=GET",
                "route=/api/v1/failover/{group}",
            )
        ]
        == 2
    )


async def test_openmetrics_is_spoken_where_it_is_asked_for(stranger: httpx.AsyncClient):
    """Prometheus chooses the format by `Accept`."""
    response = await stranger.get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


async def test_further_collectors_are_scraped_too(fakes: FakeDoors):
    """The owner of the process adds what it knows."""

    class Journal(Collector):
        def collect(self):
            yield GaugeMetricFamily("controlplane_journal_backlog", "Entries not yet rows.", value=4)

    application: FastAPI = create_app(
        fakes.doors(), clock=FakeClock(), public_url=PUBLIC_URL, collectors=[Journal()]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=PUBLIC_URL) as client:
        assert (await scrape(client))[("controlplane_journal_backlog",)] == 4
