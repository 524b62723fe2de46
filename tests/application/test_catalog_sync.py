"""Adopting what Consul catalogs say: the newest answer wins, an error never wipes, nobody asks in haste."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.application.catalog_sync import PAUSE_SECONDS, WAIT_SECONDS, CatalogSync
from controlplane.application.ports import CatalogInstance
from controlplane.application.registry_service import RegistryService
from controlplane.domain.fleet import Source
from tests.application.fleets import edited
from tests.fakes.catalog import FakeCatalog
from tests.fakes.registry import FakeDefinitionsCache, FakeRegistry

pytestmark = pytest.mark.looptime

SETTLED_SECONDS = 2 * (WAIT_SECONDS + PAUSE_SECONDS)
"""Longer than any answer takes to be asked for, to be doubted and to be stored."""


async def announce(_: int) -> None:
    """Nobody else is there to hear it."""


class CountingCatalog(FakeCatalog):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str | None]] = []

    async def instances(
        self, service: str, *, datacenter: str | None, index: int, wait_seconds: float
    ) -> tuple[int, tuple[CatalogInstance, ...]]:
        self.asked.append((service, datacenter))
        return await super().instances(service, datacenter=datacenter, index=index, wait_seconds=wait_seconds)


class Rig:
    """A sync that runs between a catalog and a registry in memory."""

    def __init__(self) -> None:
        self.catalog = CountingCatalog()
        self.repository = FakeRegistry()
        self.registry = RegistryService(
            repository=self.repository, cache=FakeDefinitionsCache(), form=FleetYaml(), announce=announce
        )
        self.sync = CatalogSync(registry=self.registry, catalog=self.catalog)

    async def apply(self, *edits: tuple[str, str]) -> None:
        await self.registry.apply(edited(*edits), by="alice", dry_run=False)

    def adopted(self, service: str) -> list[str]:
        return [
            instance.id
            for instance in self.registry.current().fleet.service(service).instances
            if instance.source is Source.CATALOG
        ]


@asynccontextmanager
async def running() -> AsyncIterator[Rig]:
    """A rig whose file is applied and whose sync runs."""
    rig = Rig()
    await rig.apply()
    task = asyncio.create_task(rig.sync.run())
    try:
        yield rig
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def entry(
    name: str, region: str | None = "us-east", *, port: int = 80, datacenter: str = "dc1"
) -> CatalogInstance:
    return CatalogInstance(f"node:{name}", "10.0.0.9", port, region, datacenter)


async def test_registered_instances_are_adopted():
    """What registers itself in any of a service's datacenters becomes an instance of it, and leaves again."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await rig.catalog.register("cart", entry("b"), entry("c", "eu-west", datacenter="dc2"))
        await asyncio.sleep(SETTLED_SECONDS)
        assert (rig.adopted("checkout"), rig.adopted("cart")) == (["node:a"], ["node:b", "node:c"])

        await rig.catalog.deregister("cart", entry("b"))
        await asyncio.sleep(SETTLED_SECONDS)
        assert rig.adopted("cart") == ["node:c"]


async def test_a_change_arrives_at_once():
    """A registration wakes the query that waits for it: it is adopted well before the query would end."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(SETTLED_SECONDS)
        await rig.catalog.register("checkout", entry("b"))
        await asyncio.sleep(2 * PAUSE_SECONDS)

        assert rig.adopted("checkout") == ["node:a", "node:b"]


async def test_a_catalog_that_cannot_be_asked_wipes_nothing():
    """While Consul is away the adopted instances stay, and it is asked ever more seldom."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(SETTLED_SECONDS)
        await rig.catalog.go_away()
        rig.catalog.asked.clear()
        await asyncio.sleep(600)

        assert rig.adopted("checkout") == ["node:a"]
        assert 3 * 600 / 30 <= len(rig.catalog.asked) <= 3 * (600 / 15 + 20)


