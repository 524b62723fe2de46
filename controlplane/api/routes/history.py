"""Owns the address of history: every change of every document, in pages."""

from typing import Annotated

from fastapi import Query

from controlplane.api.access import Viewer
from controlplane.api.context import DoorsGiven
from controlplane.api.inputs import Name
from controlplane.api.problems import described
from controlplane.api.schemas.records import ChangeAnswer, ChangesAnswer
from controlplane.api.versioned import versioned
from controlplane.contract.documents import DocumentKind

PAGE_ROWS = 50
PAGE_ROWS_MAX = 200
CURSOR_PATTERN = r"^[0-9]{1,18}$"

router = versioned("history")


@router.get("/changes", responses=described(503))
async def changes(
    doors: DoorsGiven,
    _: Viewer,
    kind: Annotated[DocumentKind | None, Query(description="Only documents of this kind.")] = None,
    name: Annotated[Name | None, Query(description="Only documents of this name.")] = None,
    cursor: Annotated[
        str | None, Query(pattern=CURSOR_PATTERN, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_ROWS_MAX, description="Rows on a page.")] = PAGE_ROWS,
) -> ChangesAnswer:
    """History, newest first. A cursor stays valid: rows that are added later come before the first page."""
    rows = await doors.queries.changes(
        kind=kind, name=name, before=None if cursor is None else int(cursor), limit=limit + 1
    )
    page = rows[:limit]
    return ChangesAnswer(
        changes=[ChangeAnswer.model_validate(row) for row in page],
        next_cursor=str(page[-1].position) if len(rows) > limit else None,
    )
