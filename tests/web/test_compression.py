"""What travels compressed, and what of a page tells nothing by its size."""

from collections.abc import AsyncIterator

import httpx
import pytest

from controlplane.console.masks import masked, unmasked
from tests.fakes.doors import FakeDoors
from tests.web.visiting import hidden, visiting

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
async def visitor(fakes: FakeDoors) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is logged in."""
    async with visiting(fakes) as client:
        yield client


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_pages_that_ours_ask_for_travel_compressed(visitor: httpx.AsyncClient, site: str):
    """By a link, by a script of ours, or typed."""
    response = await visitor.get("/", headers={**GZIP, "Sec-Fetch-Site": site})

    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < len(response.content) / 2
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {}])
async def test_pages_that_another_site_may_have_asked_for_do_not(
    visitor: httpx.AsyncClient, headers: dict[str, str]
):
    """Their size is that of what is in them, however much of it is alike."""
    short = await visitor.get("/search?q=abcdefgh", headers={**GZIP, **headers})
    alike = await visitor.get("/search?q=controlp", headers={**GZIP, **headers})

    assert "content-encoding" not in short.headers
    assert len(short.content) == len(alike.content)


async def test_a_browser_that_cannot_gets_pages_as_they_are(visitor: httpx.AsyncClient):
    """Compression is asked for."""
    response = await visitor.get("/", headers={"Accept-Encoding": "identity", "Sec-Fetch-Site": "none"})

    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("name", ["console.css", "live.js"])
async def test_static_files_travel_compressed_whoever_asks(visitor: httpx.AsyncClient, name: str):
    """There is nothing secret in them; one that the browser has does not travel again."""
    response = await visitor.get(f"/static/{name}", headers={**GZIP, "Sec-Fetch-Site": "cross-site"})
    again = await visitor.get(f"/static/{name}", headers={**GZIP, "If-None-Match": response.headers["etag"]})

    assert response.headers["content-encoding"] == "gzip"
    assert (again.status_code, again.content) == (304, b"")


async def test_the_token_of_forms_never_looks_the_same_twice(visitor: httpx.AsyncClient):
    """It is the same token under another mask."""
    first, second = [hidden((await visitor.get("/")).text, "csrf") for _ in range(2)]

    assert first != second
    assert unmasked(first) == unmasked(second) != b""


@pytest.mark.parametrize("token", ["", "plain", "a-viewer.x_y-z", "é"])
def test_what_is_masked_comes_back(token: str):
    """Whatever the token is made of."""
    assert unmasked(masked(token)) == token.encode()


@pytest.mark.parametrize("text", ["", "é", "=", "a", "abc", "not base 64!", "AAAA", "AAAAA"])
def test_what_has_no_mask_is_no_token(text: str):
    """Anything may be typed into a field; none of it is the beginning of a token."""
    assert len(unmasked(text)) < len(text) or text == ""
