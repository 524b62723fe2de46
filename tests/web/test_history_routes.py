"""History in pages."""

import httpx
import pytest

from controlplane.application.ports import DatabaseUnavailable
from tests.fakes.doors import FakeDoors
from tests.web.pictures import change

CHANGES = "/api/v1/changes"


async def test_pages_follow_one_another_without_gap_or_repeat(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Cursors walk the whole history once, newest first, and end with null."""
    fakes.queries.history = [change(position) for position in range(1, 8)]
    seen: list[int] = []
    cursor: str | None = None
    pages = 0

    while pages == 0 or cursor:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        body = (await viewer.get(CHANGES, params=params)).json()
        seen += [row["position"] for row in body["changes"]]
        cursor, pages = body["next_cursor"], pages + 1

    assert (seen, pages) == ([7, 6, 5, 4, 3, 2, 1], 3)


async def test_a_full_last_page_has_no_cursor(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Nobody is sent for an empty page."""
    fakes.queries.history = [change(1), change(2)]

    assert (await viewer.get(CHANGES, params={"limit": 2})).json()["next_cursor"] is None


async def test_history_of_one_document_is_asked_by_kind_and_name(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """The filters leave only that document's rows."""
    fakes.queries.history = [change(1), change(2, name="catalog"), change(3)]

    body = (await viewer.get(CHANGES, params={"kind": "failover", "name": "catalog"})).json()

    assert [row["position"] for row in body["changes"]] == [2]


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"cursor": "-1"}, {"kind": "other"}, {"name": "A b"}],
)
async def test_bounds_are_told_with_the_parameter(viewer: httpx.AsyncClient, params: dict[str, str]):
    """A parameter out of bounds is named."""
    response = await viewer.get(CHANGES, params=params)

    assert response.status_code == 422
    assert [mistake["path"] for mistake in response.json()["mistakes"]] == [f"query.{next(iter(params))}"]


async def test_history_waits_for_the_database(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """While PostgreSQL is away history is 503, and the status still answers."""
    fakes.queries.failure = DatabaseUnavailable("connection refused")

    assert (await viewer.get(CHANGES)).json()["code"] == "database_unavailable"
    assert (await viewer.get("/api/v1/status")).status_code == 200
