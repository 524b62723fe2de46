"""Owns which pages travel compressed: all, except those that another site had the browser ask for.

How well a page compresses tells whoever can see its size whether a text that they had put into its address
also stands elsewhere in it (BREACH). That takes many requests in the visitor's name, with texts of their
choice; they can only come from another site, and browsers say so. Where a browser says nothing (an old one,
or no TLS and thus no secret), the page travels as it is. The one secret in pages, the token of forms, is
masked besides.
"""

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from controlplane.console.forms import OWN_SITES

LEVEL = 5
"""Half of the time of the highest, for a fifteenth more bytes."""


class Compression:
    """ASGI middleware: compresses what is asked for by pages of ours, or by the visitor directly."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        is_ours = Headers(scope=scope).get("sec-fetch-site") in OWN_SITES
        await (self._compressed if is_ours else self._plain)(scope, receive, send)
