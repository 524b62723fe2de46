"""A service registers itself in Consul and becomes part of the fleet, and stays so whatever is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulCatalog
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.adapters.definitions_cache import DefinitionsFile
from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.adapters.postgres.registry import PostgresRegistry
from controlplane.adapters.postgres.session import Database
from controlplane.application.catalog_sync import CatalogSync
from controlplane.application.registry_service import RegistryService
from tests.fixtures.consul import ConsulAccess
from tests.fixtures.postgres import OwnPostgres

WAIT_SECONDS_MAX = 60.0

pytestmark = pytest.mark.services


async def announce(_: int) -> None:
    """The key `registry` has its own tests."""


def registry_service(database: Database, folder: Path) -> RegistryService:
    return RegistryService(
        repository=PostgresRegistry(database),
        cache=DefinitionsFile(folder / "definitions.json"),
        form=FleetYaml(),
        announce=announce,
    )


@asynccontextmanager
async def syncing(service: RegistryService, consul: ConsulAccess) -> AsyncIterator[None]:
    async with aclosing(
        ConsulCatalog(ConsulEndpoint(address=consul.address), clock=SystemClock())
    ) as catalog:
        task = asyncio.create_task(CatalogSync(registry=service, catalog=catalog).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def register(consul: ConsulAccess, service: str, name: str) -> None:
    body = {
        "Node": f"node-{service}",
        "Address": "10.9.9.9",
        "Service": {"ID": name, "Service": service, "Port": 8080, "Meta": {"region": "us-east"}},
    }
    async with httpx.AsyncClient() as http:
        (await http.put(f"http://{consul.address}/v1/catalog/register", json=body)).raise_for_status()


async def has_instances(service: RegistryService, count: int) -> None:
    """Wait until the fleet has so many instances."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        definitions = service.current()
        while sum(len(one.instances) for one in definitions.fleet.services) != count:
            definitions = await service.changed(definitions)


async def test_a_registered_service_joins_the_fleet(
    own_postgres: OwnPostgres, consul: ConsulAccess, tmp_path: Path
):
    """What registers itself is adopted, also while PostgreSQL is away, and is there after a restart."""
    name = f"service-{uuid4().hex}"
    text = (
        "apiVersion: controlplane/v1\nregions: [{name: us-east}]\n"
        f"services: [{{name: checkout, consul: {{service: {name}}}}}]\n"
    )
    database = Database(own_postgres.url)
    service = registry_service(database, tmp_path)
    await service.apply(text, by="alice", dry_run=False)
    async with syncing(service, consul):
        await register(consul, name, "checkout-1")
        await has_instances(service, 1)
        await own_postgres.stop()
        await register(consul, name, "checkout-2")
        await asyncio.sleep(2)
        assert len(service.current().fleet.service("checkout").instances) == 1
        await own_postgres.start()
        await has_instances(service, 2)
    await own_postgres.stop()
    restarted = registry_service(database, tmp_path)

    assert await restarted.start() == service.current()
    assert [one.id for one in restarted.current().fleet.service("checkout").instances] == [
        f"node-{name}:checkout-1",
        f"node-{name}:checkout-2",
    ]
    await database.close()
