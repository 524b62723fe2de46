"""The status page as text: what it says and what it never lets through."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from controlplane.api.app import create_app
from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.views import ChangeView, LeaderView, StatusView
from controlplane.console.app import console_routes
from controlplane.console.assets import web_root
from tests.fakes.clock import FakeClock
from tests.fakes.doors import NOTHING, FakeDoors
from tests.web.pictures import DEGRADED, FROZEN, GOOD, HISTORY, hostile, hostile_change

HERE = "http://localhost:8600"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"' onload=\"alert(2)&amp;{{7*7}}"


def application(fakes: FakeDoors) -> FastAPI:
    pages = console_routes(fakes.doors(), clock=FakeClock())
    return create_app(fakes.doors(), clock=FakeClock(), public_url=HERE, pages=pages)


@pytest.fixture
async def browser(fakes: FakeDoors):
    transport = httpx.ASGITransport(application(fakes))
    cookies = fakes.people.cookies("viewer")
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


async def words(client: httpx.AsyncClient) -> str:
    """What a person reads: the page without its markup, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", (await client.get("/")).text).split())


def test_the_pages_are_found_where_they_are():
    """One function knows where templates and static files live."""
    assert (web_root() / "templates" / "now.html").is_file()
    assert (web_root() / "static" / "console.css").is_file()


async def test_a_quiet_day_says_so(browser: httpx.AsyncClient):
    """With nothing wrong there is one sentence and no finding."""
    text = await words(browser)

    assert "Nothing needs attention. · 45 instances: 45 up" in text
    assert "as of 09:31:14 UTC" in text


