"""The API over fakes, in this process: one application and one client per test."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, async_playwright

from controlplane.api.app import create_app
from controlplane.console.app import console_routes
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.browsing import CHROMIUM, FLAGS
from tests.web.pictures import GOOD, HISTORY
from tests.web.serving import served
from tests.web.switch_pictures import SWITCHES

PUBLIC_URL = "http://controlplane.test"

Connect = Callable[[str | None], httpx.AsyncClient]


@pytest.fixture
def fakes() -> FakeDoors:
    doors = FakeDoors()
    doors.queries.picture = GOOD
    doors.queries.history = HISTORY
    doors.switches.picture = SWITCHES
    return doors


@pytest.fixture
def application(fakes: FakeDoors) -> FastAPI:
    return create_app(fakes.doors(), clock=FakeClock(), public_url=PUBLIC_URL)


@pytest.fixture
async def connect(application: FastAPI) -> AsyncIterator[Connect]:
    """Makes a client that shows the token of a role, or none."""
    transport = httpx.ASGITransport(application)
    clients: list[httpx.AsyncClient] = []

    def client(role: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {role}-token"} if role else {}
        clients.append(httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers))
        return clients[-1]

    yield client
    for opened in clients:
        await opened.aclose()


@pytest.fixture
def viewer(connect: Connect) -> httpx.AsyncClient:
    return connect("viewer")


@pytest.fixture
def operator(connect: Connect) -> httpx.AsyncClient:
    return connect("operator")


@pytest.fixture
def admin(connect: Connect) -> httpx.AsyncClient:
    return connect("admin")


@pytest.fixture
def stranger(connect: Connect) -> httpx.AsyncClient:
    return connect(None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def url(fakes: FakeDoors) -> AsyncIterator[str]:
    """The console over fakes on a real socket; ends with a slash."""
    pages = console_routes(fakes.doors(), clock=FakeClock())
    app = create_app(fakes.doors(), clock=FakeClock(), public_url="http://localhost", pages=pages)
    async with served(app) as address:
        yield f"{address}/"
