"""Owns what the leader does to history: partitions ahead, rollups behind, and the end of what is too old."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.history_partitions import attach_days, drop_days
from controlplane.adapters.postgres.history_reader import TABLES, block_columns
from controlplane.adapters.postgres.history_tables import rollup_marks
from controlplane.adapters.postgres.session import Database
from controlplane.application.ports.history import DueSpan
from controlplane.domain.history_block import Block
from controlplane.domain.history_time import Resolution, floor_to

ROWS_PER_DELETE_MAX = 5_000
"""So that no statement holds many rows for long; what is left goes the next time."""
ROLLUPS_PER_STATEMENT_MAX = 1_000

_HOUR, _DAY = Resolution.HOUR, Resolution.DAY
_CARRIED = Block.__slots__[1:]
"""The fields of a block that are columns of the same name."""
_TOO_OLD = {
    "probe_rollups_hourly": "start < :hourly",
    "probe_rollups_daily": "start < :daily",
    "rollup_marks": "start < CASE resolution WHEN 'hour' THEN :hourly ELSE :daily END",
    "probe_series": "seen_day < :daily",
    "probe_uploads": "stored_at < :uploads",
    "health_transitions": "recorded_at < :records",
    "evaluations": "recorded_at < :records",
}
_TOUCH_DAY = text(
    """
    INSERT INTO rollup_marks (resolution, start, touched, rolled) VALUES ('day', :day, 1, 0)
    ON CONFLICT (resolution, start) DO UPDATE SET touched = rollup_marks.touched + 1
    """
)


class PostgresHistoryUpkeep:
    """PostgreSQL behind the port `HistoryUpkeep`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make_partitions(self, days: Sequence[int]) -> None:
        """Have room for the blocks of these days, each named by its first minute."""
        await attach_days(self._database, days)

    async def drop_partitions(self, before: int) -> Sequence[int]:
        """Drop the blocks of whole days before this minute; answers which days these were."""
        days = await drop_days(self._database, before)
        marks = rollup_marks.c
        gone = and_(marks.resolution == _HOUR.value, marks.start < floor_to(before, _DAY))
        async with self._database.begin() as connection:
            await connection.execute(
                update(rollup_marks).where(gone, marks.rolled < marks.touched).values(rolled=marks.touched)
            )
        return days

    async def expire(self, *, hourly: int, daily: int, records: datetime, uploads: datetime) -> int:
        """Delete rollups before minutes, records before moments, bounded per call; answers how many rows."""
        ends = {"hourly": hourly, "daily": daily, "records": records, "uploads": uploads}
        deleted = 0
        for table, condition in _TOO_OLD.items():
            some = f"SELECT ctid FROM {table} WHERE {condition} LIMIT {ROWS_PER_DELETE_MAX}"  # noqa: S608 - ours
            statement = text(f"DELETE FROM {table} WHERE ctid IN ({some})")  # noqa: S608 - from the table above
            async with self._database.begin() as connection:
                named = {name: value for name, value in ends.items() if f":{name}" in condition}
                deleted += (await connection.execute(statement, named)).rowcount
        return deleted

    async def due(self, hours_from: int, days_from: int, ended: int, *, limit: int) -> Sequence[DueSpan]:
        """Hours, then days, that have ended by a minute and are not rolled up, the oldest first."""
        marks = rollup_marks.c
        found: list[DueSpan] = []
        async with self._database.begin("AUTOCOMMIT") as connection:
            for resolution, first in ((_HOUR, hours_from), (_DAY, days_from)):
                query = (
                    select(marks.start, marks.touched)
                    .where(
                        marks.resolution == resolution.value,
                        marks.rolled < marks.touched,
                        marks.start >= first,
                        marks.start + resolution.minutes <= ended,
                    )
                    .order_by(marks.start)
                    .limit(limit - len(found))
                )
                rows = await connection.execute(query)
                found += [DueSpan(resolution, row.start, row.touched) for row in rows]
        return found

    async def parts(self, resolution: Resolution, start: int) -> Sequence[tuple[int, Block]]:
        """Every block of a minute, an hour or a day that begins at `start`, with the number of its series."""
        columns = block_columns(resolution)
        async with self._database.begin("AUTOCOMMIT") as connection:
            rows = await connection.execute(select(*columns).where(columns[1] == start))
            return [(row[0], Block(*row[1:])) for row in rows]

    async def roll(self, due: DueSpan, blocks: Mapping[int, Block]) -> None:
        """Replace the blocks of an hour or a day, by series, and note that they hold what there was."""
        table = TABLES[due.resolution]
        rows = [
            {"series": series, "start": due.start, **{name: getattr(block, name) for name in _CARRIED}}
            for series, block in sorted(blocks.items())
        ]
        mark = and_(rollup_marks.c.resolution == due.resolution.value, rollup_marks.c.start == due.start)
        async with self._database.begin() as connection:
            rolled = await connection.scalar(select(rollup_marks.c.rolled).where(mark).with_for_update())
            if rolled is None or rolled >= due.touched:
                return  # another leader was here
            await connection.execute(delete(table).where(table.c.start == due.start))
            for begin in range(0, len(rows), ROLLUPS_PER_STATEMENT_MAX):
                await connection.execute(insert(table), rows[begin : begin + ROLLUPS_PER_STATEMENT_MAX])
            await connection.execute(update(rollup_marks).where(mark).values(rolled=due.touched))
            if due.resolution is _HOUR:
                await connection.execute(_TOUCH_DAY, {"day": floor_to(due.start, _DAY)})
