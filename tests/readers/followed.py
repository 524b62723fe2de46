"""A plain value that foreign readers follow, and the hand that changes it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.application.ports import Committed, Put, Store, StoreError
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys

WRITE_TIMEOUT_SECONDS = 60
RETRY_SECONDS = 0.2

_VALUES: Mapping[DocumentKind, Sequence[str]] = {
    DocumentKind.FAILOVER: ("us-east", "eu-west", "", "ap-south"),
    DocumentKind.SWITCHES: ("true", "false", '{"depth":3}', ""),
}


@dataclass(frozen=True, slots=True)
class Followed:
    """The active region of a group or the value of a switch, and the environment of those who follow it."""

    store: Store
    key: str
    values: Sequence[str]
    """The first of them stands there now."""
    environment: dict[str, str]

    async def write(self, value: str) -> None:
        """Write the value as a publication does; while Consul starts, as often as it takes."""
        async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
            while True:
                with suppress(StoreError):
                    assert isinstance(await self.store.transact((Put(self.key, value.encode()),)), Committed)
                    return
                await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def followed_at(address: str, prefix: str, path: str, kind: DocumentKind) -> AsyncIterator[Followed]:
    """A value of this kind at this Consul; the first one stands there."""
    async with aclosing(ConsulStore(ConsulEndpoint(address=address), clock=SystemClock())) as store:
        environment = {"PATH": path, "CONSUL_HTTP_ADDR": address}
        followed = Followed(store, _key(Keys(prefix), kind), _VALUES[kind], environment)
        await followed.write(followed.values[0])
        yield followed


def _key(keys: Keys, kind: DocumentKind) -> str:
    if kind is DocumentKind.FAILOVER:
        return keys.failover_value("checkout")
    return keys.switch_value("checkout", "recommendations")
