"""What every `Catalog` keeps, on one in memory and on the real Consul's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

import httpx
import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulCatalog
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.application.ports import Catalog, CatalogInstance, StoreUnavailable
from tests.fakes.catalog import FakeCatalog
from tests.fixtures.consul import ConsulAccess

LONG_SECONDS = 5.0
SHORT_SECONDS = 0.4
NODE = "contract-node"


class Rig(Protocol):
    """A catalog, a service name that is ours alone, and the hand of the agents that register."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def service(self) -> str: ...

    async def register(self, name: str, *, address: str, port: int, region: str | None) -> None: ...

    async def deregister(self, name: str) -> None: ...


class FakeRig:
    def __init__(self) -> None:
        self.catalog = FakeCatalog()
        self.service = "checkout"
        self._registered: dict[str, CatalogInstance] = {}

    async def register(self, name: str, *, address: str, port: int, region: str | None) -> None:
        instance = CatalogInstance(f"{NODE}:{name}", address, port, region, self.catalog.home)
        self._registered[name] = instance
        await self.catalog.register(self.service, instance)

    async def deregister(self, name: str) -> None:
        await self.catalog.deregister(self.service, self._registered.pop(name))


class ConsulRig:
    def __init__(self, address: str, catalog: ConsulCatalog) -> None:
        self.catalog = catalog
        self.service = f"service-{uuid4().hex}"
        self._url = f"http://{address}/v1/catalog"

    async def register(self, name: str, *, address: str, port: int, region: str | None) -> None:
        service: dict[str, Any] = {"ID": name, "Service": self.service, "Address": address, "Port": port}
        service["Meta"] = {"region": region} if region else {}
        await self.put("register", {"Node": NODE, "Address": "10.9.9.9", "Service": service})

    async def deregister(self, name: str) -> None:
        await self.put("deregister", {"Node": NODE, "ServiceID": name})

    async def put(self, verb: str, body: dict[str, Any]) -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.put(f"{self._url}/{verb}", json=body)
        answer.raise_for_status()


@asynccontextmanager
async def rig_on(consul: ConsulAccess) -> AsyncIterator[ConsulRig]:
    endpoint = ConsulEndpoint(address=consul.address)
    async with aclosing(ConsulCatalog(endpoint, clock=SystemClock())) as catalog:
        yield ConsulRig(consul.address, catalog)


@pytest.fixture
async def consul_rig(consul: ConsulAccess) -> AsyncIterator[ConsulRig]:
    async with rig_on(consul) as rig:
        yield rig


@pytest.fixture(
    params=[
        pytest.param("fake", marks=pytest.mark.looptime),
        pytest.param("consul", marks=pytest.mark.services),
    ]
)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    async with rig_on(request.getfixturevalue("consul")) as rig:
        yield rig


async def instances(rig: Rig, index: int = 0) -> tuple[int, tuple[CatalogInstance, ...]]:
    return await rig.catalog.instances(rig.service, datacenter=None, index=index, wait_seconds=SHORT_SECONDS)


async def test_a_service_that_nobody_registered_has_no_instances(rig: Rig) -> None:
    """An unknown service is an empty answer with an index to wait on."""
    index, found = await instances(rig)
    assert index >= 1
    assert found == ()


async def test_an_instance_is_what_its_agent_says(rig: Rig) -> None:
    """Address, port, region and datacenter are the registered ones; the id names node and service id."""
    await rig.register("checkout-1", address="10.0.0.1", port=8080, region="us-east")
    _, found = await instances(rig)
    assert found == (CatalogInstance(f"{NODE}:checkout-1", "10.0.0.1", 8080, "us-east", "dc1"),)


async def test_a_region_is_optional(rig: Rig) -> None:
    """Without metadata the region is not known."""
    await rig.register("checkout-1", address="10.0.0.1", port=8080, region=None)
    _, found = await instances(rig)
    assert [instance.region for instance in found] == [None]


async def test_waiting_ends_with_a_change(rig: Rig) -> None:
    """Whoever waits is told of the next registration and of the next removal."""
    await rig.register("checkout-1", address="10.0.0.1", port=8080, region="us-east")
    index, _ = await instances(rig)
    for change, count in (
        (rig.register("checkout-2", address="10.0.0.2", port=8080, region="us-east"), 2),
        (rig.deregister("checkout-1"), 1),
    ):
        async with asyncio.timeout(2 * LONG_SECONDS), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(
                rig.catalog.instances(
                    rig.service, datacenter=None, index=index, wait_seconds=4 * LONG_SECONDS
                )
            )
            await asyncio.sleep(0.1)
            await change
        newer, found = waiting.result()
        assert newer > index
        assert len(found) == count
        index = newer


async def test_waiting_ends_after_its_time(rig: Rig) -> None:
    """Without a change the same index is answered when the wait is over."""
    await rig.register("checkout-1", address="10.0.0.1", port=8080, region="us-east")
    index, _ = await instances(rig)
    started = asyncio.get_running_loop().time()
    assert (await instances(rig, index))[0] == index
    assert asyncio.get_running_loop().time() - started >= SHORT_SECONDS


@pytest.mark.looptime
async def test_a_catalog_that_is_away_answers_nobody() -> None:
    """The catalog in memory fails those who ask and those who wait, until it is back."""
    catalog = FakeCatalog()
    waiting = asyncio.create_task(
        catalog.instances("checkout", datacenter=None, index=1, wait_seconds=LONG_SECONDS)
    )
    await asyncio.sleep(0.1)
    await catalog.go_away()
    with pytest.raises(StoreUnavailable):
        await waiting
    catalog.come_back()
    assert await catalog.instances("checkout", datacenter=None, index=0, wait_seconds=1) == (1, ())


@pytest.mark.services
async def test_what_the_service_does_not_say_its_node_says(consul_rig: ConsulRig) -> None:
    """Without an address or a region of its own an instance has its node's."""
    await consul_rig.put(
        "register",
        {
            "Node": "far-node",
            "Address": "10.8.8.8",
            "NodeMeta": {"region": "ap-south"},
            "Service": {"ID": "one", "Service": consul_rig.service, "Port": 80},
        },
    )
    _, found = await instances(consul_rig)
    assert found == (CatalogInstance("far-node:one", "10.8.8.8", 80, "ap-south", "dc1"),)


@pytest.mark.services
async def test_an_unknown_datacenter_is_unavailable(consul_rig: ConsulRig) -> None:
    """A datacenter to which there is no path has no answer, rather than no instances."""
    with pytest.raises(StoreUnavailable, match="No path to datacenter"):
        await consul_rig.catalog.instances("checkout", datacenter="nowhere", index=0, wait_seconds=1)
