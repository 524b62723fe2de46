"""Owns one request to Consul: a blocking query on one key, and what may be concluded from its answer."""

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

WAIT_SECONDS = 30
TIMEOUT_SECONDS = 40.0
"""Above 17/16 of the wait plus 8 s: Consul adds up to a sixteenth of jitter to the wait."""
CONNECT_TIMEOUT_SECONDS = 2.0
ANSWER_BYTES_MAX = 1024 * 1024

_TIMEOUT = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
_NO_LEADER = b"No cluster leader"
_ERROR_CHARACTERS_MAX = 200


class QueryFailed(Exception):
    """No answer that says anything about the key."""


class NoLeader(QueryFailed):
    """Consul answers, but has no leader: only a stale read can succeed."""


class ConnectionReplaced(QueryFailed):
    """The connection of the former request is gone, so its index may be from another server or store.

    Nothing was sent.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """What Consul holds under a key."""

    index: int
    value: bytes | None
    """None: the key does not exist."""
    leader: bool
    """Whether a leader stood behind this answer; of a stale read that is never said."""


async def ask(http: httpx.AsyncClient, key: str, *, index: int | None = None) -> Answer:
    """Read a key; with `index`, wait up to 30 s for a change after it.

    Raises:
        NoLeader: a stale read may help.
        ConnectionReplaced: ask again at once, without an index.
        QueryFailed: anything else, in one sentence.
    """
    if index is None:
        return await _get(http, key, {})
    return await _get(
        http, key, {"index": str(index), "wait": f"{WAIT_SECONDS}s"}, extensions={"trace": _refuse_connecting}
    )


async def ask_any_server(http: httpx.AsyncClient, key: str) -> Answer:
    """Read a key from whichever server answers, at once: the fallback where there is no leader.

    Raises:
        QueryFailed: no answer.
    """
    return replace(await _get(http, key, {"stale": ""}), leader=False)


async def _refuse_connecting(event: str, _details: Any) -> None:
    """A request that carries an index must go out on the connection which that index came from.

    Behind a proxy that closes after every answer a reader therefore asks twice a second, without an index.
    """
    if event.startswith("connection.connect_"):
        raise ConnectionReplaced


async def _get(
    http: httpx.AsyncClient, key: str, options: dict[str, str], extensions: dict[str, Any] | None = None
) -> Answer:
    url = f"/v1/kv/{quote(key)}"
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            http.stream(
                "GET", url, params={"raw": "", **options}, timeout=_TIMEOUT, extensions=extensions
            ) as response,
        ):
            answer = _conclude(response, await _body(response))
    except (httpx.HTTPError, TimeoutError, RuntimeError) as error:
        # RuntimeError: httpx's of a stream; asyncio's when the interpreter ends and names resolve no more.
        raise QueryFailed(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    return answer


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise QueryFailed(f"more than {ANSWER_BYTES_MAX} bytes were answered")
    return bytes(body)


def _conclude(response: httpx.Response, body: bytes) -> Answer:
    status = response.status_code
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and _NO_LEADER in body:
        raise NoLeader("Consul has no leader")
    if status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        text = body[:_ERROR_CHARACTERS_MAX].decode("utf-8", "replace").strip()
        raise QueryFailed(f"HTTP {status}: {text}")
    return Answer(
        index=_index(response),
        value=body if status == HTTPStatus.OK else None,
        leader=response.headers.get("X-Consul-KnownLeader") != "false",
    )


def _index(response: httpx.Response) -> int:
    """Consul's index, at least 1; an answer without one is not Consul's."""
    text = response.headers.get("X-Consul-Index", "")
    if not (text.isascii() and text.isdigit()):
        raise QueryFailed(f"HTTP {response.status_code} without X-Consul-Index: this is not Consul")
    return max(int(text), 1)
