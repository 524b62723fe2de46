"""Owns the page Now: what is wrong, what moved, groups by regions, what is degraded, what happened last."""

from collections.abc import Sequence
from heapq import merge

from fastapi import Request
from starlette.responses import HTMLResponse

from controlplane.application.doors import Doors
from controlplane.application.history_views import EntryView, EvaluationView
from controlplane.application.views import StatusView
from controlplane.console.attention import CALM_STATES
from controlplane.console.board import board
from controlplane.console.context import DoorsGiven, RendererGiven, pages
from controlplane.console.past import answered
from controlplane.console.readers import readers
from controlplane.console.recent_moves import recent_moves
from controlplane.console.story import story
from controlplane.console.switch_rows import Asked, Row, found, rows
from controlplane.console.visitors import VisitorGiven
from controlplane.contract.documents import DocumentKind

ENTRIES_SHOWN = 8
SWITCHES_SHOWN = 8
WHYS_READ = 40
"""Most of them tell that all is well again."""

router = pages()


@router.get("/")
async def now(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """The page, drawn anew for every request."""
    status = doors.queries.status()
    entries = await answered(_latest(doors)) if status.database_available else None
    away, away_total = _away(doors, status)
    return renderer.page(
        request,
        "now.html",
        visitor=visitor,
        board=board(status),
        away=away,
        away_total=away_total,
        moves=recent_moves(status, [one.change for one in entries or () if one.change]),
        entries=None if entries is None else story(entries, as_of=status.as_of),
    )


async def _latest(doors: Doors) -> Sequence[EntryView]:
    """What was published and what was decided against, the newest first."""
    changes = await doors.queries.changes(kind=None, name=None, before=None, limit=ENTRIES_SHOWN)
    whys = await doors.history.stories.evaluations(kind=None, name=None, before=None, limit=WHYS_READ)
    entries = merge(
        [EntryView(one.at, change=one) for one in changes],
        [EntryView(one.at, evaluation=one) for one in whys.evaluations if _is_worth_a_look(one)],
        key=lambda entry: entry.at,
        reverse=True,
    )
    return list(entries)[:ENTRIES_SHOWN]


def _is_worth_a_look(one: EvaluationView) -> bool:
    """Why nothing was done where something might have been; a move is told by its change, calm by no word."""
    return one.outcome != "move" and one.state not in CALM_STATES


def _away(doors: Doors, status: StatusView) -> tuple[list[Row], int]:
    """The switches that somebody holds away from normal, the latest first, and how many there are."""
    view = doors.switches.all()
    told = {
        one.service: readers(status.confirmations, DocumentKind.SWITCHES, one.service, one.revision)
        for one in view.services
    }
    held = found(view, Asked(state="away"))
    return list(rows(held[:SWITCHES_SHOWN], told, as_of=view.as_of)), len(held)
