"""Owns how an act on switches is reviewed and committed: what it would do is shown, then it is done once."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from controlplane.application.doors import Switches
from controlplane.application.results import Act, Refused, Result
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import ServiceSwitchesView, SwitchPreview
from controlplane.console.attention import sentence
from controlplane.console.desk import Desk
from controlplane.console.forms import Form
from controlplane.console.outcomes import ActRefused, onwards
from controlplane.console.past import answered
from controlplane.console.switch_review import Proposal, review
from controlplane.console.texts import gettext as _
from controlplane.console.typed import Mistyped, fresh_key
from controlplane.console.typed import reason as read_reason
from controlplane.domain.freeze import CONTACT_SECONDS_MAX

REVISION_DIGITS_MAX = 12

AnyRequest = FlipRequest | UndoRequest | DriftRequest
_LOST = frozenset({"revision_changed", "switch_changed"})
"""Somebody else was first: 412 to programs, and to the browser."""


@dataclass(frozen=True, slots=True)
class Errand:
    """An act that somebody is about to do."""

    proposal: Proposal
    request: Callable[[Act, int | None], AnyRequest]
    """What is asked of the application, by whom, and at which revision."""
    after: str
    """The page that shows what became of it."""


async def reviewed(
    desk: Desk,
    errand: Errand,
    view: ServiceSwitchesView,
    *,
    reason: str,
    wrong: str = "",
    refused: ActRefused | None = None,
) -> Response:
    """The page that shows what an act would do now; `wrong` is the reason's mistake."""
    preview = await _preview(desk, errand.request(desk.act(reason, ""), None))
    status, fleet = desk.doors.queries.status(), desk.doors.registry.current().fleet
    return desk.page(
        "switch_review.html",
        status_code=_status(wrong, refused),
        proposal=errand.proposal,
        review=review(preview, view, status, fleet),
        reason=reason,
        wrong=wrong,
        refused=sentence(refused.text) if refused else "",
        lost=refused is not None and refused.code in _LOST,
        key=fresh_key(),
    )


async def committed(desk: Desk, errand: Errand, view: ServiceSwitchesView, form: Form) -> Response:
    """Do it and go on, or show the review again with what kept it from being done."""
    typed = form.one("reason")
    try:
        act = desk.act(read_reason(typed), form.one("key"))
    except Mistyped as mistake:
        return await reviewed(desk, errand, view, reason=typed, wrong=str(mistake))
    request = errand.request(act, _revision(form.one("revision")))
    try:
        return onwards(await _send(desk.doors.switches, request), errand.after)
    except ActRefused as refused:
        return await reviewed(desk, errand, view, reason=typed, refused=refused)


async def _preview(desk: Desk, request: AnyRequest) -> SwitchPreview | Refused:
    """What would be; neither Consul nor PostgreSQL is waited for where it is known to be away."""
    contact = desk.doors.queries.status().store_contact_seconds
    if contact is None or contact > CONTACT_SECONDS_MAX:
        return Refused("consul_unavailable", _("Consul does not answer, nothing can be changed now"))
    preview = await answered(desk.doors.switches.preview(request))
    if preview is None:
        text = _("Consul or PostgreSQL did not answer in time; open this page again")
        return Refused("not_answered", text)
    return preview


async def _send(switches: Switches, request: AnyRequest) -> Result:
    match request:
        case FlipRequest():
            return await switches.flip(request)
        case UndoRequest():
            return await switches.undo(request)
        case DriftRequest():
            return await switches.resolve(request)


def _status(wrong: str, refused: ActRefused | None) -> int:
    if refused:
        return 412 if refused.code in _LOST else 409
    return 422 if wrong else 200


def _revision(text: str) -> int | None:
    """The revision that was reviewed; None where the form names none, as over an unreadable document."""
    known = text.isascii() and text.isdigit() and len(text) <= REVISION_DIGITS_MAX
    return int(text) if known else None
