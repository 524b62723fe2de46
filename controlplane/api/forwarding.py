"""Owns the one hop of an act to the leader: never twice, within a deadline, honest about what is not known.

The leader sees the caller's own token, `If-Match` and `Idempotency-Key`, so it decides as if it had been
asked directly, and its answer is passed on as it came.
"""

import asyncio

import httpx
from starlette.requests import Request
from starlette.responses import Response

from controlplane.api.outcomes import unknown
from controlplane.api.problems import ProblemResponse
from controlplane.api.schemas.acts import UnknownAnswer
from controlplane.api.tracing import traceparent
from controlplane.application.doors import NotLeading

FORWARD_TIMEOUT_SECONDS = 2.0
CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_BYTES_MAX = 1024 * 1024
FORWARDED_HEADER = "Controlplane-Forwarded"

_TIMEOUT = httpx.Timeout(FORWARD_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
_PASSED_ON = ("authorization", "content-type", "idempotency-key", "if-match")
_NOTHING_WAS_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)


def writes_nothing(request: Request) -> None:
    """A route's mark: a lost answer leaves nothing unknown."""
    request.state.writes_nothing = True


async def forward(request: Request, elsewhere: NotLeading) -> Response:
    """Ask the leader instead; 503 `leader_unreachable` where nobody leads or this request came by a hop."""
    if elsewhere.leader_api is None:
        return _unreachable("Nobody leads at the moment; a new leader takes over within seconds.")
    if FORWARDED_HEADER in request.headers:
        return _unreachable("The replica that was named as the leader does not lead any more; ask again.")
    try:
        async with asyncio.timeout(FORWARD_TIMEOUT_SECONDS):
            return await _ask(request, elsewhere.leader_api)
    except _NOTHING_WAS_SENT as error:
        return _unreachable(f"{elsewhere.leader_api}: {_words(error)}. Nothing was done.")
    except (TimeoutError, httpx.HTTPError) as error:
        return _lost(request, f"{elsewhere.leader_api}: {_words(error)}")


async def _ask(request: Request, leader_api: str) -> Response:
    url = leader_api.rstrip("/") + request.url.path
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    headers |= {FORWARDED_HEADER: "1", "traceparent": traceparent()}
    async with (
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client,
        client.stream(request.method, url, content=await request.body(), headers=headers) as answer,
    ):
        return Response(
            await _bounded(answer), answer.status_code, media_type=answer.headers.get("content-type")
        )


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise httpx.DecodingError(f"the leader's answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _lost(request: Request, text: str) -> Response:
    """The leader was asked and did not answer."""
    if getattr(request.state, "writes_nothing", False):
        return _unreachable(f"{text}. Nothing was done.")
    return unknown(
        UnknownAnswer(
            change_id=None,
            text=f"The leader was asked and did not answer ({text}); the act may still take effect. "
            "Look at the changes, or send it again with the same Idempotency-Key.",
        )
    )


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _unreachable(text: str) -> ProblemResponse:
    return ProblemResponse(503, "leader_unreachable", text, headers={"Retry-After": "5"})
