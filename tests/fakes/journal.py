"""Owns history in memory, behind the port `Journal`."""

from collections.abc import Sequence
from dataclasses import asdict

from controlplane.application.change_rows import facts_of, storable
from controlplane.application.ports import (
    EVERYTHING,
    ChangeRow,
    Conflict,
    DatabaseUnavailable,
    LogRecord,
    Narrowing,
)
from controlplane.application.ports.evaluations import EvaluationRow


class FakeJournal:
    """PostgreSQL's history, which can go away."""

    def __init__(self) -> None:
        self.away = False
        self.rows: list[ChangeRow] = []
        """In the order of their insertion."""

    async def append(self, records: Sequence[LogRecord]) -> Sequence[Conflict]:
        self._answer()
        conflicts: list[Conflict] = []
        for record in records:
            found = self._at_key(record) or self._in_order(record)
            if found is None:
                self.rows.append(_row(record, position=len(self.rows) + 1))
            elif not _is(found, record):
                conflicts.append(Conflict(record, found.change_id))
        return conflicts

    async def stored(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        self._answer()
        return [
            record for record in records if (found := self._at_key(record)) is not None and _is(found, record)
        ]

    async def highest_revision(self, kind: str, name: str) -> int:
        self._answer()
        return max((row.revision for row in self.rows if (row.kind, row.name) == (kind, name)), default=0)

    async def page(
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[ChangeRow]:
        self._answer()
        wanted = [
            row
            for row in reversed(self.rows)
            if kind in (None, row.kind)
            and name in (None, row.name)
            and (before is None or row.position < before)
            and is_wanted(row, narrowed, what=row.change_kind, by=row.by)
            and narrowed.revision in (None, row.revision)
        ]
        return wanted[:limit]

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")

    def _at_key(self, record: LogRecord) -> ChangeRow | None:
        return next((row for row in self.rows if _key(row) == _key(record)), None)

    def _in_order(self, record: LogRecord) -> ChangeRow | None:
        place = (record.store, record.create_index)
        return next((row for row in self.rows if (row.store, row.create_index) == place), None)


def is_wanted(row: ChangeRow | EvaluationRow, narrowed: Narrowing, *, what: str, by: str) -> bool:
    """Whether a row of history is what a `Narrowing` asks for; `what` and `by` as the row means them."""
    return (
        narrowed.what in (None, what)
        and narrowed.by in (None, by)
        and (narrowed.reason or "").lower() in row.reason.lower()
        and (narrowed.since is None or row.at >= narrowed.since)
        and (narrowed.until is None or row.at < narrowed.until)
    )


def _key(entry: LogRecord | ChangeRow) -> tuple[str, str, str, int]:
    return entry.store, entry.kind, entry.name, entry.revision


def _is(row: ChangeRow, record: LogRecord) -> bool:
    return _key(row) == _key(record) and row.change_id == storable(record.change_id)


def _row(record: LogRecord, *, position: int) -> ChangeRow:
    return ChangeRow(
        position=position,
        store=record.store,
        create_index=record.create_index,
        kind=record.kind,
        name=record.name,
        revision=record.revision,
        change_id=storable(record.change_id),
        body=record.body,
        **asdict(facts_of(record)),
    )
