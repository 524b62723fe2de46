"""Owns the act of saying which is right where a group's document is not what was published."""

from starlette.responses import HTMLResponse, Response

from controlplane.application.doors import NotLeading
from controlplane.application.results import GroupDriftRequest
from controlplane.console.context import pages
from controlplane.console.desk import Desk, DeskGiven
from controlplane.console.forms import Form, FormGiven
from controlplane.console.group_board import drift_of
from controlplane.console.groups import find_group, group_path
from controlplane.console.outcomes import ActRefused, onwards
from controlplane.console.refusals import not_found
from controlplane.console.relaying import LeaderGiven
from controlplane.console.texts import gettext as _
from controlplane.console.typed import Mistyped, fresh_key, reason

POLICIES = ("enforce", "adopt")

router = pages()


@router.get("/groups/{group}/drift")
async def ask(group: str, desk: DeskGiven, policy: str = "enforce") -> HTMLResponse:
    """What the answer would do, and why it is given."""
    return _form(desk, group, Form({"policy": [policy]}))


@router.post("/groups/{group}/drift")
async def decide(group: str, form: FormGiven, desk: DeskGiven, leader: LeaderGiven) -> Response:
    """Publish what is right, or say why not with everything that was typed."""
    try:
        reason(form.one("reason"))
    except Mistyped as error:
        return _form(desk, group, form, status_code=422, wrong=str(error))
    try:
        return await _resolve(desk, group, form)
    except NotLeading as elsewhere:
        return await leader.act(form, elsewhere)


async def _resolve(desk: Desk, group: str, form: Form) -> Response:
    asked = desk.act(form.one("reason"), form.one("key"))
    request = GroupDriftRequest(asked, find_group(desk.doors.queries.status(), group).name, _policy(form))
    try:
        return onwards(await desk.doors.operations.resolve(request), group_path(group))
    except ActRefused as refused:
        return _form(desk, group, form, status_code=409, said=refused.text)


def _form(
    desk: Desk, group: str, form: Form, *, status_code: int = 200, said: str = "", wrong: str = ""
) -> HTMLResponse:
    """The form, with what was typed, what is wrong with it, and why it was refused."""
    view = find_group(desk.doors.queries.status(), group)
    return desk.page(
        "drift.html",
        status_code=status_code,
        group=view.name,
        drift=drift_of(view),
        policy=_policy(form),
        typed=form.one("reason"),
        key=form.one("key") or fresh_key(),
        said=said,
        wrong=wrong,
    )


def _policy(form: Form) -> str:
    """Which of the two is right.

    Raises:
        PageRefused: the form names neither.
    """
    policy = form.one("policy")
    if policy not in POLICIES:
        raise not_found(_("There is no such answer to a drift."), _("Answers: enforce, adopt."))
    return policy
