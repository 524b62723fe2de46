"""Owns talking to the API: with timeouts, never twice, and exact about what is known afterwards.

A read that gets no answer has failed. An act that gets no answer is *unknown*, unless it was never sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from controlplane.cli.failures import CommandFailed, Refused, UnknownOutcome

CONNECT_TIMEOUT_SECONDS = 3.0
ANSWER_TIMEOUT_SECONDS = 20.0
"""Above the server's own limit for a request, so that its explanation arrives."""

_NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol)
_CERTAIN_CODES = frozenset({"consul_unavailable", "database_unavailable", "leader_unreachable"})
"""Codes of 5xx answers after which nothing has changed."""
_TOLD = ("mistakes", "trace_id")
"""What of a problem is passed on beside its code and detail."""
_SERVER_ERRORS_FROM = 500
_ERRORS_FROM = 400


class LineBroken(CommandFailed):
    """There was no answer, or it broke off before its end."""


class ApiClient:
    """One connection to one control plane, for the length of a `with` block.

    Raises:
        CommandFailed: `url` names no address.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        try:
            self._http = httpx.Client(
                base_url=url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=httpx.Timeout(ANSWER_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise CommandFailed(
                f"{url} is no address of a control plane: {error}", code="settings"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def read(self, path: str, **parameters: str | int | None) -> Any:
        """The JSON at a path of the API.

        Raises:
            CommandFailed: no answer, or not admitted.
        """
        return self._json(self.fetch(f"/api/v1{path}", **parameters))

    def fetch(self, path: str, **parameters: str | int | None) -> httpx.Response:
        """The answer at any path; parameters that are None are left out.

        Raises:
            CommandFailed: no answer, or not admitted.
        """
        return self._checked(self.look(path, **parameters))

    def look(self, path: str, **parameters: str | int | None) -> httpx.Response:
        """The answer at any path, whatever its status.

        Raises:
            CommandFailed: no answer.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, params=given)

    @contextmanager
    def lines(
        self, path: str, silence_seconds: float, **parameters: str | Sequence[str] | None
    ) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on; more than `silence_seconds` without one breaks it.

        Raises:
            Refused: not admitted.
            LineBroken: no answer, or one that broke off.
        """
        given = {name: value for name, value in parameters.items() if value}
        limits = httpx.Timeout(silence_seconds, connect=CONNECT_TIMEOUT_SECONDS)
        try:
            with self._http.stream("GET", f"/api/v1{path}", params=given, timeout=limits) as response:
                if response.status_code >= _ERRORS_FROM:
                    response.read()
                yield self._checked(response).iter_lines()
        except httpx.HTTPError as error:
            raise LineBroken(f"{self.url} does not answer ({_words(error)})", code="unreachable") from error

    def ask(self, path: str, **content: Any) -> Any:
        """The JSON that comes of a POST which changes nothing, such as a plan.

        Raises:
            CommandFailed: no answer, refused, or not admitted.
        """
        return self._json(self._checked(self._send("POST", f"/api/v1{path}", **content)))

    def act(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str | None]) -> dict[str, Any]:
        """Do something once; answers what was done.

        Raises:
            Refused: nothing has changed.
            UnknownOutcome: it may still take effect.
            CommandFailed: nothing was sent.
        """
        given = {name: value for name, value in headers.items() if value is not None}
        answer = self.change(path, json=body, headers=given)
        if answer["outcome"] == "unknown":
            raise UnknownOutcome(answer["text"], code="unknown", details={"change_id": answer["change_id"]})
        return answer

    def change(self, path: str, *, method: str = "POST", **content: Any) -> dict[str, Any]:
        """The JSON that comes of a request which changes something; it is sent once.

        Raises:
            Refused: nothing has changed.
            UnknownOutcome: no answer, or one that leaves it open.
            CommandFailed: nothing was sent.
        """
        try:
            response = self._http.request(method, f"/api/v1{path}", **content)
        except _NOTHING_WAS_SENT as error:
            raise self._unreachable(error) from error
        except httpx.HTTPError as error:
            raise UnknownOutcome(f"{self.url} did not answer ({_words(error)})", code="no_answer") from error
        problem = _problem(response)
        if response.status_code >= _SERVER_ERRORS_FROM and problem["code"] not in _CERTAIN_CODES:
            raise UnknownOutcome(problem["detail"], code=problem["code"])
        answer: dict[str, Any] = self._json(self._checked(response))
        return answer

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.status_code < _ERRORS_FROM:
            return response
        problem = _problem(response)
        details: dict[str, Any] = {name: problem[name] for name in _TOLD if name in problem}
        raise Refused(problem["detail"], code=problem["code"], details=details)

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise CommandFailed(f"{response.request.url} did not answer JSON", code="no_json") from error

    def _unreachable(self, error: Exception) -> CommandFailed:
        return CommandFailed(
            f"{self.url} cannot be reached ({_words(error)}); nothing was done", code="unreachable"
        )


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem that an answer tells; one made up where something else than our API answered."""
    try:
        problem = response.json()
        return {**problem, "code": str(problem["code"]), "detail": str(problem["detail"])}
    except (ValueError, KeyError, TypeError):
        return {
            "code": "no_problem",
            "detail": f"{response.request.url} answered HTTP {response.status_code}",
        }


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
