"""Owns who is looking at a page, and what they may do: nothing is shown to anybody who is not logged in.

Whose browser is asking is found out once per request, before anything else; a page asks for a `VisitorGiven`,
a form that acts for an `OperatorGiven`.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.application.people import People, Visit
from controlplane.application.sessions import Sessions

_RANKS = {"viewer": 1, "operator": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is looking."""

    name: str
    role: str
    """viewer, operator or admin."""
    csrf: str
    """What every form of theirs carries."""

    def may(self, role: str) -> bool:
        """Whether they have this role or a higher one; one that this version does not know has no rank."""
        return _RANKS.get(self.role, 0) >= _RANKS[role]


class NotAdmitted(Exception):
    """Nobody is logged in."""


class RoleMissing(Exception):
    """Somebody is logged in who may not do this."""

    def __init__(self, visitor: Visitor, role: str) -> None:
        super().__init__(f"{visitor.name} is {visitor.role}, not {role}")
        self.visitor = visitor
        self.role = role


class Visits:
    """ASGI middleware: finds out who is asking, and keeps the session of those who use it alive."""

    def __init__(self, app: ASGIApp, *, people: People) -> None:
        self._app = app
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its visit, and the answer with a fresh cookie where it is time."""
        request = Request(scope)
        visit = self._people.visit(request.cookies)
        request.state.visit = visit
        request.state.principal = visit.principal if visit else None  # for the log line of the request

        async def renewing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and visit:
                self._renew(visit, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, renewing_send)

    def _renew(self, visit: Visit, headers: MutableHeaders) -> None:
        sessions = self._people.sessions
        value = sessions.renewal(visit.session)
        if value is not None:
            answer = Response()
            set_cookie(answer, sessions, sessions.cookie_name, value)
            headers.append("Set-Cookie", answer.headers["set-cookie"])


def set_cookie(answer: Response, sessions: Sessions, name: str, value: str) -> None:
    """Give the browser a cookie that no script can read and no form of another site sends along."""
    answer.set_cookie(name, value, path="/", secure=sessions.secure, httponly=True, samesite="lax")


def delete_cookie(answer: Response, sessions: Sessions, name: str) -> None:
    """Take a cookie back."""
    answer.delete_cookie(name, path="/", secure=sessions.secure, httponly=True, samesite="lax")


def visit_of(request: Request) -> Visit | None:
    """Whose browser is asking; None where nobody is logged in."""
    visit: Visit | None = request.state.visit
    return visit


async def visitor_of(request: Request) -> Visitor:
    """Who is looking.

    Raises:
        NotAdmitted: nobody is logged in.
        RoleMissing: they may not even look.
    """
    visit = visit_of(request)
    if visit is None:
        raise NotAdmitted
    visitor = Visitor(name=visit.principal.name, role=visit.principal.role, csrf=visit.form_token)
    return require("viewer", visitor)


VisitorGiven = Annotated[Visitor, Depends(visitor_of)]


def require(role: str, visitor: Visitor) -> Visitor:
    """The visitor, if they have the role or a higher one.

    Raises:
        RoleMissing: they have not.
    """
    if not visitor.may(role):
        raise RoleMissing(visitor, role)
    return visitor


async def _operator(visitor: VisitorGiven) -> Visitor:
    return require("operator", visitor)


OperatorGiven = Annotated[Visitor, Depends(_operator)]
