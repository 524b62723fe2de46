"""Definitions in a process: at hand without PostgreSQL, changed by files and catalogs, then announced."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.application.fleet_file import fleet_from_mapping
from controlplane.application.fleet_tree import FleetFileError
from controlplane.application.ports import (
    DatabaseUnavailable,
    DefinitionsUnreadable,
    RegistryConflict,
    StoreUnavailable,
)
from controlplane.application.registry_service import APPLY_ATTEMPTS_MAX, DIFFERENCES_MAX, RegistryService
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.fleet import Definitions, Fleet, Instance
from tests.application.fleets import SHOP, edited, fleet
from tests.fakes.registry import FakeDefinitionsCache, FakeRegistry

ADOPTED = Instance("node:1", "us-east", "10.0.0.9", 80)


@dataclass
class Rig:
    """A service with everything around it in memory."""

    repository: FakeRegistry = field(default_factory=FakeRegistry)
    cache: FakeDefinitionsCache = field(default_factory=FakeDefinitionsCache)
    announced: list[int] = field(default_factory=list)
    key: int = 0
    consul_away: bool = False

    def service(self) -> RegistryService:
        return RegistryService(
            repository=self.repository,
            cache=self.cache,
            form=FleetYaml(),
            announce=self.announce,
            announced=lambda: self.key,
        )

    async def announce(self, revision: int) -> None:
        if self.consul_away:
            raise StoreUnavailable("Consul is away")
        self.announced.append(revision)


async def test_a_fleet_file_is_applied():
    """An apply stores the fleet, shows what it changes, announces its revision, and is at hand at once."""
    rig = Rig()
    service = rig.service()
    applied = await service.apply(SHOP, by="alice", dry_run=False)

    assert (applied.revision, applied.dry_run) == (1, False)
    assert applied.differences[0] == '+ regions[us-east]: {"name": "us-east"}'
    assert service.current() == Definitions(1, fleet()) == rig.cache.saved
    assert (rig.announced, rig.repository.authors) == ([1], ["alice"])


async def test_a_dry_run_changes_nothing():
    """A dry run shows the same differences and writes nothing."""
    rig = Rig()
    service = rig.service()
    shown = await service.apply(SHOP, by="alice", dry_run=True)

    assert (shown.revision, shown.dry_run, rig.announced) == (0, True, [])
    assert shown.differences == (await service.apply(SHOP, by="alice", dry_run=False)).differences


async def test_an_export_changes_nothing_when_it_is_applied():
    """Export, apply, export: no new revision, equal bytes, nobody is woken."""
    rig = Rig()
    service = rig.service()
    await service.apply(SHOP, by="alice", dry_run=False)
    await service.adopt("checkout", None, [ADOPTED])
    exported = service.export()
    applied = await service.apply(exported, by="bob", dry_run=False)

    assert (applied.revision, applied.differences) == (2, ())
    assert service.export() == exported
    assert rig.announced == [1, 2]


async def test_a_broken_file_changes_nothing():
    """A file with mistakes is refused before PostgreSQL is asked."""
    rig = Rig()
    rig.repository.away = True
    with pytest.raises(FleetFileError):
        await rig.service().apply("regions: 7", by="alice", dry_run=False)


async def test_a_long_diff_is_counted_not_shown():
    """A diff shows so many lines, and the number of the rest."""
    many = "".join(f"- {{name: s{n}}}\n" for n in range(DIFFERENCES_MAX + 5))
    applied = (
        await Rig()
        .service()
        .apply(f"apiVersion: controlplane/v1\nservices:\n{many}", by="alice", dry_run=True)
    )

    assert len(applied.differences) == DIFFERENCES_MAX + 1
    assert applied.differences[-1] == "and 5 more"


class Contested(FakeRegistry):
    """A catalog contributes between each reading and writing, as often as told."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def load(self) -> Definitions:
        loaded = await super().load()
        if self.times:
            self.times -= 1
            await self.replace_adopted("checkout", None, [Instance(f"i{self.times}", "us-east", "h", 1)])
        return loaded


async def test_an_apply_outlives_a_catalog_that_changes_meanwhile():
    """A conflict is read again and tried again, since the file says the same."""
    rig = Rig(repository=Contested(APPLY_ATTEMPTS_MAX - 1))
    applied = await rig.service().apply(SHOP, by="alice", dry_run=False)

    assert applied.revision == APPLY_ATTEMPTS_MAX


async def test_an_apply_gives_up_when_others_never_rest():
    """After so many conflicts the last one is told, and nothing has changed."""
    rig = Rig(repository=Contested(1_000))
    with pytest.raises(RegistryConflict):
        await rig.service().apply(SHOP, by="alice", dry_run=False)

    assert "alice" not in rig.repository.authors


async def test_an_apply_with_consul_away_is_spread_later():
    """A committed apply is a success also where nobody can be told; the comparison repairs it."""
    rig = Rig(consul_away=True)
    service = rig.service()
    applied = await service.apply(SHOP, by="alice", dry_run=False)

    assert (applied.revision, service.current().revision, rig.announced) == (1, 1, [])


async def test_a_new_revision_lies_above_the_announced_one():
    """A PostgreSQL that was restored from a backup does not give out a revision twice."""
    rig = Rig(key=41)
    service = rig.service()

    assert (await service.apply(SHOP, by="alice", dry_run=False)).revision == 42
    rig.key = 50
    await service.adopt("checkout", None, [ADOPTED])
    assert rig.announced == [42, 51]


