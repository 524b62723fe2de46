"""Owns the pages for looking at switches: all of them in a table, one with its readers and its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from controlplane.application.doors import Doors
from controlplane.application.history_views import StoryView
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchView
from controlplane.application.views import StatusView
from controlplane.console.context import DoorsGiven, RendererGiven, pages
from controlplane.console.paging import page_of
from controlplane.console.past import answered
from controlplane.console.readers import Readers, readers
from controlplane.console.refusals import PageRefused, not_found
from controlplane.console.switch_board import board, history, life
from controlplane.console.switch_rows import STATES, Asked, choices, found, notices, rows, summary
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven
from controlplane.contract.documents import DocumentKind

TEXT_CHARACTERS_MAX = 128
HISTORY_ROWS = 20
POSITION_DIGITS_MAX = 18

router = pages()


async def _service(service: str, doors: DoorsGiven) -> ServiceSwitchesView:
    try:
        return doors.switches.of(service)
    except KeyError:
        where = _("The page Switches lists every service that has some.")
        raise not_found(_("%s has no switches.") % service, where) from None


ServiceGiven = Annotated[ServiceSwitchesView, Depends(_service)]
"""The switches of the service that the address names."""


@dataclass(frozen=True, slots=True)
class Here:
    """The switch that the address names, with all that belongs to its service."""

    view: ServiceSwitchesView
    switch: SwitchView


async def _here(view: ServiceGiven, switch: str) -> Here:
    for one in view.switches:
        if one.name == switch:
            return Here(view, one)
    known = ", ".join(one.name for one in view.switches) or _("none, nothing has been published yet")
    said = {"service": view.service, "switch": switch}
    raise not_found(_("%(service)s has no switch %(switch)s.") % said, _("Its switches: %s.") % known)


HereGiven = Annotated[Here, Depends(_here)]


@router.get("/switches")
async def table(
    request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """All switches of all services that the filters in the address let through."""
    view, status = doors.switches.all(), doors.queries.status()
    asked = _asked(request.query_params)
    fitting = found(view, asked)
    page = page_of(fitting, request)
    return renderer.page(
        request,
        "switches.html",
        visitor=visitor,
        page=page,
        rows=list(rows(page.rows, _told(view, status), as_of=view.as_of)),
        summary=summary(fitting),
        notices=list(notices(view, asked)),
        asked=asked,
        choices=choices(view),
        states=STATES,
    )


@router.get("/switches/{service}")
async def of_service(view: ServiceGiven) -> Response:
    """The table, with the switches of one service."""
    return RedirectResponse(f"/switches?{urlencode({'service': view.service})}", HTTPStatus.SEE_OTHER)


@router.get("/switches/{service}/{switch}")
async def one_switch(
    request: Request, here: HereGiven, doors: DoorsGiven, renderer: RendererGiven, visitor: VisitorGiven
) -> HTMLResponse:
    """One switch; with `change` in the address also what became of that change."""
    view, one, status = here.view, here.switch, doors.queries.status()
    change, before = request.query_params.get("change", ""), request.query_params.get("before", "")
    story = await _story(doors, status, here, before)
    changes = None if story is None else [entry.change for entry in story.entries if entry.change]
    return renderer.page(
        request,
        "switch.html",
        visitor=visitor,
        board=board(view, one, status),
        life=life(change, view, one, status, changes) if change else None,
        history=None if changes is None else history(changes, view, one.name, as_of=status.as_of),
        older=story.next_cursor if story else None,
        is_older=bool(before),
    )


def _asked(parameters: Mapping[str, str]) -> Asked:
    def one(name: str) -> str:
        return parameters.get(name, "").strip()[:TEXT_CHARACTERS_MAX]

    return Asked(one("q"), one("state"), one("service"), one("class"), one("owner"))


def _told(view: SwitchesView, status: StatusView) -> Mapping[str, Readers | None]:
    """Who has applied which document, by service."""
    kind = DocumentKind.SWITCHES
    heard = {one.name: one for one in status.confirmations if one.kind == kind}
    return {
        one.service: readers([heard[one.service]], kind, one.service, one.revision)
        for one in view.services
        if one.service in heard
    }


async def _story(doors: Doors, status: StatusView, here: Here, before: str) -> StoryView | None:
    """A page of its history; None where PostgreSQL does not answer in time."""
    if not status.database_available:
        return None
    stories, position = doors.history.stories, _position(before)
    service, switch = here.view.service, here.switch.name
    return await answered(stories.switch(service, switch, before=position, limit=HISTORY_ROWS))


def _position(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= POSITION_DIGITS_MAX):
        raise PageRefused(422, _("Not understood"), _("“before” is a position in history: a number."))
    return int(text)
