"""Owns the wire to Consul: an async transport for py-consul, and the one translation of its failures.

A call has one deadline over all its phases and is never repeated here. py-consul itself gives a transaction
neither token nor datacenter, lets the environment replace an explicit token, and drops Consul's headers: so
token and datacenter belong to the transport, and it reads the headers before py-consul sees the answer.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partialmethod
from http import HTTPStatus
from typing import Any

import httpx
from consul import base
from consul.exceptions import ConsulException

from controlplane.adapters.consul_endpoint import ConsulEndpoint, Deadlines
from controlplane.adapters.consul_transaction import require_body_fits
from controlplane.application.ports import Clock, OutcomeUnknown, StoreUnavailable

ERROR_CHARACTERS_MAX = 300

Callback = Callable[[base.Response], Any]
Parameters = Iterable[tuple[str, Any]]

_WAIT_SPREAD = 1 / 16
_DATE_RESOLUTION = timedelta(seconds=1)
_REQUEST_BEGUN = "http11.send_request_headers.started"
_TRANSACTION = "/v1/txn"
_FINAL = frozenset({HTTPStatus.OK, HTTPStatus.CONFLICT})
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, ConsulException, TimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Consul said, and what py-consul made of its body."""

    status: int
    value: Any
    """As py-consul's call documents it; of a 409 the JSON itself."""
    sent: float
    """Monotonic seconds just before the request went out."""


class ConsulTransport(base.HTTPClient):  # type: ignore[misc]  # py-consul carries no types
    """Reads and writes for py-consul.

    A read that fails is StoreUnavailable. So is a write of which nothing was sent; any other write without an
    answer is OutcomeUnknown. The deadline of a call follows from what it asks: a wait, a read, a write.
    """

    def __init__(
        self,
        endpoint: ConsulEndpoint,
        *,
        clock: Clock,
        deadlines: Deadlines,
        connections_max: int,
    ) -> None:
        super().__init__()
        self.base_uri = endpoint.url
        self.clock_offset_seconds: float | None = None
        """By the last answer that did not wait for a change; see `least_offset_seconds`."""
        self._where = httpx.URL(endpoint.url).netloc.decode()
        self._datacenter = endpoint.datacenter
        self._clock = clock
        self._deadlines = deadlines
        self._client = _client(endpoint, connections_max)
        self._connections = asyncio.Semaphore(connections_max)

    async def get(
        self, callback: Callback, path: str, params: Parameters | None = None, **_options: Any
    ) -> Answer:
        """Read; `params` with a `wait` make it a blocking query."""
        exchange = _Exchange("GET", path, self._query(path, params))
        seconds = self._read_seconds(exchange.query)
        try:
            return await self._answer(exchange, callback, seconds)
        except _FAILURES as error:
            raise StoreUnavailable(self._text(exchange, error, seconds)) from error

    async def close(self) -> None:
        """Close all connections; what is under way fails."""
        await self._client.aclose()

    async def _write(
        self,
        method: str,
        callback: Callback,
        path: str,
        params: Parameters | None = None,
        data: str | bytes = b"",
        **_options: Any,
    ) -> Answer:
        """Write. Of a 409 the answer's value is the JSON, unread by `callback`."""
        content = data.encode() if isinstance(data, str) else data
        require_body_fits(len(content))
        exchange = _Exchange(method, path, self._query(path, params), content)
        seconds = self._deadlines.write_seconds
        try:
            return await self._answer(exchange, callback, seconds)
        except _FAILURES as error:
            text = self._text(exchange, error, seconds)
            if exchange.begun:
                raise OutcomeUnknown(f"{text}; it may still take effect") from error
            raise StoreUnavailable(f"nothing was sent: {text}") from error

    put = partialmethod(_write, "PUT")
    post = partialmethod(_write, "POST")
    delete = partialmethod(_write, "DELETE")

    async def _answer(self, exchange: "_Exchange", callback: Callback, seconds: float) -> Answer:
        async with asyncio.timeout(seconds), self._connections:
            sent, sent_at = self._clock.monotonic(), self._clock.now()
            response = await self._client.request(
                exchange.method,
                self.uri(exchange.path, exchange.query),
                content=exchange.content,
                extensions={"trace": exchange.trace},
            )
        if not exchange.waits:
            self._note_clock(sent_at, response)
        return Answer(response.status_code, exchange.read(response, callback), sent)

    def _query(self, path: str, params: Parameters | None) -> list[tuple[str, Any]]:
        """What py-consul asks, in the datacenter of the endpoint where it names none.

        A transaction of checks alone is a read to Consul, which a leader cut off from its followers answers
        from memory; `consistent` makes it ask them. Of a transaction that writes it changes nothing.
        """
        query = [*(params or ())]
        if self._datacenter and "dc" not in dict(query):
            query.append(("dc", self._datacenter))
        if path == _TRANSACTION:
            query.append(("consistent", "1"))
        return query

    def _read_seconds(self, query: Parameters) -> float:
        wait = dict(query).get("wait")
        if wait is None:
            return self._deadlines.read_seconds
        return _seconds(wait) * (1 + _WAIT_SPREAD) + self._deadlines.watch_extra_seconds

    def _note_clock(self, sent_at: datetime, response: httpx.Response) -> None:
        try:
            date = parsedate_to_datetime(response.headers["Date"])
            self.clock_offset_seconds = least_offset_seconds(sent_at, self._clock.now(), date)
        except (KeyError, TypeError, ValueError):  # somebody between us and Consul; the former figure stands
            return

    def _text(self, exchange: "_Exchange", error: Exception, seconds: float) -> str:
        what = f"no answer within {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
        reason = what or type(error).__name__
        return f"Consul at {self._where}: {exchange.method} {exchange.path}: {reason[:ERROR_CHARACTERS_MAX]}"


