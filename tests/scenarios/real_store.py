"""Replicas and publishers on a real Consul, with everything else in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from controlplane.adapters.clock import SystemClock, UlidFactory
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.adapters.relay import HttpRelay
from controlplane.application.founding import found, identify
from controlplane.application.ports import Floors
from controlplane.application.publisher import Publisher
from controlplane.application.replica import Replica
from controlplane.application.world import Ports, Traits
from controlplane.contract.keys import Keys
from controlplane.domain.budget import Budget
from controlplane.domain.restraint import Restraints
from tests.application.world import FakeCache
from tests.fakes.catalog import FakeCatalog
from tests.fakes.history import history_ports
from tests.fakes.journal import FakeJournal
from tests.fakes.people import FakeHasher, FakeSigner, FakeUsers
from tests.fakes.probes import FakeTicker
from tests.fakes.registry import FakeDefinitionsCache, FakeRegistry
from tests.fakes.tokens import FakeTokens

DEADLINE_SECONDS = 60.0
CLOCK = SystemClock()


@asynccontextmanager
async def store_at(address: str) -> AsyncIterator[ConsulStore]:
    """A connection to Consul."""
    store = ConsulStore(ConsulEndpoint(address=address), clock=CLOCK)
    try:
        yield store
    finally:
        await store.aclose()


async def founded_store(store: ConsulStore, keys: Keys) -> str:
    """Found a store below a prefix; answers its identity."""
    identity = UlidFactory().new()
    await found(store, keys, identity=identity, pause=Restraints().to_bytes(), budget=Budget().to_bytes())
    assert await identify(store, keys) == identity
    return identity


async def publisher_on(store: ConsulStore, keys: Keys) -> Publisher:
    """A publisher that has just heard from Consul."""
    await store.get(keys.term, consistent=True)
    return Publisher(store, keys, CLOCK, by="controlplane")


async def until(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something holds; generous, for the machine may be busy."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is anything at all
            await asyncio.sleep(0.02)


@asynccontextmanager
async def replica_at(
    address: str, *, keys: Keys, registry: FakeRegistry | None = None
) -> AsyncIterator[Replica]:
    """A replica on a real Consul, running."""
    async with AsyncExitStack() as resources:
        store = await resources.enter_async_context(store_at(address))
        ports = Ports(
            store=store,
            log_store=store,
            catalog=FakeCatalog(),
            registry=registry or FakeRegistry(),
            journal=FakeJournal(),
            tokens=FakeTokens(),
            users=FakeUsers(),
            fleet_format=FleetYaml(),
            definitions_cache=FakeDefinitionsCache(),
            token_cache=FakeCache(()),
            user_cache=FakeCache(()),
            password_hasher=FakeHasher(),
            signer=FakeSigner(),
            floors=FakeCache(Floors()),
            history=history_ports(),
            ticker=FakeTicker(),
            relay=HttpRelay(),
            clock=CLOCK,
            identifiers=UlidFactory(),
        )
        replica = Replica(ports, Traits(api="http://here", keys=keys))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(replica.run())
            try:
                yield replica
            finally:
                running.cancel()
