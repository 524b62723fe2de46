"""Owns the way in and out: the pages that log somebody in, and where they go from there."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from controlplane.application.people import LogInRefused, People, TooManyAttempts
from controlplane.application.sessions import Entrance, Session
from controlplane.console.context import DoorsGiven, RendererGiven, open_pages
from controlplane.console.forms import FormGiven, read_form
from controlplane.console.rendering import Renderer
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import delete_cookie, set_cookie, visit_of
from controlplane.console.ways import HOME, LOG_IN_PATH, LOG_OUT_PATH, own_page

router = open_pages()

Next = Annotated[str, Query(alias="next")]


@router.get(LOG_IN_PATH)
async def ask(request: Request, doors: DoorsGiven, renderer: RendererGiven, after: Next = HOME) -> Response:
    """The form; whoever is logged in already goes on."""
    if visit_of(request):
        return RedirectResponse(own_page(after), HTTPStatus.SEE_OTHER)
    return _page(request, doors.people, renderer, after=after)


@router.post(LOG_IN_PATH)
async def log_in(request: Request, doors: DoorsGiven, renderer: RendererGiven) -> Response:
    """Begin a session and go on, or say why not."""
    people, form = doors.people, await read_form(request)
    name, after = form.one("name"), form.one("next")
    entrance = people.sessions.entrance(request.cookies)
    if entrance is None or not form.carries(entrance.form_token):
        text = _("This form had expired, or your browser keeps no cookies. Log in again.")
        return _page(request, people, renderer, after=after, name=name, error=text, status_code=403)
    try:
        session = await people.log_in(name, form.raw("password"), source=_source(request))
    except LogInRefused:
        text = _("Name or password is wrong.")
        return _page(request, people, renderer, after=after, name=name, error=text, status_code=403)
    except TooManyAttempts as stopped:
        text = _("Too many attempts. Try again in %d s.") % stopped.retry_after_seconds
        page = _page(request, people, renderer, after=after, name=name, error=text, status_code=429)
        page.headers["Retry-After"] = str(stopped.retry_after_seconds)
        return page
    return _admitted(people, session, after)


@router.post(LOG_OUT_PATH)
async def log_out(request: Request, doors: DoorsGiven, _form: FormGiven) -> Response:
    """End the session."""
    people, visit = doors.people, visit_of(request)
    if visit:
        people.log_out(visit)
    answer = RedirectResponse(LOG_IN_PATH, HTTPStatus.SEE_OTHER)
    delete_cookie(answer, people.sessions, people.sessions.cookie_name)
    return answer


def _page(
    request: Request,
    people: People,
    renderer: Renderer,
    *,
    after: str,
    name: str = "",
    error: str = "",
    status_code: int = 200,
) -> HTMLResponse:
    entrance = people.sessions.entrance(request.cookies)
    made: Entrance = entrance or people.sessions.new_entrance()
    values = {"csrf": made.form_token, "after": own_page(after), "name": name, "error": error}
    page = renderer.bare(request, "login.html", status_code=status_code, **values)
    if entrance is None:
        set_cookie(page, people.sessions, people.sessions.entrance_cookie_name, made.cookie)
    return page


def _admitted(people: People, session: Session, after: str) -> Response:
    answer = RedirectResponse(own_page(after), HTTPStatus.SEE_OTHER)
    set_cookie(answer, people.sessions, people.sessions.cookie_name, people.sessions.write(session))
    delete_cookie(answer, people.sessions, people.sessions.entrance_cookie_name)
    return answer


def _source(request: Request) -> str:
    return request.client.host if request.client else ""
