"""What text tests of pages share: somebody who is logged in, what they read, and the forms they send."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from controlplane.api.app import create_app
from controlplane.console.app import console_routes
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors

HERE = "http://localhost:8600"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"' onload=\"alert(2)&amp;{{7*7}}"

Fields = Mapping[str, str | list[str]]


@asynccontextmanager
async def visiting(fakes: FakeDoors, role: str = "viewer") -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen in which somebody of this role is logged in."""
    pages = console_routes(fakes.doors(), clock=FakeClock())
    application = create_app(fakes.doors(), clock=FakeClock(), public_url=HERE, pages=pages)
    transport = httpx.ASGITransport(application)
    cookies = fakes.people.cookies(role)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


async def read(client: httpx.AsyncClient, path: str, *, status_code: int = 200) -> str:
    """What a person reads on a page."""
    response = await client.get(path)
    assert response.status_code == status_code, response.text
    return words(response.text)


def words(page: str) -> str:
    """A page without its markup, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


async def send(client: httpx.AsyncClient, page: str, to: str, fields: Fields) -> httpx.Response:
    """Open a page and send its form, with the token that stands in it."""
    token = hidden((await client.get(page)).text, "csrf")
    return await client.post(to, data={"csrf": token, **fields})


def hidden(page: str, name: str) -> str:
    """What a hidden field of a page holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return html.unescape(found.group(1))


def assert_harmless(page: str, *, times: int) -> None:
    """The hostile text stands on the page so many times at least, and none of it is markup."""
    assert page.count("alert(") >= times, page.count("alert(")
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)
    assert not [tag for tag in tags if re.search(r"<img|\son(error|load)=", re.sub(r'"[^"]*"', "", tag))]
    assert page.count("<script") == 1
    assert not re.search(r"\sstyle=|<style|javascript:", page)
