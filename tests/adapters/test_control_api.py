"""What every `DefinitionsSource` keeps, and how a prober takes whatever a control API may answer."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from controlplane.adapters.control_api import DEFINITIONS_BYTES_MAX, ControlApi
from controlplane.application.fleet_file import fleet_to_mapping
from controlplane.application.ports import ControlUnavailable, DefinitionsSource
from controlplane.domain.fleet import Definitions
from tests.application.fleets import fleet
from tests.fakes.probes import FakeControlApi

TOKEN = "prober-token"
DEFINITIONS = Definitions(7, fleet())

Handler = Callable[[httpx.Request], httpx.Response]


def control(handler: Handler) -> ControlApi:
    return ControlApi(url="http://10.0.0.1:8600", token=TOKEN, transport=httpx.MockTransport(handler))


def served(request: httpx.Request) -> httpx.Response:
    """The control plane as its API documents it."""
    assert request.url == "http://10.0.0.1:8600/api/v1/registry/definitions"
    if request.headers["Authorization"] != f"Bearer {TOKEN}":
        return httpx.Response(401)
    tag = f'"{DEFINITIONS.revision}"'
    if request.headers["If-None-Match"] == tag:
        return httpx.Response(304, headers={"ETag": tag})
    body = {"revision": DEFINITIONS.revision, "fleet": fleet_to_mapping(DEFINITIONS.fleet)}
    return httpx.Response(200, json=body, headers={"ETag": tag})


@asynccontextmanager
async def fake(*, away: bool) -> AsyncIterator[DefinitionsSource]:
    source = FakeControlApi(DEFINITIONS)
    source.away = away
    yield source


@asynccontextmanager
async def real(*, away: bool) -> AsyncIterator[DefinitionsSource]:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed")

    async with control(refuse if away else served) as source:
        yield source


MakeSource = Callable[..., AbstractAsyncContextManager[DefinitionsSource]]
sources = pytest.mark.parametrize("make", [fake, real])


@sources
async def test_definitions_are_fetched_once(make: MakeSource):
    """Who knows nothing, or another revision, gets everything; who knows the current one gets nothing."""
    async with make(away=False) as source:
        assert await source.fetch(-1) == DEFINITIONS
        assert await source.fetch(6) == DEFINITIONS
        assert await source.fetch(7) is None


@sources
async def test_an_absent_control_plane_is_said(make: MakeSource):
    """Without an answer there is one named error."""
    async with make(away=True) as source:
        with pytest.raises(ControlUnavailable):
            await source.fetch(-1)


def answers(status: int, body: bytes = b"") -> Handler:
    return lambda _: httpx.Response(status, content=body)


def breaks_off(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("")


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (answers(401), "answered 401: the token is unknown"),
        (answers(403), "answered 403: the token may not do that"),
        (answers(500), "answered 500: 200 or 304 is wanted"),
        (answers(302), "answered 302: 200 or 304 is wanted"),
        (answers(200, b"<html>"), "no definitions"),
        (answers(200, b"[]"), "no definitions"),
        (answers(200, b'{"revision": 1}'), "no definitions"),
        (answers(200, b'{"revision": null, "fleet": {}}'), "no definitions"),
        (answers(200, b'{"revision": 1, "fleet": []}'), "no definitions"),
        (answers(200, json.dumps({"revision": 1, "fleet": {"regions": 7}}).encode()), "no definitions"),
        (answers(200, b"[" * 100_000), "no definitions"),
        (answers(200, b" " * (DEFINITIONS_BYTES_MAX + 1)), "more than 33554432 bytes"),
        (breaks_off, "ReadTimeout"),
    ],
)
async def test_whatever_is_answered(handler: Handler, text: str):
    """Any other answer is one error that says what, where and what is wanted, without the token."""
    async with control(handler) as source:
        with pytest.raises(ControlUnavailable) as caught:
            await source.fetch(-1)
    assert text in str(caught.value)
    assert "/api/v1/registry/definitions" in str(caught.value)
    assert TOKEN not in str(caught.value)
