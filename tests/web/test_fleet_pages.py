"""The pages of the fleet as text: what they say of services and instances, now and before."""

import re
from dataclasses import replace
from html import unescape

import httpx
import pytest

from controlplane.domain.fleet import Definitions, Fleet, Instance, Service
from controlplane.domain.report import FAILING_IDS_MAX
from tests.fakes.doors import FakeDoors
from tests.probe_histories import NOW, block, series, turn, upload
from tests.web.fleet_pictures import furnish
from tests.web.pictures import VANTAGES
from tests.web.test_pages import HERE, HOSTILE, application

PAST = "from=2026-01-12T09:25&to=2026-01-12T09:30"


@pytest.fixture
async def visitor(fakes: FakeDoors):
    await furnish(fakes)
    transport = httpx.ASGITransport(application(fakes))
    cookies = fakes.people.cookies("viewer")
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


async def words(client: httpx.AsyncClient, path: str) -> str:
    """What a person reads: the page without its markup, in one line."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def test_the_fleet_shows_trouble_first(visitor: httpx.AsyncClient):
    """Services with instances down come first, each region with its denominator and where it is active."""
    text = await words(visitor, "/fleet")

    assert text.index("checkout 3 instances · group checkout") < text.index("search 1 instance · no group")
    assert "us-east 1 of 2 up ACTIVE 1 down" in text
    assert "eu-west 1 of 1 up 1 degraded" in text
    assert "1, not judged" in text


async def test_a_service_is_found_by_a_part_of_its_name(visitor: httpx.AsyncClient):
    """The filter stands in the address, and says when nothing is like that."""
    assert "checkout 3 instances" not in await words(visitor, "/fleet?q=sea")
    assert "No service has “nothing” in its name." in await words(visitor, "/fleet?q=nothing")


async def test_a_service_shows_its_regions_over_time_and_its_instances(visitor: httpx.AsyncClient):
    """Each region with its sums, the failing instance first, and how it is probed."""
    text = await words(visitor, f"/fleet/checkout?{PAST}")

    assert "60 % available: 3 of 5 probes succeeded; half within" in text
    assert "1 faults of ours, which count for nothing" in text
    assert text.index("checkout-us-1") < text.index("checkout-us-2")
    assert "fails, seen from 2 vantages us-1, eu-1" in text
    assert "application: http /health every 2 s, within 1 s; up after 2, down after 3" in text


async def test_instances_are_narrowed_by_region_and_name(visitor: httpx.AsyncClient):
    """A region, a part of an id, or both."""
    assert "checkout-us-2" not in await words(visitor, "/fleet/checkout?region=eu-west")
    assert "checkout-us-1" not in await words(visitor, "/fleet/checkout?q=us-2")


async def test_an_instance_shows_its_health_and_latency_over_time(visitor: httpx.AsyncClient):
    """What is seen now, the sums, a row per minute, and each change of health with its cause."""
    text = await words(visitor, f"/instances/checkout-us-1?{PAST}")

    assert "fails, seen from 2 vantages" in text
    assert "The same as a table: 2 rows" in text
    assert "us-1 up down api: timeout: no answer within 1 s" in text


async def test_a_drawing_breaks_where_nothing_was_probed(visitor: httpx.AsyncClient):
    """A gap between minutes is a gap in the line; failures stand as bars."""
    page = (await visitor.get(f"/instances/checkout-us-1?{PAST}")).text

    assert page.count('<polyline class="p95"') == 2
    assert page.count('<rect class="failed"') == 2


async def test_what_is_no_longer_defined_has_its_past(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """An instance that left the fleet is shown from history, and says so."""
    await fakes.history.store(upload([(series("checkout-old"), block(NOW - 2))], first=50))

    assert "It is not defined any more; this is its past." in await words(visitor, "/instances/checkout-old")


@pytest.mark.parametrize("path", ["/fleet/nothing", "/instances/nothing"])
async def test_what_is_not_there_is_a_page(visitor: httpx.AsyncClient, path: str):
    """404, with what is asked for and where to look."""
    answer = await visitor.get(path)

    assert answer.status_code == 404
    assert "nothing" in answer.text
    assert "The fleet lists them all." in answer.text


async def test_the_present_stands_while_history_is_away(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """Without PostgreSQL the page has the present, and one sentence for the past."""
    fakes.history.away = True

    for path in ("/fleet/checkout", "/instances/checkout-us-1"):
        text = await words(visitor, path)
        assert "fails, seen from 2 vantages" in text
        assert "PostgreSQL does not answer in time." in text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("from=yesterday", "“from” is no moment"),
        ("from=now&to=now-1h", "“from” lies before “to”"),
        ("from=2020-01-01", "by 400 days at most"),
        ("to=now-1x", "“to” is no moment"),
        ("from=9999-12-31T23:59:59-23:00", "lies before"),
        ("from=now-99999w", "by 400 days"),
    ],
)
async def test_a_time_that_cannot_be_is_told(visitor: httpx.AsyncClient, query: str, why: str):
    """422 with what is allowed."""
    answer = await visitor.get(f"/instances/checkout-us-1?{query}")

    assert answer.status_code == 422
    assert why in answer.text


@pytest.mark.parametrize(
    "query", ["from=now-6h", "from=now-7d", "from=now-30d", "from=2025-12-31T23:00&to=now"]
)
async def test_a_time_is_relative_or_fixed(visitor: httpx.AsyncClient, query: str):
    """Minutes, hours or days, whichever makes some hundred points; what was typed stays typed."""
    answer = await visitor.get(f"/instances/checkout-us-1?{query}")

    assert answer.status_code == 200
    assert f'value="{query.partition("=")[2].partition("&")[0]}"' in answer.text


async def test_too_many_failing_instances_are_not_taken_for_good_ones(
    visitor: httpx.AsyncClient, fakes: FakeDoors
):
    """A report names fifty at most: who is not among them is not known."""
    many = tuple(f"other-{number}" for number in range(FAILING_IDS_MAX))
    picture = fakes.queries.picture
    fakes.queries.picture = replace(picture, vantages=(replace(VANTAGES[0], failing=many),))

    assert "not known" in await words(visitor, "/instances/checkout-us-2")


async def test_long_lists_come_in_pages(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """A hundred rows at a time; the filter goes along."""
    instances = tuple(Instance(f"big-{number}", "us-east", "10.0.0.1", 80) for number in range(250))
    fakes.registry.definitions = Definitions(8, Fleet(services=(Service("big", instances=instances),)))
    answers = [await words(visitor, f"/fleet/big?q=big&page={page}") for page in (1, 2, 3, "x", 99)]

    assert [re.search(r"(\d+ to \d+) of 250", text)[1] for text in answers] == [  # type: ignore[index]
        "1 to 100",
        "101 to 200",
        "201 to 250",
        "1 to 100",
        "201 to 250",
    ]
    assert "/fleet/big?q=big&amp;page=3" in (await visitor.get("/fleet/big?q=big&page=2")).text


async def test_what_has_one_name_is_gone_to(visitor: httpx.AsyncClient):
    """A search with one hit leads there; with several it lists them by kind; with none it says so."""
    only = await visitor.get("/search?q=checkout-eu")
    several = await words(visitor, "/search?q=checkout")

    assert (only.status_code, only.headers["location"]) == (303, "/instances/checkout-eu-1")
    assert "Services 1 checkout" in several
    assert "checkout/recommendations" in several
    assert "Nothing has that in its name." in await words(visitor, "/search?q=zzz")
    assert "Type a part of the name" in await words(visitor, "/search")


async def test_nothing_that_others_wrote_becomes_markup(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile ids, addresses, details and what is typed into filters stay text."""
    service = Service("checkout", instances=(Instance(HOSTILE, "us-east", HOSTILE, 80),))
    fakes.registry.definitions = Definitions(8, Fleet(services=(service,)))
    bad = replace(turn(seconds=-20), detail=HOSTILE, check=HOSTILE)
    await fakes.history.store(upload([], turns=[bad], first=90))

    for path in ("/fleet", "/fleet/checkout", "/instances/checkout-us-1", "/search"):
        page = (await visitor.get(f"{path}?{PAST}", params={"q": HOSTILE})).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert '" onload=' not in page


async def test_strangers_see_nothing(visitor: httpx.AsyncClient):
    """Without a session every page of the fleet leads to the log-in."""
    visitor.cookies.clear()

    for path in ("/fleet", "/fleet/checkout", "/instances/checkout-us-1", "/search?q=checkout"):
        answer = await visitor.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
