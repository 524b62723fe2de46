"""Owns which exception becomes which problem; what is not listed here ends in `api.recovery`."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from controlplane.api.forwarding import forward
from controlplane.api.problems import Mistake, ProblemError, ProblemResponse
from controlplane.application.accounts import NoSuchAccount, PasswordNotAllowed
from controlplane.application.doors import NotLeading
from controlplane.application.fleet_file import FleetFileError
from controlplane.application.history_ingest import ForeignVantage
from controlplane.application.history_reading import HistoryRangeError
from controlplane.application.ports import DatabaseUnavailable, RegistryConflict
from controlplane.domain.history_varint import HistoryFormatError

_CODES = {400: "body_unreadable", 404: "not_found", 405: "method_not_allowed"}
_MISTAKES_SHOWN_MAX = 100
_PYDANTIC_PREFIX = "Value error, "
"""What pydantic puts before sentences of ours."""


async def _problem(_: Request, error: ProblemError) -> ProblemResponse:
    return ProblemResponse(error.status_code, error.code, error.detail)


async def _framework(request: Request, error: HTTPException) -> ProblemResponse:
    code = _CODES.get(error.status_code, "refused_by_framework")
    headers = dict(error.headers) if error.headers else None
    return ProblemResponse(
        error.status_code, code, f"{request.method} {request.url.path}: {error.detail}.", headers=headers
    )


async def _validation(_: Request, error: RequestValidationError) -> ProblemResponse:
    mistakes = [_mistake(item) for item in error.errors()[:_MISTAKES_SHOWN_MAX]]
    detail = "; ".join(f"{mistake.path}: {mistake.wrong}" for mistake in mistakes)
    return ProblemResponse(422, "invalid_request", detail, mistakes=mistakes)


def _mistake(item: Mapping[str, Any]) -> Mistake:
    place: Sequence[object] = item["loc"]
    wrong = str(item["msg"]).removeprefix(_PYDANTIC_PREFIX)
    return Mistake(path=".".join(str(step) for step in place), wrong=wrong)


async def _fleet_file(_: Request, error: FleetFileError) -> ProblemResponse:
    mistakes = [
        Mistake(line=problem.line, path=problem.path, wrong=problem.wrong, allowed=problem.allowed)
        for problem in error.problems
    ]
    return ProblemResponse(422, "invalid_fleet_file", str(error), mistakes=mistakes)


async def _conflict(_: Request, error: RegistryConflict) -> ProblemResponse:
    return ProblemResponse(409, "registry_changed", f"{error}.")


async def _database(_: Request, error: DatabaseUnavailable) -> ProblemResponse:
    return ProblemResponse(
        503,
        "database_unavailable",
        f"{error}. Failover, switches and restraints work without it; history and definitions wait for it.",
        headers={"Retry-After": "5"},
    )


async def _disconnected(_request: Request, _: ClientDisconnect) -> ProblemResponse:
    return ProblemResponse(400, "body_unreadable", "The connection ended within the body.")


async def _history_format(_: Request, error: HistoryFormatError) -> ProblemResponse:
    return ProblemResponse(422, "history_unreadable", f"{error}.")


async def _history_range(_: Request, error: HistoryRangeError) -> ProblemResponse:
    return ProblemResponse(422, "range_not_allowed", f"{error}.")


async def _foreign_vantage(_: Request, error: ForeignVantage) -> ProblemResponse:
    return ProblemResponse(403, "forbidden", f"{error}.")


async def _no_such_account(_: Request, error: NoSuchAccount) -> ProblemResponse:
    return ProblemResponse(404, "unknown_account", f"{error}.")


async def _password(_: Request, error: PasswordNotAllowed) -> ProblemResponse:
    return ProblemResponse(422, "password_not_allowed", f"{error}.")


HANDLERS: dict[int | type[Exception], Any] = {
    ClientDisconnect: _disconnected,
    DatabaseUnavailable: _database,
    FleetFileError: _fleet_file,
    ForeignVantage: _foreign_vantage,
    HistoryFormatError: _history_format,
    HistoryRangeError: _history_range,
    HTTPException: _framework,
    NoSuchAccount: _no_such_account,
    NotLeading: forward,
    PasswordNotAllowed: _password,
    ProblemError: _problem,
    RegistryConflict: _conflict,
    RequestValidationError: _validation,
}
"""For `FastAPI(exception_handlers=…)`; the most exact class wins."""
