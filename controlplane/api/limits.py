"""Owns how much a request may send and how long it may take.

FastAPI's own limit of bodies may answer in plain text; ours leaves every answer to the place that writes
problems. The size of headers is bounded by the server (`api.server`).
"""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.api.problems import ProblemError, ProblemResponse

BODY_BYTES_MAX = 64 * 1024
FLEET_FILE_BYTES_MAX = 4 * 1024 * 1024
PROBE_HISTORY_BYTES_MAX = 2 * 1024 * 1024
"""A prober sends 256 KiB; a single record is at most 1 MiB."""
REQUEST_TIMEOUT_SECONDS = 15.0
STREAM_SEND_SECONDS_MAX = 15.0
"""How long a reader of a stream may take to take up what was sent; then the stream ends."""
_STREAM_MEDIA_TYPE = "text/event-stream"


class BodyLimit:
    """ASGI middleware: counts the bytes that really arrive, whatever `Content-Length` says.

    The limit strikes while the body is read, as a `ProblemError` with status 413.
    """

    def __init__(self, app: ASGIApp, *, by_path: Mapping[str, int]) -> None:
        self._app = app
        self._by_path = by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within the limit."""
        limit = self._by_path.get(scope["path"], BODY_BYTES_MAX)
        size = 0

        async def counted_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise ProblemError(413, "body_too_large", f"At most {limit} bytes are allowed here.")
            return message

        await self._app(scope, counted_receive, send)


class Deadline:
    """ASGI middleware: ends a request, whether its body or its answer is what is late.

    A stream of events may last; what is limited there is each message by itself.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within the limit."""
        answering = streaming = False
        deadline = asyncio.timeout(self._seconds)

        async def watched_send(message: Message) -> None:
            nonlocal answering, streaming
            answering, streaming = True, streaming or _starts_stream(message)
            if streaming:
                deadline.reschedule(asyncio.get_running_loop().time() + STREAM_SEND_SECONDS_MAX)
            await send(message)
            if streaming:
                deadline.reschedule(None)

        try:
            async with deadline:
                await self._app(scope, receive, watched_send)
        except TimeoutError:
            if streaming and deadline.expired():
                return
            if answering or not deadline.expired():
                raise
            await _timed_out(self._seconds)(scope, receive, send)


def _starts_stream(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return Headers(raw=message["headers"]).get("content-type", "").startswith(_STREAM_MEDIA_TYPE)


def _timed_out(seconds: float) -> ProblemResponse:
    return ProblemResponse(
        503,
        "timed_out",
        f"No answer within {seconds:g} s. An act that was under way may still take effect: "
        "look at the changes before you ask again.",
    )
