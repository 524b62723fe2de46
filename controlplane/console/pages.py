"""Owns the pages for people: the status page, its static files, and who may see them.

The page needs no log-in, shows no secret and offers no act. Therefore it is served only where the owner of
the process says so (`open_status_page`): where nobody but this machine can reach it. Even there it answers
only to a name of this machine and without a proxy in between, so that neither a name that was rebound to
127.0.0.1 nor a proxy on the same host opens it to others. Everywhere else it is one sentence, and 401.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Mount

from controlplane.application.doors import Queries
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.views import ChangeView
from controlplane.console.assets import StaticAssets, web_root
from controlplane.console.board import board
from controlplane.console.texts import gettext, ngettext

CHANGES_SHOWN = 8
HISTORY_TIMEOUT_SECONDS = 0.5
"""The present is not kept waiting for the past."""

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")


def status_pages(queries: Queries, *, open_status_page: bool) -> list[BaseRoute]:
    """The routes of the pages, for `create_app(pages=…)`."""
    page = StatusPage(queries, templates(), open_status_page=open_status_page)
    return [
        APIRoute("/", page.show, include_in_schema=False, response_class=HTMLResponse),
        Mount("/static", StaticAssets(), name="static"),
    ]


def templates() -> Environment:
    """The templates: every value is escaped, a missing one is an error."""
    environment = Environment(
        loader=FileSystemLoader(web_root() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


class StatusPage:
    """What is wrong, the groups, who sees what, and what happened last; drawn anew for every request."""

    def __init__(self, queries: Queries, environment: Environment, *, open_status_page: bool) -> None:
        self._queries = queries
        self._now = environment.get_template("now.html")
        self._closed = environment.get_template("closed.html")
        self._open = open_status_page
        self._readings: set[asyncio.Future[Sequence[ChangeView]]] = set()

    async def show(self, request: Request) -> HTMLResponse:
        """The page, or the sentence that says how to get in."""
        if not (self._open and _from_this_machine(request)):
            return HTMLResponse(self._closed.render(), 401, {"WWW-Authenticate": "Bearer"})
        status = self._queries.status()
        changes = await self._changes() if status.database_available else None
        return HTMLResponse(self._now.render(board=board(status, changes)))

    async def _changes(self) -> Sequence[ChangeView] | None:
        """The last changes; None where history does not answer in time.

        It is not waited for even to give up: a frozen database keeps its driver busy with that for seconds.
        """
        reading = asyncio.ensure_future(
            self._queries.changes(kind=None, name=None, before=None, limit=CHANGES_SHOWN)
        )
        self._readings.add(reading)
        reading.add_done_callback(self._ended)
        try:
            await asyncio.wait({reading}, timeout=HISTORY_TIMEOUT_SECONDS)
        finally:
            reading.cancel()
        try:
            return reading.result()
        except (DatabaseUnavailable, asyncio.InvalidStateError):
            return None

    def _ended(self, reading: "asyncio.Future[Sequence[ChangeView]]") -> None:
        self._readings.discard(reading)
        if not reading.cancelled():
            reading.exception()  # looked at, so that asyncio does not report one that nobody waits for


def _from_this_machine(request: Request) -> bool:
    if any(header in request.headers for header in _PROXY_HEADERS):
        return False
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return False
    return name in _LOOPBACK_NAMES
