"""Owns the pages of history: what happened to all documents, searched, exported, and one change by itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Path, Request
from starlette.responses import HTMLResponse, Response

from controlplane.application.doors import Doors
from controlplane.application.history_views import EntryView, FoundView
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.views import ChangeView
from controlplane.console.change_board import change_board
from controlplane.console.change_export import all_found, as_csv, as_ndjson
from controlplane.console.change_search import Asked, choices, place_of
from controlplane.console.context import ClockGiven, DoorsGiven, RendererGiven, pages
from controlplane.console.past import answered
from controlplane.console.ranges import PRESETS
from controlplane.console.refusals import PageRefused, not_found
from controlplane.console.story import story
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import REVISION_LIMIT

ENTRIES_SHOWN = 100

router = pages()

Form = Literal["csv", "ndjson"]

_FORMS: Mapping[Form, tuple[Callable[[Iterable[EntryView]], Iterator[str]], str]] = {
    "csv": (as_csv, "text/csv"),
    "ndjson": (as_ndjson, "application/x-ndjson"),
}


@dataclass(frozen=True, slots=True)
class One:
    """Which change an address names."""

    kind: DocumentKind
    name: str
    revision: int


async def _one(kind: DocumentKind, name: str, revision: Annotated[int, Path(ge=1, lt=REVISION_LIMIT)]) -> One:
    return One(kind, name, revision)


OneGiven = Annotated[One, Depends(_one)]


@router.get("/changes")
async def changes(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, *, visitor: VisitorGiven, clock: ClockGiven
) -> HTMLResponse:
    """What the filters in the address let through, the newest first."""
    asked = Asked.read(request.query_params, clock.now())
    cursor = request.query_params.get("cursor", "")
    status = doors.queries.status()
    found = await _found(doors, asked, cursor) if status.database_available else None
    return renderer.page(
        request,
        "changes.html",
        visitor=visitor,
        status_code=422 if asked.wrong else 200,
        asked=asked,
        choices=choices(),
        presets=PRESETS,
        entries=story(found.entries, as_of=status.as_of) if found else None,
        older=asked.query(cursor=found.next_cursor) if found and found.next_cursor else "",
        first=not cursor,
    )


@router.get("/changes.{form}")
async def export(
    request: Request, form: Form, doors: DoorsGiven, _visitor: VisitorGiven, clock: ClockGiven
) -> Response:
    """Exactly what the filters let through: as a table, or with everything that is known of each entry."""
    asked = Asked.read(request.query_params, clock.now())
    if asked.search is None:
        raise PageRefused(422, _("Not a stretch of time"), asked.wrong)
    entries = await all_found(doors.history.stories, asked.search)
    writing, media_type = _FORMS[form]
    named = {"Content-Disposition": f'attachment; filename="changes.{form}"'}
    return Response("".join(writing(entries)), media_type=media_type, headers=named)


@router.get("/changes/{kind}/{name}/{revision}")
async def one_change(
    request: Request, one: OneGiven, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """One change: what it changed, why, and who has applied it."""
    change = await _change(doors, one)
    current = _revision_in_force(doors, one.kind, one.name)
    board = change_board(change, doors.queries.status(), current=current)
    return renderer.page(request, "change.html", visitor=visitor, board=board)


async def _found(doors: Doors, asked: Asked, cursor: str) -> FoundView | None:
    """A page of what is searched for; None where history does not answer in time."""
    if asked.search is None:
        return FoundView((), None)
    place = place_of(cursor)
    return await answered(doors.history.stories.find(asked.search, cursor=place, limit=ENTRIES_SHOWN))


async def _change(doors: Doors, one: One) -> ChangeView:
    """The change.

    Raises:
        PageRefused: history has none of this name and revision.
        DatabaseUnavailable: PostgreSQL does not answer in time.
    """
    found = await answered(_looked_up(doors, one))
    if found is None:
        raise DatabaseUnavailable("no answer in time")
    if not found:
        what = _("History has no revision %(revision)d of %(name)s.")
        where = _("What was published a moment ago appears within seconds; what is older stands in Changes.")
        raise not_found(what % {"revision": one.revision, "name": one.name}, where)
    return found[0]


async def _looked_up(doors: Doors, one: One) -> Sequence[ChangeView]:
    change = await doors.history.stories.change(one.kind, one.name, one.revision)
    return [change] if change else []


def _revision_in_force(doors: Doors, kind: DocumentKind, name: str) -> int | None:
    if kind is DocumentKind.SWITCHES:
        views = doors.switches.all().services
        return next((view.revision for view in views if view.service == name), None)
    groups = doors.queries.status().groups
    return next((view.revision for view in groups if view.name == name), None)
