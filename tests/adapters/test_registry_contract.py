"""What every `RegistryRepository` keeps, on one in memory and on the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import update

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.adapters.postgres.registry import PostgresRegistry
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tables import checks
from controlplane.application.ports import DefinitionsUnreadable, RegistryConflict, RegistryRepository
from controlplane.domain.fleet import Definitions, Fleet, Instance, Source
from tests.adapters.postgres_contract import BOTH, opened
from tests.application.fleets import fleet
from tests.fakes.registry import FakeRegistry
from tests.strategies import fleets


@pytest.fixture(params=BOTH)
async def registry(request: pytest.FixtureRequest) -> AsyncIterator[RegistryRepository]:
    async with opened(request, fake=FakeRegistry, real=PostgresRegistry) as repository:
        yield repository


def found(*ids: str, region: str = "us-east") -> list[Instance]:
    return [Instance(key, region, "10.0.0.9", 80) for key in ids]


def adopted(definitions: Definitions, service: str) -> list[str]:
    instances = definitions.fleet.service(service).instances
    return [instance.id for instance in instances if instance.source is Source.CATALOG]


async def test_it_begins_empty(registry: RegistryRepository):
    """Before the first apply there is an empty fleet at revision 0."""
    assert await registry.revision() == 0
    assert await registry.load() == Definitions(0, Fleet())


async def test_what_is_stored_is_loaded(registry: RegistryRepository):
    """A fleet comes back as it was, under the next revision."""
    assert await registry.replace(fleet(), expected=0, by="alice") == 1
    assert await registry.load() == Definitions(1, fleet())
    smaller = fleet(("- {name: shop, services: [checkout, cart], regions: [us-east, eu-west]}", ""))
    assert await registry.replace(smaller, expected=1, by="bob") == 2

    assert await registry.load() == Definitions(2, smaller)
    assert await registry.revision() == 2


async def test_whoever_is_late_changes_nothing(registry: RegistryRepository):
    """A change made from another revision than the current one is refused."""
    await registry.replace(fleet(), expected=0, by="alice")
    with pytest.raises(RegistryConflict) as conflict:
        await registry.replace(Fleet(), expected=0, by="bob")

    assert (conflict.value.expected, conflict.value.found) == (0, 1)
    assert await registry.load() == Definitions(1, fleet())


async def test_of_many_at_once_one_wins(registry: RegistryRepository):
    """Changes made from the same revision at the same time: one is stored, the others are conflicts."""
    replacements = [registry.replace(fleet(), expected=0, by=f"person {n}") for n in range(4)]
    results = await asyncio.gather(*replacements, return_exceptions=True)

    assert sorted(str(result) for result in results) == [
        "1",
        *["definitions are at revision 1, the change was made from 0"] * 3,
    ]


async def test_a_revision_lies_above_what_is_known_elsewhere(registry: RegistryRepository):
    """A revision that was announced already is not given out again."""
    assert await registry.replace(fleet(), expected=0, by="alice", above=41) == 42
    assert await registry.replace_adopted("checkout", None, found("a"), above=7) == 43
    assert await registry.replace_adopted("checkout", None, found("b"), above=99) == 100


async def test_what_catalogs_say_stands_beside_the_file(registry: RegistryRepository):
    """Adopted instances are loaded behind those of the file, by datacenter and id."""
    await registry.replace(fleet(), expected=0, by="alice")
    await registry.replace_adopted("cart", "dc2", found("c"))
    await registry.replace_adopted("cart", "dc1", found("b", "a", "B"))
    assert await registry.replace_adopted("checkout", None, found("d")) == 4

    loaded = await registry.load()
    assert adopted(loaded, "cart") == ["B", "a", "b", "c"]
    assert [instance.id for instance in loaded.fleet.service("checkout").instances] == ["checkout-us-1", "d"]


async def test_the_same_answer_makes_no_revision(registry: RegistryRepository):
    """Only what differs is stored, whatever order it comes in."""
    await registry.replace(fleet(), expected=0, by="alice")
    assert await registry.replace_adopted("cart", "dc1", []) is None
    assert await registry.replace_adopted("cart", "dc1", found("a", "b")) == 2
    assert await registry.replace_adopted("cart", "dc1", found("b", "a")) is None
    assert await registry.replace_adopted("cart", "dc1", found("a")) == 3
    assert await registry.replace_adopted("cart", "dc1", found("a", region="eu-west")) == 4
    assert await registry.replace_adopted("cart", "dc1", []) == 5

    assert adopted(await registry.load(), "cart") == []


async def test_a_new_file_keeps_what_it_still_adopts(registry: RegistryRepository):
    """Adopted instances survive an apply; those of catalogs that are no longer asked are gone for good."""
    await registry.replace(fleet(), expected=0, by="alice")
    await registry.replace_adopted("cart", "dc1", found("a"))
    await registry.replace_adopted("cart", "dc2", found("b"))
    await registry.replace_adopted("checkout", None, found("c"))
    await registry.replace(fleet(("[dc1, dc2]", "[dc2]")), expected=4, by="alice")
    assert adopted(await registry.load(), "cart") == ["b"]
    await registry.replace(fleet(("  consul: {service: checkout}\n", "")), expected=5, by="alice")
    await registry.replace(fleet(), expected=6, by="alice")

    loaded = await registry.load()
    assert (adopted(loaded, "cart"), adopted(loaded, "checkout")) == (["b"], [])


async def test_adopted_instances_of_a_fleet_are_not_stored_as_the_files(registry: RegistryRepository):
    """Storing what was loaded does not turn a catalog's instances into the file's."""
    await registry.replace(fleet(), expected=0, by="alice")
    await registry.replace_adopted("checkout", None, found("a"))
    await registry.replace((await registry.load()).fleet, expected=2, by="alice")
    await registry.replace_adopted("checkout", None, [])

    assert await registry.load() == Definitions(4, fleet())


@given(fleet=fleets())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_fleet_is_stored_whole(registry: RegistryRepository, fleet: Fleet):
    """Whatever a file can say comes back to the byte of its export, over the one before."""
    revision = await registry.replace(fleet, expected=await registry.revision(), by="alice")
    loaded = await registry.load()

    assert loaded == Definitions(revision, fleet)
    assert FleetYaml().write(loaded.fleet) == FleetYaml().write(fleet)


@pytest.mark.services
async def test_definitions_of_a_newer_version_are_not_guessed_at(postgres_url: str):
    """What this version does not understand is told by revision and path, not read halfway."""
    database = Database(postgres_url)
    registry = PostgresRegistry(database)
    await registry.replace(fleet(), expected=0, by="alice")
    async with database.begin() as connection:
        await connection.execute(update(checks).values(definition={"name": "api", "type": "quantum"}))
    with pytest.raises(
        DefinitionsUnreadable, match=r"revision 1: services\[0\].checks\[0\].type: \"quantum\""
    ):
        await registry.load()
    await database.close()
