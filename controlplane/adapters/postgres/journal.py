"""Owns the table `changes`: one row for each revision ever published or abandoned.

Nothing here holds a transaction open between round trips: each statement commits by itself, and repeating any
of them is harmless.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.history_pages import PagedTable
from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tables import changes
from controlplane.application.change_rows import facts_of, storable
from controlplane.application.ports import EVERYTHING, ChangeRow, Conflict, LogRecord, Narrowing

RECORDS_PER_STATEMENT_MAX = 200

_KEY = (changes.c.store, changes.c.kind, changes.c.name, changes.c.revision)
_ORDER = (changes.c.store, changes.c.create_index)
_PAGED = PagedTable(
    changes,
    row=tuple(column for column in changes.columns if column.name != "recorded_at"),
    what=changes.c.change_kind,
    by=changes.c.by,
    revision=changes.c.revision,
)


class PostgresJournal:
    """PostgreSQL behind the port `Journal`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, records: Sequence[LogRecord]) -> Sequence[Conflict]:
        """Insert what is not there yet, in the given order; say what clashes."""
        conflicts: list[Conflict] = []
        for start in range(0, len(records), RECORDS_PER_STATEMENT_MAX):
            conflicts += await self._append(records[start : start + RECORDS_PER_STATEMENT_MAX])
        return conflicts

    async def stored(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        """Those of the given records that stand in history with the same change id."""
        found: list[LogRecord] = []
        for start in range(0, len(records), RECORDS_PER_STATEMENT_MAX):
            batch = records[start : start + RECORDS_PER_STATEMENT_MAX]
            rows = _Rows(await self._like(batch))
            found += [record for record in batch if rows.hold(record)]
        return found

    async def highest_revision(self, kind: str, name: str) -> int:
        """The highest revision ever journalled for a document, in any store; 0 where there is none."""
        query = select(func.max(changes.c.revision)).where(changes.c.kind == kind, changes.c.name == name)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return int(await connection.scalar(query) or 0)

    async def page(
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[ChangeRow]:
        """Rows that are wanted, newest first, with a position below `before`."""
        query = _PAGED.page(narrowed, kind=kind, name=name, before=before, limit=limit)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [ChangeRow(**row) for row in (await connection.execute(query)).mappings()]

    async def _append(self, batch: Sequence[LogRecord]) -> list[Conflict]:
        """Insert in one statement; what was not inserted is there already, or is in the way."""
        statement = insert(changes).values([_values(record) for record in batch]).on_conflict_do_nothing()
        async with self._database.begin("AUTOCOMMIT") as connection:
            result = await connection.execute(statement.returning(*_KEY, changes.c.change_id))
            inserted = {tuple(row) for row in result}
        rest = [record for record in batch if (*_key(record), storable(record.change_id)) not in inserted]
        rows = _Rows(await self._like(rest))
        return [
            Conflict(record, other) for record in rest if (other := rows.in_the_way_of(record)) is not None
        ]

    async def _like(self, records: Sequence[LogRecord]) -> list[Any]:
        """The rows that have the key of one of the records, or its place in the order."""
        if not records:
            return []
        condition = or_(
            _is_one_of(_KEY, [_key(record) for record in records]),
            _is_one_of(_ORDER, [(record.store, record.create_index) for record in records]),
        )
        async with self._database.begin("AUTOCOMMIT") as connection:
            result = await connection.execute(
                select(*_KEY, changes.c.create_index, changes.c.change_id).where(condition)
            )
            return list(result)


class _Rows:
    """What stands in history already, by key and by place in the order."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._by_key = {(row.store, row.kind, row.name, row.revision): row.change_id for row in rows}
        self._by_order = {(row.store, row.create_index): row.change_id for row in rows}

    def hold(self, record: LogRecord) -> bool:
        return self._by_key.get(_key(record)) == storable(record.change_id)

    def in_the_way_of(self, record: LogRecord) -> str | None:
        """The change id of another change under the record's key, else at its place in the order."""
        if self.hold(record):
            return None
        found = self._by_key.get(_key(record)) or self._by_order.get((record.store, record.create_index))
        return None if found is None else str(found)


def _key(record: LogRecord) -> tuple[str, str, str, int]:
    return record.store, record.kind, record.name, record.revision


def _is_one_of(
    columns: Sequence[ColumnElement[Any]], values: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    return tuple_(*columns).in_(values)


def _values(record: LogRecord) -> dict[str, Any]:
    return {
        "store": record.store,
        "create_index": record.create_index,
        "kind": record.kind,
        "name": record.name,
        "revision": record.revision,
        "change_id": storable(record.change_id),
        "body": record.body,
        **asdict(facts_of(record)),
    }
