"""Owns how a web application says `Controlplane-Applied`: a wrapper for ASGI and one for WSGI, no framework.

Wrap the health endpoint's application where others are open to the public, or name its path.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from controlplane.client.face import Face
from controlplane.contract.applied import APPLIED_HEADER

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def applied_asgi(app: AsgiApp, client: Face, *, path: str | None = None) -> AsgiApp:
    """`app`, with the header on every HTTP response, or on those of one path."""

    async def wrapped(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (APPLIED_HEADER.lower().encode(), client.applied_header().encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        wanted = scope["type"] == "http" and path in (None, scope["path"])
        await app(scope, receive, send_with_header if wanted else send)

    return wrapped


def applied_wsgi(app: WsgiApp, client: Face, *, path: str | None = None) -> WsgiApp:
    """`app`, with the header on every response, or on those of one path."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start_with_header(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, [*headers, (APPLIED_HEADER, client.applied_header())], *exc_info)

        wanted = path in (None, environ.get("PATH_INFO"))
        return app(environ, start_with_header if wanted else start_response)

    return wrapped
