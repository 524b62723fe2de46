"""Owns the acts on restraints: pause and resume the fleet or a group, maintain a region and end that."""

from datetime import timedelta

from starlette.responses import HTMLResponse, Response

from controlplane.application.results import PauseRequest, ResumeRequest
from controlplane.console.context import ClockGiven, pages
from controlplane.console.desk import Desk, DeskGiven
from controlplane.console.forms import FormGiven
from controlplane.console.groups import group_path
from controlplane.console.outcomes import ActRefused, onwards
from controlplane.console.restraint_board import RestraintTyped, restraint_page
from controlplane.console.typed import seconds
from controlplane.console.ways import HOME

router = pages()


@router.get("/restraints/start")
async def ask_start(desk: DeskGiven, scope: str = "fleet", name: str = "") -> HTMLResponse:
    """What to restrain, how long, and why."""
    return _form(desk, RestraintTyped(scope, name), ends=False)


@router.get("/restraints/end")
async def ask_end(desk: DeskGiven, scope: str = "fleet", name: str = "") -> HTMLResponse:
    """Which restraint to end, and why."""
    return _form(desk, RestraintTyped(scope, name), ends=True)


@router.post("/restraints/start")
async def start(form: FormGiven, desk: DeskGiven, clock: ClockGiven) -> Response:
    """Restrain, or say why not with everything that was typed."""
    typed = RestraintTyped.read(form, ends=False)
    if typed.wrong:
        return _form(desk, typed, ends=False, status_code=422)
    until = clock.now() + timedelta(seconds=seconds(typed.length))
    request = PauseRequest(desk.act(typed.reason, typed.key), typed.scope, typed.name or None, until)
    try:
        return onwards(await desk.doors.operations.pause(request), _back(typed))
    except ActRefused as refused:
        return _form(desk, typed, ends=False, status_code=409, said=refused.text)


@router.post("/restraints/end")
async def end(form: FormGiven, desk: DeskGiven) -> Response:
    """End a restraint, or say why not with everything that was typed."""
    typed = RestraintTyped.read(form, ends=True)
    if typed.wrong:
        return _form(desk, typed, ends=True, status_code=422)
    request = ResumeRequest(desk.act(typed.reason, typed.key), typed.scope, typed.name or None)
    try:
        return onwards(await desk.doors.operations.resume(request), _back(typed))
    except ActRefused as refused:
        return _form(desk, typed, ends=True, status_code=409, said=refused.text)


def _form(
    desk: Desk, typed: RestraintTyped, *, ends: bool, status_code: int = 200, said: str = ""
) -> HTMLResponse:
    """The form, with everything that was typed, what is wrong with it, and why it was refused."""
    board = restraint_page(desk.doors.queries.status(), typed, ends=ends, back=_back(typed))
    return desk.page("restraint.html", status_code=status_code, board=board, said=said)


def _back(typed: RestraintTyped) -> str:
    """Where the restraint shows: on the page of its group, or on the page Now."""
    return group_path(typed.name) if typed.scope == "group" and typed.name else HOME
