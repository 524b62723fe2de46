"""Owns the reading of history: series by name, blocks by series, changes of health by instance or cell."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select, true, tuple_

from controlplane.adapters.postgres.history_tables import (
    health_transitions,
    probe_blocks,
    probe_rollups_daily,
    probe_rollups_hourly,
    probe_series,
    rollup_marks,
)
from controlplane.adapters.postgres.session import Database
from controlplane.application.ports.history import Place, SeriesRow, TurnRow, Whose
from controlplane.domain.history_block import Block
from controlplane.domain.history_time import Resolution

TABLES: Mapping[Resolution, Table] = {
    Resolution.RAW: probe_blocks,
    Resolution.MINUTE: probe_blocks,
    Resolution.HOUR: probe_rollups_hourly,
    Resolution.DAY: probe_rollups_daily,
}

_SERIES = tuple(probe_series.c[name] for name in SeriesRow.__slots__)
_TURN = tuple(health_transitions.c[name] for name in TurnRow.__slots__)


class PostgresHistoryReader:
    """PostgreSQL behind the port `HistoryReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def series(self, whose: Whose) -> Sequence[SeriesRow]:
        """The series that match."""
        query = select(*_SERIES).where(_is_of(probe_series, whose)).order_by(probe_series.c.id)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [SeriesRow(*row) for row in await connection.execute(query)]

    async def blocks(
        self, resolution: Resolution, series: Sequence[int], first: int, last: int, *, limit: int
    ) -> Sequence[tuple[int, Block]]:
        """Blocks of a minute, an hour or a day, with the numbers of their series, the oldest first."""
        columns = block_columns(resolution)
        query = (
            select(*columns)
            .where(columns[0].in_(series), _is_within(columns[1], first, last))
            .order_by(columns[1], columns[0])
            .limit(limit)
        )
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [(row[0], Block(*row[1:])) for row in await connection.execute(query)]

    async def unrolled(self, resolution: Resolution, first: int, last: int) -> frozenset[int]:
        """First minutes of the hours or days whose rollups do not hold everything yet."""
        query = select(rollup_marks.c.start).where(
            rollup_marks.c.resolution == resolution.value,
            _is_within(rollup_marks.c.start, first, last),
            rollup_marks.c.rolled < rollup_marks.c.touched,
        )
        async with self._database.begin("AUTOCOMMIT") as connection:
            return frozenset((await connection.execute(query)).scalars())

    async def turns(
        self, whose: Whose, first: datetime, last: datetime, *, after: Place | None, limit: int
    ) -> Sequence[TurnRow]:
        """Changes of health from `first` on and before `last`, behind a place, the oldest first."""
        at, position = health_transitions.c.at, health_transitions.c.position
        query = (
            select(*_TURN)
            .where(_is_of(health_transitions, whose), at >= first, at < last)
            .order_by(at, position)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(at, position) > after)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [TurnRow(*row) for row in await connection.execute(query)]

    async def last_turns(self, instance: str, before: datetime) -> Sequence[TurnRow]:
        """The last change of an instance's health before a moment, as each vantage that probes it saw it."""
        vantages = (
            select(probe_series.c.vantage).where(probe_series.c.instance == instance).distinct().subquery()
        )
        columns = health_transitions.c
        last = (
            select(*_TURN)
            .where(columns.instance == instance, columns.vantage == vantages.c.vantage, columns.at < before)
            .order_by(columns.at.desc(), columns.position.desc())
            .limit(1)
            .lateral()
        )
        query = select(last).select_from(vantages.join(last, true())).order_by(last.c.vantage)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [TurnRow(*row) for row in await connection.execute(query)]


def block_columns(resolution: Resolution) -> tuple[ColumnElement[Any], ...]:
    """The number of the series, then the fields of a `Block`."""
    table = TABLES[resolution]
    first = table.c.minute if table is probe_blocks else table.c.start
    return (table.c.series, first, *(table.c[name] for name in Block.__slots__[1:]))


def _is_of(table: Table, whose: Whose) -> ColumnElement[bool]:
    asked = {
        "instance": whose.instance,
        "service": whose.service,
        "region": whose.region,
        "vantage": whose.vantage,
        "check": whose.check if table is probe_series else None,
    }
    return and_(true(), *(table.c[name] == value for name, value in asked.items() if value is not None))


def _is_within(column: ColumnElement[int], first: int, last: int) -> ColumnElement[bool]:
    return and_(column >= first, column < last)
