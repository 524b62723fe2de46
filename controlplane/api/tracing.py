"""Owns the trace id of a request: taken from `traceparent` (W3C Trace Context), or made new.

It stands in every log line of the request, in error answers, in the `Act` (and so in the row of history), and
in the answer's header `Controlplane-Trace-Id`.
"""

import re
import secrets
from contextvars import ContextVar

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRACE_HEADER = "Controlplane-Trace-Id"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_ID_BYTES = 16

_current: ContextVar[str] = ContextVar("trace_id")


def trace_id() -> str:
    """The trace id of the request under way: 32 hex digits."""
    return _current.get()


class Tracing:
    """ASGI middleware: gives every request its trace id, and every answer the header that names it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its trace id."""
        identifier = _received(Headers(scope=scope)) or secrets.token_hex(_TRACE_ID_BYTES)

        async def traced_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[TRACE_HEADER] = identifier
            await send(message)

        scope.setdefault("state", {})["trace_id"] = identifier  # for pages: they do not know this room
        token = _current.set(identifier)
        try:
            with structlog.contextvars.bound_contextvars(trace_id=identifier):
                await self._app(scope, receive, traced_send)
        finally:
            _current.reset(token)


def _received(headers: Headers) -> str | None:
    match = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return match.group(1) if match else None
