"""Owns the storing of uploads: one transaction each, blocks by binary COPY, nothing twice.

The pages of one start of a prober arrive in the order of their numbers, one request at a time. So a row that
says how far they are stored tells what is sent again, and, locked, makes two requests with the same pages
take turns. Changes of health carry their number in their own rows.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import and_, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.adapters.postgres.history_partitions import attach_days, known_days
from controlplane.adapters.postgres.history_series import Numbers, SeriesNumbers
from controlplane.adapters.postgres.history_tables import health_transitions, probe_uploads
from controlplane.adapters.postgres.session import Database
from controlplane.application.change_rows import storable
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.ports.history import Stored, Upload
from controlplane.domain.history_block import Entry
from controlplane.domain.history_records import HealthTurn, Origin, trace_id
from controlplane.domain.history_time import Resolution, floor_to, moment_of

TURNS_PER_STATEMENT_MAX = 500

_COPY = (
    "COPY probe_blocks (minute, series, fastest, slowest, probes, failures, faults, data) "
    "FROM STDIN (FORMAT BINARY)"
)
_COPY_TYPES = ("int4", "int4", "int4", "int4", "int2", "int2", "int2", "bytea")
_TOUCH = text(
    """
    INSERT INTO rollup_marks (resolution, start, touched, rolled)
    SELECT 'hour', hour, 1, 0 FROM unnest(CAST(:hours AS integer[])) AS hour
    ON CONFLICT (resolution, start) DO UPDATE SET touched = rollup_marks.touched + 1
    """
)


class PostgresProbeHistory:
    """PostgreSQL behind the port `ProbeHistory`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = SeriesNumbers()
        self._days: frozenset[int] = frozenset()

    async def store(self, upload: Upload) -> Stored:
        """Store what is not stored yet, in one transaction."""
        await self._have_room(upload)
        async with self._transaction() as connection:
            turns = await _insert_turns(connection, upload)
            pages = await _fresh(connection, upload)
            entries = [entry for _, page in pages for entry in page]
            numbers = await self._copy(connection, upload.origin, entries) if entries else {}
        self._numbers.learn(upload.origin.vantage, numbers, day=_last_day(entries))
        repeated = len(upload.turns) - turns + len(upload.pages) - len(pages)
        return Stored(turns=turns, blocks=len(entries), repeated=repeated)

    async def _have_room(self, upload: Upload) -> None:
        """Partitions for its days, which the leader made long ago where nothing was amiss."""
        days = {floor_to(block.minute, Resolution.DAY) for _, page in upload.pages for _, block in page}
        if days - self._days:
            self._days = await known_days(self._database)
        if days - self._days:
            await attach_days(self._database, days)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which the driver may be spoken to, too."""
        try:
            async with self._database.begin() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable(f"{self._database.title}: {_first_line(error)}") from error
        except psycopg.errors.CheckViolation as error:
            self._days = frozenset()
            raise DatabaseUnavailable(f"a partition was dropped meanwhile: {_first_line(error)}") from error

    async def _copy(self, connection: AsyncConnection, origin: Origin, entries: Sequence[Entry]) -> Numbers:
        names = {series for series, _ in entries}
        numbers = await self._numbers.find(connection, origin.vantage, names, day=_last_day(entries))
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COPY_TYPES)
            for series, block in entries:
                await copy.write_row(
                    (
                        block.minute,
                        numbers[series],
                        block.fastest,
                        block.slowest,
                        block.probes,
                        block.failures,
                        block.faults,
                        block.data,
                    )
                )
        hours = {floor_to(block.minute, Resolution.HOUR) for _, block in entries}
        await connection.execute(_TOUCH, {"hours": sorted(hours)})
        return numbers


async def _fresh(connection: AsyncConnection, upload: Upload) -> list[tuple[int, Sequence[Entry]]]:
    """The pages that are not stored yet; the row that says how far they are belongs to this transaction."""
    if not upload.pages:
        return []
    origin = upload.origin
    row = {"vantage": origin.vantage, "prober": origin.prober, "boot": origin.boot}
    ours = and_(*(probe_uploads.c[name] == value for name, value in row.items()))
    await connection.execute(insert(probe_uploads).values(**row, sequence=0).on_conflict_do_nothing())
    stored = await connection.scalar(select(probe_uploads.c.sequence).where(ours).with_for_update())
    fresh = [page for page in upload.pages if page[0] > (stored or 0)]
    if fresh:
        last = max(sequence for sequence, _ in fresh)
        await connection.execute(
            probe_uploads.update().where(ours).values(sequence=last, stored_at=func.now())
        )
    return fresh


async def _insert_turns(connection: AsyncConnection, upload: Upload) -> int:
    """Insert the changes of health that are not there yet; answers how many these were."""
    inserted = 0
    for start in range(0, len(upload.turns), TURNS_PER_STATEMENT_MAX):
        part = upload.turns[start : start + TURNS_PER_STATEMENT_MAX]
        rows = [_turn_row(upload.origin, sequence, turn) for sequence, turn in part]
        statement = insert(health_transitions).values(rows).on_conflict_do_nothing()
        result = await connection.execute(statement.returning(health_transitions.c.position))
        inserted += len(result.all())
    return inserted


def _turn_row(origin: Origin, sequence: int, turn: HealthTurn) -> dict[str, Any]:
    return {
        "vantage": origin.vantage,
        "prober": origin.prober,
        "boot": origin.boot,
        "sequence": sequence,
        "at": moment_of(0) + timedelta(milliseconds=turn.at_ms),
        "service": turn.service,
        "region": turn.region,
        "instance": turn.instance,
        "before": storable(turn.before),
        "after": storable(turn.after),
        "check": storable(turn.check),
        "reason": storable(turn.reason),
        "detail": storable(turn.detail),
        "trace_id": trace_id(origin, sequence),
    }


def _last_day(entries: Sequence[Entry]) -> int:
    return floor_to(max((block.minute for _, block in entries), default=0), Resolution.DAY)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
