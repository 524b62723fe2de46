"""A value that foreign readers follow, and the hand that moves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.application.ports import Committed, Put, Store, StoreError
from controlplane.contract.keys import Keys

MOVE_TIMEOUT_SECONDS = 60
RETRY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Followed:
    """The value of the group `checkout`, as a move writes it, and the environment of those who follow it."""

    store: Store
    key: str
    environment: dict[str, str]

    async def move(self, region: str) -> None:
        """Write the value; while Consul starts, as often as it takes."""
        async with asyncio.timeout(MOVE_TIMEOUT_SECONDS):
            while True:
                with suppress(StoreError):
                    assert isinstance(await self.store.transact((Put(self.key, region.encode()),)), Committed)
                    return
                await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def followed_at(address: str, prefix: str, path: str) -> AsyncIterator[Followed]:
    """A value at this Consul that reads `us-east`."""
    async with aclosing(ConsulStore(ConsulEndpoint(address=address), clock=SystemClock())) as store:
        environment = {"PATH": path, "CONSUL_HTTP_ADDR": address}
        followed = Followed(store, Keys(prefix).failover_value("checkout"), environment)
        await followed.move("us-east")
        yield followed
