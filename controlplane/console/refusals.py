"""Owns how what went wrong is told to a person: a page that says what, why, and what to do now."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from controlplane.application.ports import DatabaseUnavailable
from controlplane.console.rendering import Renderer
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import NotAdmitted, RoleMissing
from controlplane.console.ways import log_in_path


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
    if request.method in {"GET", "HEAD"}:
        return RedirectResponse(log_in_path(request), HTTPStatus.SEE_OTHER)
    text = _("Your session has ended. Nothing has changed: log in again and repeat it.")
    return await _refused(request, PageRefused(403, _("You are not logged in"), text))


async def _role_missing(request: Request, error: RoleMissing) -> Response:
    text = _("This needs the role %(role)s, and you are logged in as %(name)s, %(own)s. Nothing has changed.")
    values = {"role": error.role, "name": error.visitor.name, "own": error.visitor.role}
    return await _refused(request, PageRefused(403, _("Not yours to do"), text % values))


async def _unforeseen(request: Request, _error: Exception) -> Response:
    """The answer alone: the error goes on to `api.recovery`, which logs it, as everything nobody foresaw."""
    text = _("This is a fault of the control plane; its log explains it under the trace id %(trace_id)s.")
    told = text % {"trace_id": request.state.trace_id}
    return await _refused(request, PageRefused(500, _("This page could not be drawn"), told))


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    NotAdmitted: _not_admitted,
    PageRefused: _refused,
    RoleMissing: _role_missing,
    HTTPException: _http,
    RequestValidationError: _invalid,
    DatabaseUnavailable: _no_database,
    Exception: _unforeseen,
}
"""For `FastAPI(exception_handlers=…)`."""
