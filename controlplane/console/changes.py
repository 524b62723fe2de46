"""Owns the pages of history: what happened to all documents, searched, exported, and one change by itself."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Path, Request
from starlette.responses import HTMLResponse, Response

from controlplane.application.doors import Doors
from controlplane.application.history_views import EntryView, FoundView
from controlplane.application.ports import DatabaseUnavailable
from controlplane.console.change_board import change_board, evaluation_board
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
POSITION_LIMIT = 2**63 - 1
"""Positions are 64 bits wide."""

router = pages()

Form = Literal["csv", "ndjson"]
Position = Annotated[int, Path(ge=1, lt=POSITION_LIMIT)]
T = TypeVar("T")

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


@router.get("/changes/evaluations/{position}")
async def one_evaluation(
    request: Request, position: Position, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """One non-decision: why nothing was done, and what that was decided from."""
    evaluation = await _answer(doors.history.stories.evaluation(position))
    if evaluation is None:
        where = _("What is older than history is kept stands nowhere; the rest stands in Changes.")
        raise not_found(_("History has no evaluation %d.") % position, where)
    board = evaluation_board(evaluation, doors.queries.status())
    return renderer.page(request, "evaluation.html", visitor=visitor, board=board)


@router.get("/changes/{kind}/{name}/{revision}")
async def one_change(
    request: Request, one: OneGiven, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """One change: what it changed, why, and who has applied it."""
    change = await _answer(doors.history.stories.change(one.kind, one.name, one.revision))
    if change is None:
        what = _("History has no revision %(revision)d of %(name)s.")
        where = _("What was published a moment ago appears within seconds; what is older stands in Changes.")
        raise not_found(what % {"revision": one.revision, "name": one.name}, where)
    current = _revision_in_force(doors, one.kind, one.name)
    board = change_board(change, doors.queries.status(), current=current)
    return renderer.page(request, "change.html", visitor=visitor, board=board)


async def _found(doors: Doors, asked: Asked, cursor: str) -> FoundView | None:
    """A page of what is searched for; None where history does not answer in time."""
    if asked.search is None:
        return FoundView((), None)
    place = place_of(cursor)
    return await answered(doors.history.stories.find(asked.search, cursor=place, limit=ENTRIES_SHOWN))


async def _answer(reading: Coroutine[Any, Any, T]) -> T:
    """What history says.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer in time.
    """

    async def boxed() -> tuple[T]:
        return (await reading,)

    answer = await answered(boxed())
    if answer is None:
        raise DatabaseUnavailable("no answer in time")
    return answer[0]


def _revision_in_force(doors: Doors, kind: DocumentKind, name: str) -> int | None:
    if kind is DocumentKind.SWITCHES:
        views = doors.switches.all().services
        return next((view.revision for view in views if view.service == name), None)
    groups = doors.queries.status().groups
    return next((view.revision for view in groups if view.name == name), None)
