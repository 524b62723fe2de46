"""Owns how pages of history are asked for: the newest first, and narrowed down by the database alone."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, false, select

from controlplane.application.change_rows import storable
from controlplane.application.ports import Narrowing

PAGE_ROWS_MAX = 1000


@dataclass(frozen=True, slots=True)
class PagedTable:
    """A table of history, and what the words of a `Narrowing` mean in it."""

    table: Table
    row: tuple[ColumnElement[Any], ...]
    """What is read of it."""
    what: ColumnElement[Any]
    by: ColumnElement[Any]
    revision: ColumnElement[Any] | None = None
    """None: its rows have none, so that none of them is of any revision."""

    def page(
        self, narrowed: Narrowing, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Select[Any]:
        """The statement for a page."""
        columns = self.table.c
        equal = [
            (columns.kind, kind),
            (columns.name, name),
            (self.what, narrowed.what),
            (self.by, narrowed.by),
        ]
        wanted = [column == storable(text) for column, text in equal if text is not None]
        if before is not None:
            wanted.append(columns.position < before)
        if narrowed.revision is not None:
            wanted.append(false() if self.revision is None else self.revision == narrowed.revision)
        wanted += self._of_text_and_time(narrowed)
        newest = select(*self.row).order_by(columns.position.desc()).limit(min(limit, PAGE_ROWS_MAX))
        return newest.where(*wanted)

    def _of_text_and_time(self, narrowed: Narrowing) -> list[ColumnElement[bool]]:
        columns, wanted = self.table.c, []
        if narrowed.reason is not None:
            wanted.append(columns.reason.icontains(storable(narrowed.reason), autoescape=True))
        if narrowed.since is not None:
            wanted.append(columns.at >= storable(narrowed.since))
        if narrowed.until is not None:
            wanted.append(columns.at < storable(narrowed.until))
        return wanted
