"""Owns the partitions of `probe_blocks`: one per day of UTC, attached ahead, dropped as a whole.

A partition is made beside and attached, which waits for nobody who reads or writes; two processes that make
the same one take turns.
"""

import re
from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.adapters.postgres.session import Database
from controlplane.domain.history_time import DAY_MINUTES, Resolution, floor_to, moment_of

PARTITION_LOCK = 0x70617274
"""Any number; the same in every process that makes partitions."""
DROP_LOCK_TIMEOUT_SECONDS = 1
"""Dropping waits for those who read, and everybody behind it waits, too."""

_NAME = re.compile(r"probe_blocks_[0-9]{8}")


async def attach_days(database: Database, days: Iterable[int]) -> None:
    """Have a partition for each of these days.

    Raises:
        DatabaseUnavailable: no answer, or a lock was not to be had.
    """
    async with database.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
        attached = await _attached(connection)
        for day in sorted({floor_to(day, Resolution.DAY) for day in days} - attached.keys()):
            name = _name(day)
            await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} (LIKE probe_blocks)"))
            bounds = f"FROM ({day}) TO ({day + DAY_MINUTES})"
            await connection.execute(
                text(f"ALTER TABLE probe_blocks ATTACH PARTITION {name} FOR VALUES {bounds}")
            )


async def drop_days(database: Database, before: int) -> list[int]:
    """Drop the partitions of whole days before a minute; answers which days these were.

    Raises:
        DatabaseUnavailable: no answer, or a lock was not to be had; what was dropped is gone.
    """
    async with database.begin() as connection:
        days = sorted(day for day in await _attached(connection) if day + DAY_MINUTES <= before)
    for day in days:
        async with database.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{DROP_LOCK_TIMEOUT_SECONDS}s'"))
            await connection.execute(text(f"DROP TABLE IF EXISTS {_name(day)}"))
    return days


async def known_days(database: Database) -> frozenset[int]:
    """The days that have a partition.

    Raises:
        DatabaseUnavailable: no answer.
    """
    async with database.begin() as connection:
        return frozenset(await _attached(connection))


async def _attached(connection: AsyncConnection) -> dict[int, str]:
    """Day → name of its partition."""
    rows = await connection.execute(
        text(
            "SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) FROM pg_inherits "
            "JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'probe_blocks'::regclass"
        )
    )
    return {int(re.findall(r"[0-9]+", bounds)[0]): name for name, bounds in rows if _NAME.fullmatch(name)}


def _name(day: int) -> str:
    return f"probe_blocks_{moment_of(day):%Y%m%d}"
