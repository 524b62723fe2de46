"""Which readers have applied what is in force, as programs read it."""

from dataclasses import replace

import httpx

from controlplane.application.confirm_views import SpreadView
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import confirmation, straggler
from tests.web.pictures import GOOD

URL = "/api/v1/confirmations"


async def test_every_document_is_listed_as_of_a_moment(viewer: httpx.AsyncClient):
    """The list says of each document how many of its instances confirm it."""
    body = (await viewer.get(URL)).json()

    assert body["as_of"] == GOOD.as_of
    assert [(one["name"], one["confirmed"], one["instances"]) for one in body["confirmations"]] == [
        ("checkout", 30, 30),
        ("catalog", 15, 15),
    ]


async def test_one_document_tells_everything(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Counts, times, stragglers with their words, and from where they were heard."""
    nack = straggler("pay-2", "nack", "refuses 17, rate: not a float", revision=16)
    view = confirmation(
        "payments",
        nack,
        kind="switches",
        instances=3,
        revision=17,
        counts={"nack": 1, "confirmed": 2},
        took=SpreadView(210, 800, 900),
    )
    fakes.queries.picture = replace(GOOD, confirmations=(view,))

    assert (await viewer.get(f"{URL}/switches/payments")).json() == {
        "kind": "switches",
        "name": "payments",
        "revision": 17,
        "instances": 3,
        "confirmed": 2,
        "counts": {"nack": 1, "confirmed": 2},
        "took": {"p50_ms": 210, "p95_ms": 800, "max_ms": 900},
        "stragglers": [
            {
                "instance": "pay-2",
                "region": "us-east",
                "ack": "nack",
                "revision": 16,
                "text": "refuses 17, rate: not a float",
                "vantage": "us-1",
            }
        ],
        "vantages": ["us-1", "eu-1", "ap-1"],
    }


async def test_the_status_holds_them_too(viewer: httpx.AsyncClient):
    """One request tells the whole."""
    body = (await viewer.get("/api/v1/status")).json()

    assert [one["name"] for one in body["confirmations"]] == ["checkout", "catalog"]


async def test_an_unknown_document_is_answered_with_the_known_ones(viewer: httpx.AsyncClient):
    """404 names the documents there are."""
    response = await viewer.get(f"{URL}/switches/checkout")

    assert (response.status_code, response.json()["code"]) == (404, "unknown_document")
    assert response.json()["detail"] == (
        "There is no document switches/checkout; documents: failover/checkout, failover/catalog."
    )


async def test_an_unknown_kind_is_a_mistake(viewer: httpx.AsyncClient):
    """There are two kinds of documents."""
    assert (await viewer.get(f"{URL}/weather/checkout")).status_code == 422