async def test_an_empty_answer_after_an_error_is_doubted_first():
    """A catalog that comes back empty is asked once more before it is believed."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(SETTLED_SECONDS)
        await rig.catalog.go_away()
        await asyncio.sleep(1)
        await rig.catalog.deregister("checkout", entry("a"))
        rig.catalog.come_back()
        await asyncio.sleep(2)
        assert rig.adopted("checkout") == ["node:a"]

        await asyncio.sleep(SETTLED_SECONDS)
        assert rig.adopted("checkout") == []


async def test_the_newest_answer_wins_when_postgresql_comes_back():
    """What changed while PostgreSQL was away is adopted as it is then, not as it was."""
    async with running() as rig:
        rig.repository.away = True
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(60)
        await rig.catalog.deregister("checkout", entry("a"))
        await rig.catalog.register("checkout", entry("b"))
        await asyncio.sleep(60)
        revisions = len(rig.repository.authors)
        rig.repository.away = False
        await asyncio.sleep(SETTLED_SECONDS)

        assert rig.adopted("checkout") == ["node:b"]
        assert len(rig.repository.authors) == revisions + 1


async def test_what_cannot_be_an_instance_is_left_out_and_named():
    """An entry without a known region, with a bad id, address or port is told by its id and the reason."""
    async with running() as rig:
        await rig.catalog.register(
            "checkout",
            entry("good"),
            entry("nowhere", None),
            entry("lost", "mars"),
            entry("a/b"),
            entry("portless", port=0),
            CatalogInstance("node:url", "http://10.0.0.9", 80, "us-east", "dc1"),
            CatalogInstance("checkout-us-1", "10.0.0.9", 80, "us-east", "dc1"),
        )
        await asyncio.sleep(SETTLED_SECONDS)

        assert rig.adopted("checkout") == ["node:good"]
        told = dict(line.split(": ", 2)[1:] for line in rig.sync.left_out)
        assert {key.strip('"'): reason.partition(";")[0] for key, reason in told.items()} == {
            "node:nowhere": "it names no region",
            "node:lost": 'the region "mars" is unknown',
            "node:a/b": '"node:a/b" is not an instance id',
            "node:portless": "0 is out of bounds",
            "node:url": '"http://10.0.0.9" is not an address',
            "checkout-us-1": "another instance has this id, or the fleet is full",
        }


async def test_definitions_decide_what_is_asked():
    """A new file changes which catalogs are followed, and restarts no query that stays the same."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(SETTLED_SECONDS)
        rig.catalog.asked.clear()
        await rig.apply(("datacenters: [dc1, dc2]", "datacenters: [dc2, dc3]"))
        await asyncio.sleep(PAUSE_SECONDS / 2)
        assert rig.catalog.asked == [("cart", "dc3")]

        await rig.apply(
            ("  consul: {service: checkout}\n", ""), ("datacenters: [dc1, dc2]", "datacenters: [dc2]")
        )
        await asyncio.sleep(SETTLED_SECONDS)
        rig.catalog.asked.clear()
        await asyncio.sleep(SETTLED_SECONDS)
        assert set(rig.catalog.asked) == {("cart", "dc2")}
        assert rig.adopted("checkout") == []


async def test_a_region_that_becomes_known_brings_its_instances():
    """An entry left out for its region is adopted when the file declares that region."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a", "ap-south"))
        await asyncio.sleep(SETTLED_SECONDS)
        assert rig.adopted("checkout") == []
        await rig.apply(("{name: eu-west}]", "{name: eu-west}, {name: ap-south}]"))
        await asyncio.sleep(SETTLED_SECONDS)

        assert rig.adopted("checkout") == ["node:a"]
        assert rig.sync.left_out == ()


async def test_equal_answers_are_not_stored_again():
    """A quiet catalog costs PostgreSQL nothing."""
    async with running() as rig:
        await rig.catalog.register("checkout", entry("a"))
        await asyncio.sleep(SETTLED_SECONDS)
        rig.repository.away = True
        rig.catalog.asked.clear()
        await asyncio.sleep(10 * SETTLED_SECONDS)

        assert rig.catalog.asked.count(("checkout", None)) <= 10 * SETTLED_SECONDS / WAIT_SECONDS


async def test_the_sync_ends_with_its_task():
    """Cancelling it ends every query."""
    before = asyncio.all_tasks()
    async with running():
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == len(before) + 1 + 3
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
