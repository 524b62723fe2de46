"""Owns how what went wrong is told to a person: a page that says what, why, and what to do now."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from controlplane.application.ports import DatabaseUnavailable
from controlplane.console.rendering import Renderer
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import NotAdmitted


class PageRefused(Exception):
    """A page cannot be shown, or an act not be taken; nothing has changed."""

    def __init__(self, status_code: int, title: str, text: str) -> None:
        super().__init__(text)
        self.status_code = status_code
        self.title = title
        self.text = text


def not_found(what: str, known: str) -> PageRefused:
    """There is no such thing; `known` says which there are, or where to look."""
    return PageRefused(404, _("Not found"), f"{what} {known}")


async def _refused(request: Request, error: PageRefused) -> Response:
    renderer: Renderer = request.app.state.renderer
    values = {"title": error.title, "text": error.text}
    return renderer.bare(request, "refusal.html", status_code=error.status_code, **values)


async def _http(request: Request, error: HTTPException) -> Response:
    titles = {404: _("Not found"), 405: _("Not possible this way")}
    texts = {
        404: _("There is no page at this address."),
        405: _("This address does not take this kind of request."),
    }
    title = titles.get(error.status_code, _("Not possible"))
    text = texts.get(error.status_code, str(error.detail))
    return await _refused(request, PageRefused(error.status_code, title, text))


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    parts = (f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors())
    return await _refused(request, PageRefused(422, _("Not understood"), "; ".join(parts)))


async def _no_database(request: Request, _error: DatabaseUnavailable) -> Response:
    text = _(
        "PostgreSQL does not answer, and this page is drawn from history. The present is on the page Now."
    )
    return await _refused(request, PageRefused(503, _("History is away"), text))


async def _not_admitted(request: Request, _error: NotAdmitted) -> Response:
    renderer: Renderer = request.app.state.renderer
    return renderer.bare(request, "closed.html", status_code=401)


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    NotAdmitted: _not_admitted,
    PageRefused: _refused,
    HTTPException: _http,
    RequestValidationError: _invalid,
    DatabaseUnavailable: _no_database,
}
"""For `FastAPI(exception_handlers=…)`. What nobody foresaw ends in `api.recovery`, as everywhere."""