class PyConsul(base.Consul):  # type: ignore[misc]  # py-consul carries no types
    """py-consul's calls over a transport of ours; each one is awaited and gives an `Answer`."""

    def __init__(self, transport: ConsulTransport) -> None:
        self._transport = transport
        super().__init__(host="", port=0, scheme="http", verify=True)

    def http_connect(self, *_address: Any) -> ConsulTransport:
        """The transport; its address is what the endpoint says."""
        return self._transport

    def prepare_headers(self, _token: str | None = None) -> dict[str, str]:
        """None: the transport has the token, and the environment's must not replace it."""
        return {}


def wait_parameter(seconds: float) -> str:
    """A wait as Consul reads it; never zero, which would mean Consul's default of five minutes."""
    return f"{max(1, round(seconds * 1000))}ms"


def least_offset_seconds(sent_at: datetime, received_at: datetime, date: datetime) -> float:
    """The least difference of the clocks, ours minus theirs, that a `Date` of whole seconds allows.

    The answer was dated somewhere between `sent_at` and `received_at` by our clock, and between `date` and a
    second after it by theirs: what lies within that is no difference that anybody could prove.
    """
    lowest = (sent_at - date - _DATE_RESOLUTION).total_seconds()
    highest = (received_at - date).total_seconds()
    return min(max(lowest, 0.0), highest)


@dataclass(slots=True)
class _Exchange:
    """One request, how far it came, and how its answer is read."""

    method: str
    path: str
    query: list[tuple[str, Any]]
    content: bytes | None = None
    begun: bool = False
    """Whether a first byte of it may have left us."""

    @property
    def waits(self) -> bool:
        return any(name == "wait" for name, _ in self.query)

    async def trace(self, event: str, _details: Mapping[str, Any]) -> None:
        """Called by httpcore at each of its steps."""
        self.begun = self.begun or event == _REQUEST_BEGUN

    def read(self, response: httpx.Response, callback: Callback) -> Any:
        """Make of a final answer what py-consul makes of it.

        Raises:
            ConsulException: this is no final answer.
        """
        status = response.status_code
        if self.method != "GET" and status not in _FINAL:
            raise ConsulException(f"{status} {response.text}")
        try:
            body = base.Response(status, response.headers, response.text)
            value = response.json() if status == HTTPStatus.CONFLICT else callback(body)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConsulException(f"{status}, but not in Consul's words: {error!r}") from error
        if response.headers.get("X-Consul-KnownLeader") == "false":
            raise ConsulException("it knows no leader")
        return value


def _client(endpoint: ConsulEndpoint, connections_max: int) -> httpx.AsyncClient:
    headers = {"Accept-Encoding": "identity"}  # the agent is near: packing costs more than it spares
    if endpoint.token:
        headers["X-Consul-Token"] = endpoint.token
    # A call cancelled while it waits for a connection of httpx's pool can take that connection with it for
    # good. So callers wait at a semaphore, and nobody ever waits in the pool.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections_max)
    return httpx.AsyncClient(
        headers=headers,
        timeout=None,  # noqa: S113 - `asyncio.timeout` bounds the whole call, httpx could only bound its parts
        limits=limits,
        verify=endpoint.tls(),
        trust_env=False,
    )


def _seconds(wait: str) -> float:
    return float(wait.removesuffix("ms")) / 1000
