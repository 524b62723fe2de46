"""Owns how a request reaches the replica that leads: one hop over HTTP within a deadline, never repeated."""

import asyncio
import secrets

import httpx

from controlplane.application.ports import RelayNotSent, RelayUnanswered
from controlplane.application.ports.relay import FORWARDED_HEADER, RelayedAnswer, RelayedRequest

TIMEOUT_SECONDS = 2.0
CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_BYTES_MAX = 1024 * 1024

_SPAN_ID_BYTES = 8
_SAMPLED = "01"
_TIMEOUT = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
_NOTHING_WAS_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)


class HttpRelay:
    """The port `Relay`, over HTTP."""

    async def ask(self, address: str, request: RelayedRequest) -> RelayedAnswer:
        """Hand a request on to the replica at this address; redirects are answers like all others.

        Raises:
            RelayNotSent: it is not reachable; nothing was done there.
            RelayUnanswered: it was sent and no answer came in time; what it asks for may still be done.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await _ask(address, request)
        except _NOTHING_WAS_SENT as error:
            raise RelayNotSent(_words(error)) from error
        except (TimeoutError, httpx.HTTPError) as error:
            raise RelayUnanswered(_words(error)) from error


async def _ask(address: str, request: RelayedRequest) -> RelayedAnswer:
    traceparent = f"00-{request.trace_id}-{secrets.token_hex(_SPAN_ID_BYTES)}-{_SAMPLED}"
    headers = {**request.headers, FORWARDED_HEADER: "1", "traceparent": traceparent}
    url = address.rstrip("/") + request.path
    async with (
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client,
        client.stream(request.method, url, content=request.body, headers=headers) as answer,
    ):
        return RelayedAnswer(answer.status_code, dict(answer.headers), await _bounded(answer))


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise httpx.DecodingError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
