"""Owns a catalog of services in memory, behind the port `Catalog`."""

import asyncio
from collections import defaultdict

from controlplane.application.ports import CatalogInstance, StoreUnavailable


class FakeCatalog:
    """Instances per service and datacenter; waiting ends at the next change of the service."""

    def __init__(self, *, home: str = "dc1") -> None:
        self.home = home
        self.away = False
        self._instances: dict[str, dict[tuple[str, str], CatalogInstance]] = defaultdict(dict)
        self._indexes: dict[str, int] = defaultdict(lambda: 1)
        self._index = 1
        self._changed = asyncio.Condition()

    async def register(self, service: str, *instances: CatalogInstance) -> None:
        """Add instances, or replace those of the same id and datacenter."""
        self._instances[service] |= {(instance.datacenter, instance.id): instance for instance in instances}
        await self._change(service)

    async def deregister(self, service: str, instance: CatalogInstance) -> None:
        """Remove an instance."""
        del self._instances[service][instance.datacenter, instance.id]
        await self._change(service)

    async def go_away(self) -> None:
        """Answer nobody, until `come_back()`."""
        self.away = True
        async with self._changed:
            self._changed.notify_all()

    def come_back(self) -> None:
        """Answer again."""
        self.away = False

    async def instances(
        self, service: str, *, datacenter: str | None, index: int, wait_seconds: float
    ) -> tuple[int, tuple[CatalogInstance, ...]]:
        async with self._changed:
            if index >= self._indexes[service] and not self.away:
                await self._wait(service, index, wait_seconds)
        if self.away:
            raise StoreUnavailable("connection refused")
        wanted = datacenter or self.home
        found = self._instances[service].values()
        return self._indexes[service], tuple(one for one in found if one.datacenter == wanted)

    async def _wait(self, service: str, index: int, wait_seconds: float) -> None:
        try:
            async with asyncio.timeout(wait_seconds):
                await self._changed.wait_for(lambda: self.away or self._indexes[service] > index)
        except TimeoutError:
            return

    async def _change(self, service: str) -> None:
        self._index += 1
        self._indexes[service] = self._index
        async with self._changed:
            self._changed.notify_all()