async def test_an_apply_passes_a_number_that_nobody_applied():
    """Where Consul names more than PostgreSQL has, the same file makes a new revision, and shows it."""
    rig = Rig()
    service = rig.service()
    await service.apply(SHOP, by="alice", dry_run=False)
    rig.key = 41

    shown = await service.apply(SHOP, by="bob", dry_run=True)
    assert (shown.revision, shown.differences) == (1, ("~ revision: 1 → 42, for Consul names 41",))
    applied = await service.apply(SHOP, by="bob", dry_run=False)
    assert (applied.revision, applied.differences) == (42, shown.differences)
    assert service.current().revision == rig.announced[-1] == 42

    rig.key = 42
    assert (await service.apply(SHOP, by="bob", dry_run=False)).differences == ()


async def test_the_last_of_all_numbers_is_not_passed():
    """A number above which there is none is left to a person: no revision is made that nobody could read."""
    rig = Rig(key=REVISION_LIMIT - 1)
    service = rig.service()

    assert (await service.apply(SHOP, by="alice", dry_run=False)).revision == 1
    assert (await service.apply(SHOP, by="alice", dry_run=False)).differences == ()


async def test_a_process_starts_from_disk_while_postgresql_is_away():
    """The last definitions are at hand at once, and newer ones as soon as they can be read."""
    rig = Rig(cache=FakeDefinitionsCache(Definitions(7, fleet())))
    rig.repository.away = True
    service = rig.service()

    assert await service.start() == Definitions(7, fleet())
    assert service.loaded
    with pytest.raises(DatabaseUnavailable):
        await service.refresh()
    rig.repository.away = False
    assert await service.refresh() == Definitions(0, Fleet()) == service.current()


async def test_a_process_without_anything_says_so():
    """With neither PostgreSQL nor a file there is an empty fleet, and it is known not to be loaded."""
    rig = Rig()
    rig.repository.away = True
    service = rig.service()

    assert await service.start() == Definitions(0, Fleet())
    assert not service.loaded


class FromTheFuture(FakeRegistry):
    async def load(self) -> Definitions:
        raise DefinitionsUnreadable("a newer version wrote this")


async def test_definitions_of_a_newer_version_do_not_replace_those_at_hand():
    """What cannot be read leaves the last definitions in force."""
    rig = Rig(repository=FromTheFuture(), cache=FakeDefinitionsCache(Definitions(7, fleet())))
    service = rig.service()

    assert (await service.start()).revision == 7
    with pytest.raises(DefinitionsUnreadable):
        await service.refresh()
    assert service.current().revision == 7


async def test_waiting_ends_when_definitions_change():
    """Whoever waits for other definitions gets them; a refresh that finds the same wakes nobody."""
    service = Rig().service()
    before = await service.start()
    waiting = asyncio.create_task(service.changed(before))
    await service.refresh()
    await asyncio.sleep(0)
    assert not waiting.done()
    await service.apply(SHOP, by="alice", dry_run=False)

    assert (await waiting).revision == 1
    assert (await service.changed(before)).revision == 1


async def test_the_mapping_carries_adopted_instances():
    """Probers get what catalogs contributed, also when it changes."""
    rig = Rig()
    service = rig.service()
    await service.apply(SHOP, by="alice", dry_run=False)
    declared = service.mapping()
    await service.adopt("checkout", None, [ADOPTED])

    assert declared is not service.mapping()
    assert fleet_from_mapping(service.mapping()) == service.current().fleet
    assert service.mapping()["services"][0]["instances"][1]["source"] == "catalog"


async def test_an_adoption_that_changes_nothing_makes_no_revision():
    """The same answer of a catalog wakes nobody."""
    rig = Rig()
    service = rig.service()
    await service.apply(SHOP, by="alice", dry_run=False)
    await service.adopt("checkout", None, [ADOPTED])
    await service.adopt("checkout", None, [ADOPTED])

    assert rig.announced == [1, 2]


class CountingRegistry(FakeRegistry):
    loads = 0

    async def load(self) -> Definitions:
        self.loads += 1
        await asyncio.sleep(0)
        return await super().load()


async def test_many_commits_in_a_row_are_read_together():
    """Catalogs that all change at once do not make a process read the whole fleet once for each."""
    repository = CountingRegistry()
    rig = Rig(repository=repository)
    service = rig.service()
    await service.apply(SHOP, by="alice", dry_run=False)
    before = repository.loads
    await asyncio.gather(
        *(
            service.adopt("cart", place, [replace(ADOPTED, id=f"i{n}")])
            for n, place in enumerate(["dc1", "dc2"] * 20)
        )
    )

    assert service.current().revision == await repository.revision() == 41
    assert repository.loads - before < 10


async def test_an_apply_keeps_what_catalogs_contributed():
    """Adopted instances survive a new file, as long as it still adopts."""
    service = Rig().service()
    await service.apply(SHOP, by="alice", dry_run=False)
    await service.adopt("checkout", None, [ADOPTED])
    await service.apply(edited(("interval: 2s", "interval: 3s")), by="alice", dry_run=False)
    assert len(service.current().fleet.service("checkout").instances) == 2
    await service.apply(edited(("  consul: {service: checkout}\n", "")), by="alice", dry_run=False)

    assert len(service.current().fleet.service("checkout").instances) == 1