async def test_what_is_wrong_comes_first_and_worst_first(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Each finding is told once, before the groups, with its reason."""
    fakes.queries.picture = DEGRADED

    text = await words(browser)

    told = [
        "9 things need attention",
        "alarm Somebody has to look",
        "blocked catalog since 09:28:40 us-east down from 2 of 3 vantages",
        "down us-east for checkout us-east down from 3 of 3 vantages",
        "unsettled Publication of unknown outcome failover/search revision 9",
        "activating search since 09:31:10",
        "no answer PostgreSQL",
        "suspect eu-west for catalog",
        "unknown ap-south for catalog",
        "abstains Vantage ap-1 its event loop is late",
        "Failover groups",
    ]
    places = [text.find(part) for part in told]
    assert -1 not in places, told[places.index(-1)]
    assert places == sorted(places)


async def test_each_group_names_its_active_region_its_standbys_and_its_future(browser: httpx.AsyncClient):
    """A row says where the group is, who could take over, and what would happen."""
    text = await words(browser)

    assert "us-east up ACTIVE checkout 5 of 5 up payments 5 of 5 up" in text
    assert "eu-west up ready checkout 5 of 5 up" in text
    assert "us-east up from 3 of 3 vantages If us-east were lost now: moves to eu-west in about 8 s." in text


async def test_restraints_and_history_stand_beside(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Who restrains what until when, and who changed what and why."""
    fakes.queries.picture = replace(DEGRADED, database_available=True)

    text = await words(browser)

    assert "catalog paused until 10:00:00 · alice INC-4821 schema migration" in text
    assert "ap-south in maintenance until 2026-01-13 06:00 · bob kernel updates" in text
    assert "09:31:06 manual catalog us-east → eu-west revision 6 · alice INC-4821 drain us-east" in text


async def test_a_freeze_is_told_with_all_its_reasons(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Frozen is one finding, however many reasons it has."""
    fakes.queries.picture = FROZEN

    text = await words(browser)

    assert "no leader Nobody leads" in text
    assert (
        "frozen Nothing moves by itself the lease was renewed 14.2 s ago Consul last answered 14.2 s ago"
        in text
    )


async def test_a_replica_that_does_not_lead_names_the_one_that_does(
    browser: httpx.AsyncClient, fakes: FakeDoors
):
    """What holds a follower back is not told as a freeze of the fleet."""
    fakes.queries.picture = replace(GOOD, freezes=("this replica does not lead",))

    text = await words(browser)

    assert "not deciding This replica decides nothing; cp-eu-1 leads this replica does not lead" in text
    assert "frozen" not in text


async def test_a_group_without_a_way_out_is_told_before_it_needs_one(
    browser: httpx.AsyncClient, fakes: FakeDoors
):
    """A group that would stay in a lost region is a finding while everything is up."""
    group = GOOD.groups[0]
    stuck = replace(group.forecasts[0], text="if us-east were lost now: stays, because X", target=None)
    fakes.queries.picture = replace(GOOD, groups=(replace(group, forecasts=(stuck,)),))

    assert "no way out checkout If us-east were lost now: stays, because X." in await words(browser)


async def test_the_first_page_says_how_to_begin(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Before the first fleet file the page names the command that brings one."""
    leader = LeaderView(holder="cp-us-1", term=1, api=None, ours=True)
    fakes.queries.picture = replace(NOTHING, leader=leader, store_contact_seconds=0.1)
    fakes.queries.history = ()

    text = await words(browser)

    assert "Nothing is defined yet. · no instances are probed" in text
    assert "controlplane apply -f fleet.yaml" in text
    assert "Nothing has been published yet." in text


async def never(**_: object) -> Sequence[ChangeView]:
    """What the driver does with a frozen server: even giving up takes it ten seconds, and fails."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(10)
        raise DatabaseUnavailable("no answer in time")


@pytest.mark.looptime
async def test_the_present_does_not_wait_for_the_past(fakes: FakeDoors):
    """With a PostgreSQL that hangs the page comes within a second, without history."""
    fakes.queries.changes = never  # type: ignore[method-assign]
    transport = httpx.ASGITransport(application(fakes))

    cookies = fakes.people.cookies("viewer")
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        text = await words(client)
        assert "PostgreSQL does not answer." in text
        assert asyncio.get_running_loop().time() < 1
        await asyncio.sleep(11)


async def test_history_that_breaks_off_is_a_sentence(browser: httpx.AsyncClient, fakes: FakeDoors):
    """A database that refuses costs the page its history and nothing else."""
    fakes.queries.failure = DatabaseUnavailable("connection refused")

    text = await words(browser)

    assert "PostgreSQL does not answer." in text
    assert "checkout" in text


async def test_a_page_that_nobody_foresaw_to_fail_is_a_page(
    browser: httpx.AsyncClient, fakes: FakeDoors, caplog: pytest.LogCaptureFixture
):
    """500 with the trace id and not a word of the exception; the log tells it once."""

    def broken() -> StatusView:
        raise RuntimeError("password=hunter2")

    fakes.queries.status = broken  # type: ignore[method-assign]
    response = await browser.get("/")

    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert f"under the trace id {response.headers['controlplane-trace-id']}" in response.text
    assert "hunter2" not in response.text
    assert [record.message for record in caplog.records] == ["request failed"]


async def test_nothing_that_others_wrote_becomes_markup(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile names, reasons and times in every field of the page are text and stay text."""
    fakes.queries.picture = hostile(HOSTILE)
    fakes.queries.history = [hostile_change(HOSTILE)]

    page = (await browser.get("/")).text

    assert page.count("alert(") > 40, "the hostile text is on the page, in many places"
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)
    assert not [tag for tag in tags if "alert(" in tag or "onerror=" in tag]
    assert page.count("<script") == 1
    assert "49" not in re.sub(r'name="csrf" value="[^"]*"', "", page)


@pytest.mark.parametrize(
    "picture", [GOOD, DEGRADED, FROZEN, NOTHING], ids=["good", "degraded", "frozen", "empty"]
)
async def test_the_page_needs_nothing_that_its_policy_forbids(
    browser: httpx.AsyncClient, fakes: FakeDoors, picture: StatusView
):
    """No inline style, no inline script, no handler in an attribute, nothing from elsewhere."""
    fakes.queries.picture = picture

    page = (await browser.get("/")).text

    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", page)
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="/static/live.js">']
    assert not re.search(r"(?:src|href)=\"(?!/|#)", page)


async def test_static_files_are_kept_and_checked(browser: httpx.AsyncClient):
    """A browser asks by ETag and gets 304 while nothing changed."""
    first = await browser.get("/static/console.css")
    again = await browser.get("/static/console.css", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["/static/../../pyproject.toml", "/static/%2e%2e/templates/now.html", "/static/"]
)
async def test_no_other_file_is_served(browser: httpx.AsyncClient, path: str):
    """What is not a static file is not found."""
    assert (await browser.get(path)).status_code == 404


async def test_only_reading_is_offered(browser: httpx.AsyncClient):
    """The page knows no method that writes."""
    assert (await browser.post("/")).status_code == 405


async def test_the_history_on_the_page_is_short(browser: httpx.AsyncClient, fakes: FakeDoors):
    """The page shows the last changes only."""
    fakes.queries.history = [
        replace(HISTORY[0], position=position, revision=position) for position in range(1, 30)
    ]

    text = await words(browser)

    assert "revision 29 " in text
    assert "revision 22 " in text
    assert "revision 21 " not in text
