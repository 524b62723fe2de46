"""Owns the outermost edge of a request: the one place that catches everything."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.api.problems import ProblemResponse

logger = logging.getLogger(__name__)


class Recovery:
    """ASGI middleware: logs what nobody foresaw and answers 500 without a word about our insides."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and answer what it fails with, unless a page has answered that already."""
        begun = ended = False

        async def watched_send(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            logger.exception("request failed", extra={"method": scope["method"], "path": scope["path"]})
            if begun and not ended:
                raise
            if not begun:
                await _internal_error()(scope, receive, send)


def _internal_error() -> ProblemResponse:
    return ProblemResponse(
        500,
        "internal_error",
        "This is a fault of the control plane; its log explains it under this trace id.",
    )
