"""People on real processes: let in while PostgreSQL is away, known to every replica, out once removed."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.consul import ConsulAccess
from tests.fixtures.postgres import OwnPostgres
from tests.scenarios.outages import How, away
from tests.scenarios.plane import Plane
from tests.scenarios.waiting import eventually

pytestmark = pytest.mark.services

PASSWORD = "correct horse battery"
PAGE_SECONDS_MAX = 20.0
REMOVED_SECONDS_MAX = 30.0
"""Promised are 5 s; the machine may be busy."""

Ask = Callable[[], Coroutine[Any, Any, httpx.Response]]


@asynccontextmanager
async def browser(plane: Plane, cookies: httpx.Cookies | None = None) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=plane.api, cookies=cookies, timeout=PAGE_SECONDS_MAX, trust_env=False, verify=False
    ) as client:
        yield client


async def log_in(client: httpx.AsyncClient, name: str = "alice", password: str = PASSWORD) -> httpx.Response:
    found = re.search(r'name="csrf" value="([^"]*)"', (await client.get("/login")).text)
    assert found
    fields = {"csrf": unescape(found.group(1)), "next": "/", "name": name, "password": password}
    return await client.post("/login", data=fields)


async def admin(plane: Plane, method: str, path: str, **body: str) -> None:
    headers = {"Authorization": f"Bearer {plane.runtime.token}"}
    async with browser(plane) as client:
        answer = await client.request(method, f"/api/v1{path}", json=body or None, headers=headers)
    assert answer.status_code == 200, answer.text


def page(client: httpx.AsyncClient) -> Ask:
    return lambda: client.get("/")


@pytest.mark.parametrize("how", How)
async def test_known_users_log_in_without_postgres_and_after_a_restart_without_it(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path, how: How
) -> None:
    """The console is there when it is needed; whoever was never known stays out."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    await plane.start()
    try:
        await admin(plane, "PUT", "/users/alice", role="operator", password=PASSWORD)
        async with away(own_postgres, how), browser(plane) as client:
            assert (await log_in(client, "bob")).status_code == 403
            assert (await log_in(client)).status_code == 303
            shown = await eventually(page(client), lambda answer: "PostgreSQL does not answer" in answer.text)
            assert shown.status_code == 200
            await plane.stop()
            await plane.start()
            assert (await client.get("/")).status_code == 200, "the session goes on"
            client.cookies.clear()
            assert (await log_in(client)).status_code == 303, "and a new one begins"
    finally:
        await plane.stop()

    assert PASSWORD not in plane.log.read_text()


async def test_replicas_with_one_key_know_each_others_sessions_and_end_them(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session of one replica is one of the other; a removed user is out on both."""
    monkeypatch.setenv("CONTROLPLANE_SECRET_KEY", "a key of at least 32 characters, made for this test")
    options: dict[str, Any] = {"consul": consul.address, "prefix": consul.prefix, "database": postgres_url}
    one, two = Plane(tmp_path / "one", **options), Plane(tmp_path / "two", **options, probers=0)
    try:
        await one.start()
        await two.start()
        await admin(one, "PUT", "/users/alice", role="viewer", password=PASSWORD)
        async with browser(one) as here:
            await log_in(here)
            async with browser(two, here.cookies) as there:
                await eventually(page(there), lambda answer: answer.status_code == 200)
                await admin(one, "DELETE", "/users/alice")
                assert (await here.get("/")).status_code == 303
                await eventually(
                    page(there), lambda answer: answer.status_code == 303, seconds=REMOVED_SECONDS_MAX
                )
    finally:
        await one.stop()
        await two.stop()
