"""Owns the wire between a cell's reader and Consul: it can be cut, as a partition of the network cuts it."""

import asyncio

import httpx

CUT_OFF_SECONDS = 2.0
"""How long a request into the void waits before it is given up, like a connection attempt."""


class SeverableTransport(httpx.AsyncBaseTransport):
    """A real transport with a fault in the middle. Answers that arrive while it is cut are lost."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.severed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, unless the wire is cut.

        Raises:
            httpx.TransportError: it is, before or after.
        """
        if self.severed:
            await asyncio.sleep(CUT_OFF_SECONDS)
            raise httpx.ConnectTimeout("cut off", request=request)
        return await self._arrived(await self._inner.handle_async_request(request), request)

    async def _arrived(self, response: httpx.Response, request: httpx.Request) -> httpx.Response:
        if not self.severed:
            return response
        await response.aclose()
        raise httpx.ReadTimeout("cut off while waiting", request=request)

    async def aclose(self) -> None:
        """Close the real transport."""
        await self._inner.aclose()
