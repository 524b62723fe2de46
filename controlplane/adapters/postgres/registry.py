"""Owns the definitions in PostgreSQL: read at one moment, replaced in one transaction.

Between rows and fleets a thread does the computing: the loop of a leader must not stand still for it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.adapters.postgres.rows import DEFINITION_TABLES, Row, fleet_to_rows, rows_to_fleet
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tables import adopted_instances, registry
from controlplane.application.fleet_adoption import Adopted, adopts_from, with_adopted
from controlplane.application.fleet_file import FleetFileError
from controlplane.application.ports import DefinitionsUnreadable, RegistryConflict
from controlplane.domain.fleet import Definitions, Fleet, Instance, Source

_CATALOG = "catalog"
_HOME = ""
"""How the home datacenter is spelled in a row."""


class PostgresRegistry:
    """PostgreSQL behind the port `RegistryRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revision(self) -> int:
        """The revision of the current definitions; 0 before the first `apply`."""
        async with self._database.begin() as connection:
            return await _revision(connection, select(registry.c.revision))

    async def load(self) -> Definitions:
        """The current definitions, adopted instances included."""
        async with self._database.begin("REPEATABLE READ") as connection:
            revision = await _revision(connection, select(registry.c.revision))
            rows = {
                table: await _read(connection, select(table).order_by(table.c.position))
                for table in DEFINITION_TABLES
            }
            adopted = await _read(connection, select(adopted_instances))
        try:
            fleet = await asyncio.to_thread(_assembled, rows, adopted)
        except FleetFileError as error:
            raise DefinitionsUnreadable(f"definitions at revision {revision}: {error}") from error
        return Definitions(revision, fleet)

    async def replace(self, fleet: Fleet, *, expected: int, by: str, above: int = 0) -> int:
        """Store what the file declares, in one transaction; answers the new revision."""
        rows = await asyncio.to_thread(fleet_to_rows, fleet)
        async with self._database.begin() as connection:
            found = await _lock(connection)
            if found != expected:
                raise RegistryConflict(expected=expected, found=found)
            for table in reversed(DEFINITION_TABLES):
                await connection.execute(delete(table))
            for table in DEFINITION_TABLES:
                if rows[table]:
                    await connection.execute(insert(table), rows[table])
            await _drop_what_is_no_longer_adopted(connection, fleet)
            return await _raise_revision(connection, max(found, above) + 1, by)

    async def replace_adopted(
        self, service: str, datacenter: str | None, instances: Sequence[Instance], *, above: int = 0
    ) -> int | None:
        """Store what the catalog of one datacenter says of a service; None where nothing changed."""
        place = {"service": service, "datacenter": datacenter or _HOME}
        wanted = {instance.id: place | _endpoint(instance) for instance in instances}
        ours = _of_source(**place)
        async with self._database.begin() as connection:
            found = await _lock(connection)
            stored = await _read(connection, select(adopted_instances).where(ours))
            if {row["id"]: row for row in stored} == wanted:
                return None
            await connection.execute(delete(adopted_instances).where(ours))
            if wanted:
                await connection.execute(insert(adopted_instances), list(wanted.values()))
            return await _raise_revision(connection, max(found, above) + 1, _CATALOG)


async def _read(connection: AsyncConnection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def _lock(connection: AsyncConnection) -> int:
    """Be the only one who changes definitions until the transaction ends; answers their revision."""
    return await _revision(connection, select(registry.c.revision).with_for_update())


async def _revision(connection: AsyncConnection, query: Select[Any]) -> int:
    return int((await connection.execute(query)).scalar_one())


async def _raise_revision(connection: AsyncConnection, revision: int, by: str) -> int:
    await connection.execute(update(registry).values(revision=revision, changed_by=by, changed_at=func.now()))
    return revision


async def _drop_what_is_no_longer_adopted(connection: AsyncConnection, fleet: Fleet) -> None:
    asked = {(service.name, place or _HOME) for service in fleet.services for place in adopts_from(service)}
    sources = select(adopted_instances.c.service, adopted_instances.c.datacenter).distinct()
    for source in await _read(connection, sources):
        if (source["service"], source["datacenter"]) not in asked:
            await connection.execute(delete(adopted_instances).where(_of_source(**source)))


def _of_source(service: str, datacenter: str) -> ColumnElement[bool]:
    return and_(adopted_instances.c.service == service, adopted_instances.c.datacenter == datacenter)


def _assembled(rows: Mapping[Table, Sequence[Row]], adopted: Sequence[Row]) -> Fleet:
    return with_adopted(rows_to_fleet(rows), _adopted(adopted))


def _endpoint(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "region": instance.region,
        "address": instance.address,
        "port": instance.port,
    }


def _adopted(rows: Sequence[Row]) -> Iterable[Adopted]:
    """Rows put together by service and datacenter, in an order that no collation has a say in."""
    ordered = sorted(rows, key=lambda row: (row["service"], row["datacenter"], row["id"]))
    for (service, datacenter), members in groupby(ordered, key=itemgetter("service", "datacenter")):
        yield Adopted(
            service=service,
            datacenter=datacenter or None,
            instances=tuple(
                Instance(
                    id=row["id"],
                    region=row["region"],
                    address=row["address"],
                    port=row["port"],
                    source=Source.CATALOG,
                )
                for row in members
            ),
        )
