"""Promises of the wrappers: responses carry the header, and nothing else of the application changes."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from controlplane.client import applied_asgi, applied_wsgi
from controlplane.client.testing import FakeClient
from controlplane.contract.applied import APPLIED_HEADER

PATHS = [
    (None, "/health", True),
    (None, "/cart", True),
    ("/health", "/health", True),
    ("/health", "/cart", False),
]


@pytest.fixture
def client() -> FakeClient:
    return FakeClient(service="checkout", switches={"recommendations": True}, active={"checkout": "us-east"})


async def asgi_app(scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 418, "headers": headers})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.mark.parametrize(("path", "asked", "carried"), PATHS)
async def test_asgi_responses_carry_the_header(client, path, asked, carried):
    """Status, headers and body are the application's; the header stands beside them where it is wanted."""
    transport = httpx.ASGITransport(applied_asgi(asgi_app, client, path=path))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        answer = await http.get(asked)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (418, "text/plain", asked)
    assert answer.headers.get(APPLIED_HEADER) == (client.applied_header() if carried else None)


async def test_what_is_not_http_passes_untouched(client):
    """Lifespan and websocket messages are none of the wrapper's business, even if they have no path."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    await applied_asgi(app, client, path="/health")({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.complete"}]


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("418 I'm a teapot", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


@pytest.mark.parametrize(("path", "asked", "carried"), PATHS)
def test_wsgi_responses_carry_the_header(client, path, asked, carried):
    """Status, headers and body are the application's; the header stands beside them where it is wanted."""
    transport = httpx.WSGITransport(applied_wsgi(wsgi_app, client, path=path))
    with httpx.Client(transport=transport, base_url="http://service") as http:
        answer = http.get(asked)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (418, "text/plain", asked)
    assert answer.headers.get(APPLIED_HEADER) == (client.applied_header() if carried else None)
