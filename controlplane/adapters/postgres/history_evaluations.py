"""Owns the table `evaluations`: why nothing was moved, and what became of publications that are no change."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.history_tables import evaluations
from controlplane.adapters.postgres.session import Database
from controlplane.application.change_rows import storable
from controlplane.application.ports.history import EvaluationRow
from controlplane.domain.history_records import EvaluationRecord, Origin

RECORDS_PER_STATEMENT_MAX = 200
PAGE_ROWS_MAX = 1000

_ROW = tuple(evaluations.c[name] for name in EvaluationRow.__slots__)


class PostgresEvaluations:
    """PostgreSQL behind the port `EvaluationRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, origin: Origin, records: Sequence[tuple[int, EvaluationRecord]]) -> None:
        """Store what is not stored yet; numbers are unique per boot."""
        for start in range(0, len(records), RECORDS_PER_STATEMENT_MAX):
            rows = [_row(origin, *record) for record in records[start : start + RECORDS_PER_STATEMENT_MAX]]
            async with self._database.begin("AUTOCOMMIT") as connection:
                await connection.execute(insert(evaluations).values(rows).on_conflict_do_nothing())

    async def page(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Sequence[EvaluationRow]:
        """Rows, newest first, with a position below `before`."""
        query = select(*_ROW).order_by(evaluations.c.position.desc()).limit(min(limit, PAGE_ROWS_MAX))
        if kind is not None:
            query = query.where(evaluations.c.kind == kind)
        if name is not None:
            query = query.where(evaluations.c.name == name)
        if before is not None:
            query = query.where(evaluations.c.position < before)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [EvaluationRow(*row) for row in await connection.execute(query)]


def _row(origin: Origin, sequence: int, record: EvaluationRecord) -> dict[str, Any]:
    fields = asdict(record)
    texts = {name: storable(value) for name, value in fields.items() if isinstance(value, str)}
    return {**fields, **texts, "boot": origin.boot, "sequence": sequence}
