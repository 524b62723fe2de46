"""Owns a small HTTP/1.1 server for the demo: it can be closed, made deaf and opened again on the same port.

It is ours because its business is to misbehave below HTTP: to refuse, to hang, to let the kernel's queue
fill.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

LOOPBACK = "127.0.0.1"
HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 64 * 1024
IDLE_SECONDS_MAX = 60.0
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A JSON answer."""

    status: HTTPStatus
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The answer as it goes over the wire."""
        body = json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


Handler = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; None closes the connection without an answer."""


class Listener:
    """One port on loopback. `port` 0 lets the kernel choose; `port` tells which it was once it is open."""

    def __init__(self, port: int, handler: Handler) -> None:
        self.port = port
        self._handler = handler
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Accept connections, again if need be.

        Raises:
            OSError: the port is taken.
        """
        if self._socket is None:
            self._socket = _bound(self.port)
            self.port = self._socket.getsockname()[1]
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, sock=self._socket.dup(), limit=HEAD_BYTES_MAX, backlog=_BACKLOG
            )

    async def deafen(self) -> None:
        """Accept nothing more while the port stays bound: who connects waits in the kernel's queue."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Refuse connections and break off those that are open."""
        await self.deafen()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        await self.break_off()

    async def break_off(self) -> None:
        """End every open connection without an answer."""
        connections = [*self._connections]
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError):
                while await self._exchange(reader, writer):
                    pass
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; says whether another may follow."""
        async with asyncio.timeout(IDLE_SECONDS_MAX):
            request = await _read(reader)
        response = await self._handler(request)
        if response is None:
            return False
        writer.write(response.to_bytes())
        async with asyncio.timeout(IDLE_SECONDS_MAX):
            await writer.drain()
        return request.headers.get("connection", "").lower() != "close"


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
        bound.setblocking(False)  # noqa: FBT003 - the signature is the library's
    except OSError:
        bound.close()
        raise
    return bound


async def _read(reader: asyncio.StreamReader) -> Request:
    """One request.

    Raises:
        EOFError: the other side is done.
        ValueError: it is no request, or too large.
    """
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _version = head.split(" ")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if length > BODY_BYTES_MAX:
        raise ValueError(f"a body of {length} bytes, at most {BODY_BYTES_MAX} are read")
    return Request(method, path, headers, await reader.readexactly(length))
