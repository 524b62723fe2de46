"""Owns how a prober speaks to the control API: fetches definitions, uploads history, shows its token."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import httpx

from controlplane.application.fleet_file import fleet_from_mapping
from controlplane.application.ports import ControlUnavailable, HistoryRefused
from controlplane.domain.fleet import Definitions

CONNECT_TIMEOUT_SECONDS = 2.0
FETCH_TIMEOUT_SECONDS = 10.0
"""Of each wait for the next bytes; a fleet of 20,000 instances is a few megabytes."""
DEFINITIONS_BYTES_MAX = 32 * 1024 * 1024
DEFINITIONS_PATH = "/api/v1/registry/definitions"
UPLOAD_TIMEOUT_SECONDS = 20.0
"""Above the server's own limit for a request, so that its answer arrives."""
HISTORY_PATH = "/api/v1/probe-history"
PROBLEM_CHARACTERS_MAX = 500

_OK = 200
_NOT_MODIFIED = 304
_NEVER = frozenset({413, 422})
"""What was sent will not be taken, however often it is sent."""
_WHY_NOT = {
    401: "the token is unknown; CONTROLPLANE_TOKEN wants one made by `controlplane token create`",
    403: "the token may not do that; a token of the role prober for this vantage may",
}


class ControlApi:
    """The ports `DefinitionsSource` and `HistoryUpload`; as a context it owns its connections."""

    def __init__(self, *, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`url` is where the control plane answers, such as `http://10.0.0.1:8600`."""
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(FETCH_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fetch(self, known_revision: int) -> Definitions | None:
        """The current definitions; None if they are still at `known_revision`.

        Raises:
            ControlUnavailable: no answer, not admitted, or an answer that is none.
        """
        try:
            headers = {"If-None-Match": f'"{known_revision}"'}
            async with self._client.stream("GET", DEFINITIONS_PATH, headers=headers) as response:
                if response.status_code == _NOT_MODIFIED:
                    return None
                if response.status_code != _OK:
                    why = _WHY_NOT.get(response.status_code, "200 or 304 is wanted")
                    raise ControlUnavailable(f"{response.url} answered {response.status_code}: {why}")
                body = await _read(response)
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ControlUnavailable(f"{self._client.base_url.join(DEFINITIONS_PATH)}: {what}") from error
        return await asyncio.to_thread(_definitions, body)  # a large fleet takes longer than a probe may wait

    async def upload(self, body: bytes) -> None:
        """Send a batch of history once; when this returns, it is stored.

        Raises:
            HistoryRefused: the control plane read it and will never take it.
            ControlUnavailable: no answer, not admitted, or PostgreSQL is away; it may have been stored.
        """
        try:
            response = await self._client.post(
                HISTORY_PATH,
                content=body,
                headers={"Content-Type": "application/octet-stream"},
                timeout=httpx.Timeout(UPLOAD_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            )
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ControlUnavailable(f"{self._client.base_url.join(HISTORY_PATH)}: {what}") from error
        if response.status_code == _OK:
            return
        why = _WHY_NOT.get(response.status_code, response.text[:PROBLEM_CHARACTERS_MAX])
        text = f"{response.url} answered {response.status_code}: {why}"
        raise HistoryRefused(text) if response.status_code in _NEVER else ControlUnavailable(text)


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > DEFINITIONS_BYTES_MAX:
            raise ControlUnavailable(f"{response.url} answers with more than {DEFINITIONS_BYTES_MAX} bytes")
    return bytes(body)


def _definitions(body: bytes) -> Definitions:
    try:
        fields: dict[str, Any] = json.loads(body)
        return Definitions(revision=int(fields["revision"]), fleet=fleet_from_mapping(fields["fleet"]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ControlUnavailable(f"{DEFINITIONS_PATH} answered what is no definitions: {error}") from error
