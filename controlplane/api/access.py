"""Owns who may call what: tokens and sessions before anything else is read, then one role per route.

Everything below `/api` needs a token, the description of the interface and unknown paths included. The token
is judged before the body is read, so a stranger can make us read headers only. What only looks may show the
session of a browser instead, whose `EventSource` cannot send a token; what acts may not, for a browser sends
its cookies with every request, whoever wrote the form.
"""

from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from controlplane.api.problems import ProblemError, ProblemResponse
from controlplane.application.doors import Gatekeeper
from controlplane.application.people import People
from controlplane.application.views import Principal

PROTECTED_PREFIX = "/api"
PROBER = "prober"

_LOOKING = frozenset({"GET", "HEAD"})
_RANKS = {"viewer": 1, "operator": 2, "admin": 3}

_scheme = HTTPBearer(
    auto_error=False,
    description="A token from `controlplane token create`. Roles: viewer < operator < admin; "
    "a prober's token reads the definitions, uploads the history of its vantage, and does nothing else.",
)


class Authentication:
    """ASGI middleware: finds out who is asking, or answers 401."""

    def __init__(self, app: ASGIApp, *, gatekeeper: Gatekeeper, people: People) -> None:
        self._app = app
        self._gatekeeper = gatekeeper
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the request, with its principal, or answer 401."""
        if _is_protected(scope["path"]):
            principal = self._principal(scope)
            if principal is None:
                await _unauthenticated(_secret(scope))(scope, receive, send)
                return
            state = scope.setdefault("state", {})
            state["principal"], state["principal_now"] = principal, partial(self._principal, scope)
        await self._app(scope, receive, send)

    def _principal(self, scope: Scope) -> Principal | None:
        """Who is asking, as of now; None for nobody, or nobody any more."""
        headers = Headers(scope=scope)
        if "authorization" in headers:
            secret = _secret(scope)
            return self._gatekeeper.authenticate(secret) if secret else None
        if scope["method"] not in _LOOKING:
            return None
        visit = self._people.visit(cookie_parser(headers.get("cookie", "")))
        return visit.principal if visit else None


def _is_protected(path: str) -> bool:
    return path == PROTECTED_PREFIX or path.startswith(f"{PROTECTED_PREFIX}/")


def _secret(scope: Scope) -> str:
    scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _unauthenticated(secret: str) -> ProblemResponse:
    detail = (
        "This token is not known here; `controlplane token create` makes one."
        if secret
        else "Send a token: `Authorization: Bearer …`; the command line takes it from CONTROLPLANE_TOKEN."
    )
    return ProblemResponse(401, "unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def require(role: str, principal: Principal) -> Principal:
    """The principal, if it has the role or a higher one.

    Raises:
        ProblemError: 403 `forbidden`.
    """
    if _RANKS.get(principal.role, 0) < _RANKS[role]:
        raise ProblemError(
            403, "forbidden", f"This needs the role {role}; {principal.name} is {principal.role}."
        )
    return principal


def may_still_look(request: Request) -> bool:
    """Whether who opened a stream would be let in again: tokens end, and so do log-ins."""
    principal: Principal | None = request.state.principal_now()
    return principal is not None and principal.role in _RANKS


async def _principal(request: Request, _: Annotated[object, Security(_scheme)]) -> Principal:
    principal: Principal = request.state.principal
    return principal


_Anybody = Annotated[Principal, Depends(_principal)]


async def _viewer(principal: _Anybody) -> Principal:
    return require("viewer", principal)


async def _operator(principal: _Anybody) -> Principal:
    return require("operator", principal)


async def _admin(principal: _Anybody) -> Principal:
    return require("admin", principal)


async def _definitions_reader(principal: _Anybody) -> Principal:
    return principal if principal.role == PROBER else require("viewer", principal)


async def _prober(principal: _Anybody) -> Principal:
    if principal.role != PROBER or principal.vantage is None:
        raise ProblemError(
            403,
            "forbidden",
            f"This needs the role {PROBER} and a vantage; {principal.name} is {principal.role}.",
        )
    return principal


Viewer = Annotated[Principal, Depends(_viewer)]
Operator = Annotated[Principal, Depends(_operator)]
Admin = Annotated[Principal, Depends(_admin)]
DefinitionsReader = Annotated[Principal, Depends(_definitions_reader)]
Prober = Annotated[Principal, Depends(_prober)]
