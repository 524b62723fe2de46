"""Owns the pages of failover groups: all of them, and one with its reasons and its history."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request
from starlette.responses import HTMLResponse

from controlplane.application.history_views import StoryView
from controlplane.application.views import GroupView, StatusView
from controlplane.console.change_search import place_of
from controlplane.console.context import DoorsGiven, RendererGiven, pages
from controlplane.console.group_board import group_page, group_rows
from controlplane.console.paging import page_of
from controlplane.console.past import answered
from controlplane.console.refusals import not_found
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven

ENTRIES_SHOWN = 25
CHANGE_ID_CHARACTERS_MAX = 300

router = pages()

ChangeAsked = Annotated[str, Query(alias="change", max_length=CHANGE_ID_CHARACTERS_MAX)]


@router.get("/groups")
async def groups(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """All failover groups, those in trouble first."""
    status = doors.queries.status()
    page = page_of(group_rows(status), request)
    paused = any(one.scope == "fleet" for one in status.restraints)
    return renderer.page(request, "groups.html", visitor=visitor, page=page, paused=paused)


@router.get("/groups/{group}")
async def group(
    request: Request,
    group: str,
    doors: DoorsGiven,
    renderer: RendererGiven,
    visitor: VisitorGiven,
    *,
    change: ChangeAsked = "",
    cursor: str = "",
) -> HTMLResponse:
    """One group: what is in force, why, what would happen, what happened."""
    status = doors.queries.status()
    view = find_group(status, group)
    past: StoryView | None = None
    if status.database_available:
        place = place_of(cursor)
        past = await answered(doors.history.stories.group(view.name, cursor=place, limit=ENTRIES_SHOWN))
    board = group_page(view, status, past, change_id=change)
    older = past.next_cursor if past else None
    return renderer.page(request, "group.html", visitor=visitor, board=board, older=older, first=not cursor)


def find_group(status: StatusView, name: str) -> GroupView:
    """The group of this name.

    Raises:
        PageRefused: there is none.
    """
    for view in status.groups:
        if view.name == name:
            return view
    known = ", ".join(view.name for view in status.groups) or _("none")
    raise not_found(_("There is no group %s.") % name, _("Groups: %s.") % known)


def group_path(name: str) -> str:
    """Where the page of a group is."""
    return f"/groups/{quote(name, safe='')}"
