"""How a prober comes by its definitions: from disk, from the control API, whenever they changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.contract.keys import Keys
from controlplane.domain.fleet import Definitions
from tests.application.probers import definitions
from tests.fakes.probes import FakeControlApi
from tests.fakes.registry import FakeDefinitionsCache
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime

KEYS = Keys()
SOON_SECONDS = 0.1
BACKOFF_SECONDS_MAX = 31.0


class Rig:
    """A follower whose three sources can be set and taken away."""

    def __init__(self, on_disk: Definitions | None = None) -> None:
        self.consul = FakeStore()
        self.control = FakeControlApi()
        self.cache = FakeDefinitionsCache(on_disk)
        self.adopted: list[Definitions] = []
        self._news = asyncio.Event()
        self.follower = DefinitionsFollower(
            store=self.consul.client(),
            keys=KEYS,
            source=self.control,
            cache=self.cache,
            adopt=self._adopt,
        )

    def apply(self, revision: int) -> Definitions:
        """What `apply` leads to: the API knows new definitions, and Consul their revision."""
        self.control.definitions = definitions(revision)
        self.consul.edit(KEYS.registry, str(revision).encode())
        return self.control.definitions

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.follower.run())
            yield
            task.cancel()

    def _adopt(self, definitions: Definitions) -> None:
        self.adopted.append(definitions)
        self._news.set()

    async def adopts(self, wanted: Definitions, seconds: float = BACKOFF_SECONDS_MAX) -> None:
        """Wait until these are the ones in force."""
        async with asyncio.timeout(seconds):
            while self.adopted[-1:] != [wanted]:
                self._news.clear()
                await self._news.wait()


async def test_definitions_are_fetched_and_kept():
    """A prober without anything on disk takes the definitions from the control API and keeps them."""
    rig = Rig()
    wanted = rig.apply(3)
    async with rig.running():
        await rig.adopts(wanted, SOON_SECONDS)
        await asyncio.sleep(SOON_SECONDS)

    assert rig.adopted == [wanted]
    assert rig.cache.saved == wanted


async def test_a_change_arrives_at_once():
    """A raised `registry` brings the new definitions without waiting for any interval."""
    rig = Rig()
    rig.apply(3)
    async with rig.running():
        await asyncio.sleep(10)
        await rig.adopts(rig.apply(4), SOON_SECONDS)


async def test_a_prober_starts_from_disk():
    """While the control API is away, the definitions on disk are probed by."""
    rig = Rig(definitions(2))
    rig.control.away = True
    async with rig.running():
        await rig.adopts(definitions(2), SOON_SECONDS)
        await asyncio.sleep(300)
    assert rig.adopted == [definitions(2)]


async def test_what_is_on_disk_is_compared_with_nothing():
    """Definitions on disk with the very number of the current ones are replaced all the same."""
    rig = Rig(definitions(3, east=17))
    wanted = rig.apply(3)
    async with rig.running():
        await rig.adopts(wanted, SOON_SECONDS)
    assert rig.adopted == [definitions(3, east=17), wanted]


async def test_quiet_means_quiet():
    """Without changes there is one conditional request per watch and nothing is adopted again."""
    rig = Rig()
    rig.apply(3)
    async with rig.running():
        await asyncio.sleep(300)

    assert rig.adopted == [definitions(3)]
    assert set(rig.control.asked[1:]) == {3}
    assert len(rig.control.asked) <= 12


async def test_a_control_api_that_was_away_is_asked_again():
    """The control API is found again within the longest back-off, and is not hammered until then."""
    rig = Rig()
    rig.control.away = True
    async with rig.running():
        await asyncio.sleep(300)
        assert 10 < len(rig.control.asked) < 60
        rig.control.away = False
        await rig.adopts(rig.apply(5))


async def test_definitions_arrive_without_consul():
    """While Consul is away, the control API is asked all the same."""
    rig = Rig()
    rig.apply(3)
    rig.consul.go_away()
    async with rig.running():
        await rig.adopts(definitions(3), SOON_SECONDS)
        rig.control.definitions = definitions(4)
        await rig.adopts(definitions(4))


async def test_a_replica_that_lags_behind_is_asked_again():
    """While the control API is behind `registry`, nothing older than ours is taken, and it is asked again."""
    rig = Rig(definitions(4))
    rig.consul.edit(KEYS.registry, b"5")
    rig.control.definitions = definitions(3)
    async with rig.running():
        await asyncio.sleep(60)
        assert rig.adopted == [definitions(4)]
        rig.control.definitions = definitions(5)
        await rig.adopts(definitions(5))


async def test_something_is_better_than_nothing():
    """A prober that has nothing takes definitions that lag behind, and goes on asking for newer ones."""
    rig = Rig()
    rig.consul.edit(KEYS.registry, b"5")
    rig.control.definitions = definitions(4)
    async with rig.running():
        await rig.adopts(definitions(4), SOON_SECONDS)
        rig.control.definitions = definitions(5)
        await rig.adopts(definitions(5))


async def test_a_store_that_starts_again_is_followed():
    """After everything was wiped, definitions with a lower revision are taken."""
    rig = Rig()
    rig.apply(7)
    async with rig.running():
        await rig.adopts(definitions(7), SOON_SECONDS)
        rig.consul.wipe()
        await rig.adopts(rig.apply(1))


@pytest.mark.parametrize("value", [b"", b"many", b"-3", "٣".encode(), b"\xff", b"9" * 5000])
async def test_a_registry_that_says_nothing_is_no_demand(value: bytes):
    """Whatever a foreign hand writes into `registry`, the control API is believed."""
    rig = Rig()
    rig.apply(3)
    rig.consul.edit(KEYS.registry, value)
    async with rig.running():
        await rig.adopts(definitions(3), SOON_SECONDS)
