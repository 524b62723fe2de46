"""Owns the stories of documents: what changed, from the journal; why nothing did, from the evaluations."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields
from heapq import merge

from controlplane.application.change_rows import change_view
from controlplane.application.history_views import (
    EntryView,
    EvaluationsView,
    EvaluationView,
    FoundView,
    StoryView,
)
from controlplane.application.ports import EVERYTHING, ChangeRow, Journal, Narrowing
from controlplane.application.ports.evaluations import EvaluationRepository, EvaluationRow
from controlplane.application.views import ChangeView
from controlplane.contract.documents import DocumentKind

ROWS_SCANNED_MAX = 1_000
"""Of a service's changes, while those of one switch are looked for; the next page goes on from there."""
ROWS_PER_LOOK = 200


@dataclass(frozen=True, slots=True)
class StoryCursor:
    """Where a page of a group's story ends: positions that the next one lies below; None: from the newest."""

    change: int | None = None
    evaluation: int | None = None

    @classmethod
    def read(cls, text: str) -> "StoryCursor":
        """The cursor that was told as text.

        Raises:
            ValueError: it is none.
        """
        change, evaluation = (int(part) if part else None for part in text.split("-"))
        return cls(change, evaluation)

    def behind(self, entries: Sequence[EntryView]) -> "StoryCursor":
        """The cursor of what lies behind these entries."""
        changes = [entry.change.position for entry in entries if entry.change]
        whys = [entry.evaluation.position for entry in entries if entry.evaluation]
        return StoryCursor(min(changes, default=self.change), min(whys, default=self.evaluation))

    def __str__(self) -> str:
        return "-".join(
            "" if position is None else str(position) for position in (self.change, self.evaluation)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What of history is searched for."""

    kind: str | None = None
    """Of documents."""
    name: str | None = None
    """Of a group or service."""
    narrowed: Narrowing = EVERYTHING
    changes: bool = True
    """Whether changes are wanted."""
    evaluations: bool = True
    """Whether non-decisions are."""


@dataclass(slots=True)
class Stories:
    """Asks PostgreSQL."""

    journal: Journal
    repository: EvaluationRepository

    async def group(self, name: str, *, cursor: StoryCursor, limit: int) -> StoryView:
        """Moves of a group, and why it did not move, the newest first.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        search = Search(kind=DocumentKind.FAILOVER, name=name)
        found = await self.find(search, cursor=cursor, limit=limit)
        return StoryView(DocumentKind.FAILOVER, name, found.entries, found.next_cursor)

    async def find(self, search: Search, *, cursor: StoryCursor, limit: int) -> FoundView:
        """Changes and evaluations of all documents that are searched for, the newest first.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        changes = await self._changes_found(search, cursor, limit + 1) if search.changes else ()
        whys = await self._whys_found(search, cursor, limit + 1) if search.evaluations else ()
        entries = list(
            merge(
                [EntryView(row.at, change=change_view(row)) for row in changes],
                [EntryView(row.at, evaluation=_evaluation(row)) for row in whys],
                key=lambda entry: entry.at,
                reverse=True,
            )
        )
        more = str(cursor.behind(entries[:limit])) if len(entries) > limit else None
        return FoundView(entries[:limit], more)

    async def change(self, kind: str, name: str, revision: int) -> ChangeView | None:
        """One change; of several stores, what was journalled last. None where there is none.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        narrowed = Narrowing(revision=revision)
        rows = await self.journal.page(kind=kind, name=name, before=None, limit=1, narrowed=narrowed)
        return change_view(rows[0]) if rows else None

    async def evaluation(self, position: int) -> EvaluationView | None:
        """One evaluation; None where there is none at this position.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        rows = await self.repository.page(kind=None, name=None, before=position + 1, limit=1)
        return _evaluation(rows[0]) if rows and rows[0].position == position else None

    async def switch(self, service: str, switch: str, *, before: int | None, limit: int) -> StoryView:
        """Changes of one switch, the newest first.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        found: list[EntryView] = []
        name = f"{service}/{switch}"
        scanned, position = 0, before
        async with aclosing(self._changes(DocumentKind.SWITCHES, service, before)) as changes:
            async for change in changes:
                if len(found) == limit or scanned == ROWS_SCANNED_MAX:
                    return StoryView(DocumentKind.SWITCHES, name, found, str(position))
                scanned, position = scanned + 1, change.position
                if _concerns(change, switch):
                    found.append(EntryView(change.at, change=change))
        return StoryView(DocumentKind.SWITCHES, name, found, None)

    async def evaluations(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> EvaluationsView:
        """Why nothing was done, the newest first.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        rows = await self.repository.page(kind=kind, name=name, before=before, limit=limit + 1)
        page = [_evaluation(row) for row in rows[:limit]]
        return EvaluationsView(page, str(page[-1].position) if len(rows) > limit else None)

    async def _changes_found(self, search: Search, cursor: StoryCursor, limit: int) -> Sequence[ChangeRow]:
        return await self.journal.page(
            kind=search.kind,
            name=search.name,
            before=cursor.change,
            limit=limit,
            narrowed=search.narrowed,
        )

    async def _whys_found(self, search: Search, cursor: StoryCursor, limit: int) -> Sequence[EvaluationRow]:
        return await self.repository.page(
            kind=search.kind,
            name=search.name,
            before=cursor.evaluation,
            limit=limit,
            narrowed=search.narrowed,
        )

    async def _changes(self, kind: str, name: str, before: int | None) -> AsyncGenerator[ChangeView, None]:
        while True:
            rows = await self.journal.page(kind=kind, name=name, before=before, limit=ROWS_PER_LOOK)
            for row in rows:
                yield change_view(row)
            if len(rows) < ROWS_PER_LOOK:
                return
            before = rows[-1].position


def _concerns(change: ChangeView, switch: str) -> bool:
    """Whether a switch is another one after a change than before."""
    before, after = change.before or {}, change.after or {}
    return before.get(switch) != after.get(switch)


def _evaluation(row: EvaluationRow) -> EvaluationView:
    return EvaluationView(**{one.name: getattr(row, one.name) for one in fields(row)})
