"""Owns the page Now: what is wrong first, then groups by regions, and what happened last."""

from collections.abc import Sequence

from fastapi import Request
from starlette.responses import HTMLResponse

from controlplane.application.views import ChangeView
from controlplane.console.board import board
from controlplane.console.context import DoorsGiven, RendererGiven, pages
from controlplane.console.past import answered
from controlplane.console.visitors import VisitorGiven

CHANGES_SHOWN = 8

router = pages()


@router.get("/")
async def now(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """The page, drawn anew for every request."""
    status = doors.queries.status()
    changes: Sequence[ChangeView] | None = None
    if status.database_available:
        asking = doors.queries.changes(kind=None, name=None, before=None, limit=CHANGES_SHOWN)
        changes = await answered(asking)
    return renderer.page(request, "now.html", visitor=visitor, board=board(status, changes))
