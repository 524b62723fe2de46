"""Owns the table `evaluations`: why nothing was moved, and what became of publications that are no change."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.history_pages import PagedTable
from controlplane.adapters.postgres.history_tables import evaluations
from controlplane.adapters.postgres.session import Database
from controlplane.application.change_rows import storable
from controlplane.application.moving import AUTOMATION
from controlplane.application.ports import EVERYTHING, Narrowing
from controlplane.application.ports.evaluations import EvaluationRow
from controlplane.domain.history_records import EvaluationRecord, Origin

RECORDS_PER_STATEMENT_MAX = 200

_PAGED = PagedTable(
    evaluations,
    row=tuple(evaluations.c[name] for name in EvaluationRow.__slots__),
    what=evaluations.c.outcome,
    by=func.coalesce(evaluations.c.inputs["by"].as_string(), AUTOMATION),
)


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
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[EvaluationRow]:
        """Rows that are wanted, newest first, with a position below `before`."""
        query = _PAGED.page(narrowed, kind=kind, name=name, before=before, limit=limit)
        async with self._database.begin("AUTOCOMMIT") as connection:
            return [EvaluationRow(*row) for row in await connection.execute(query)]


def _row(origin: Origin, sequence: int, record: EvaluationRecord) -> dict[str, Any]:
    fields = asdict(record)
    texts = {name: storable(value) for name, value in fields.items() if isinstance(value, str)}
    return {**fields, **texts, "boot": origin.boot, "sequence": sequence}
