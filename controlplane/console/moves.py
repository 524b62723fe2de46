"""Owns the act of moving a group: choose where to, look at the plan, commit."""

from starlette.responses import HTMLResponse, Response

from controlplane.application.doors import NotLeading
from controlplane.application.results import MoveRequest
from controlplane.application.views import PlanView
from controlplane.console.context import pages
from controlplane.console.desk import Desk, DeskGiven
from controlplane.console.forms import FormGiven
from controlplane.console.group_board import group_row
from controlplane.console.groups import find_group, group_path
from controlplane.console.move_board import MoveTyped, move_review, objection
from controlplane.console.outcomes import ActRefused, onwards
from controlplane.console.relaying import LeaderGiven

router = pages()


@router.get("/groups/{group}/move")
@router.get("/groups/{group}/move/review")
async def choose(group: str, desk: DeskGiven, to: str = "") -> HTMLResponse:
    """Where to, and why; whoever loads a review anew begins here, too."""
    return _form(desk, group, MoveTyped(target=to))


@router.post("/groups/{group}/move/review")
async def look(group: str, form: FormGiven, desk: DeskGiven, leader: LeaderGiven) -> Response:
    """What the move would do; nothing is written."""
    typed = MoveTyped.read(form)
    if typed.wrong:
        return _form(desk, group, typed, status_code=422)
    find_group(desk.doors.queries.status(), group)
    try:
        return _review(desk, await desk.doors.operations.plan(group, typed.target), typed)
    except NotLeading as elsewhere:
        return await leader.look(form, elsewhere)


@router.post("/groups/{group}/move")
async def commit(group: str, form: FormGiven, desk: DeskGiven, leader: LeaderGiven) -> Response:
    """Make the move that was reviewed, or say why not with everything that was typed."""
    typed = MoveTyped.read(form)
    if typed.wrong:
        return _form(desk, group, typed, status_code=422)
    find_group(desk.doors.queries.status(), group)
    try:
        return await _move(desk, group, typed)
    except NotLeading as elsewhere:
        return await leader.act(form, elsewhere)


async def _move(desk: Desk, group: str, typed: MoveTyped) -> Response:
    operations = desk.doors.operations
    plan = await operations.plan(group, typed.target)
    said = objection(plan, typed)
    if said:
        return _review(desk, plan, typed, said=said)
    request = MoveRequest(
        act=desk.act(typed.reason, typed.key),
        group=group,
        target=typed.target,
        expected_revision=typed.expected_revision,
        overrides=typed.overrides,
    )
    try:
        return onwards(await operations.move(request), group_path(group))
    except ActRefused as refused:
        return _review(desk, await operations.plan(group, typed.target), typed, said=refused.text)


def _form(desk: Desk, group: str, typed: MoveTyped, *, status_code: int = 200) -> HTMLResponse:
    """The form, with everything that was typed and what is wrong with it."""
    status = desk.doors.queries.status()
    row = group_row(find_group(status, group), status)
    return desk.page("move.html", status_code=status_code, row=row, typed=typed)


def _review(desk: Desk, plan: PlanView, typed: MoveTyped, *, said: str = "") -> HTMLResponse:
    """The plan, and why it was not carried out where it was asked for already."""
    status = desk.doors.queries.status()
    review = move_review(plan, typed, find_group(status, plan.group), status, said=said)
    return desk.page("move_review.html", status_code=409 if said else 200, review=review)
