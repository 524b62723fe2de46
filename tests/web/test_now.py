"""What the page Now says besides groups: refusals, switches away from normal, non-decisions."""

import re
from dataclasses import replace

import httpx
import pytest

from controlplane.application.ports.evaluations import EvaluationRow
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import confirmation, straggler
from tests.web.group_pictures import DOCUMENT
from tests.web.pictures import GOOD, MOVED
from tests.web.test_pages import HERE, HOSTILE, application, words

STAYED = EvaluationRow(
    position=1,
    kind="failover",
    name="catalog",
    at="2026-01-12T09:31:06.500Z",
    outcome="stay",
    code="no_target",
    reason="no other region passes its gates",
    before="suspect",
    state="blocked",
    trace_id=None,
    inputs={},
)


@pytest.fixture
async def browser(fakes: FakeDoors):
    transport = httpx.ASGITransport(application(fakes))
    cookies = fakes.people.cookies("operator")
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


async def test_instances_that_refuse_are_named_with_their_words(browser: httpx.AsyncClient, fakes: FakeDoors):
    """A refusal is a finding: how many of how many, who, what they keep and why; it leads to the switches."""
    two = [straggler(f"checkout-ap-{n}", "nack", "recommendations: not a bool", revision=41) for n in (2, 4)]
    new = straggler("checkout-us-1", "nack", "unknown schema")
    refused = confirmation(
        "checkout", *two, new, kind="switches", revision=42, counts={"confirmed": 42, "nack": 3}
    )
    fakes.queries.picture = replace(GOOD, confirmations=(refused,))

    text = await words(browser)

    assert "refused Switches of checkout on 3 of 45 instances" in text
    assert "checkout-ap-2, checkout-ap-4: still at revision 41, “recommendations: not a bool”" in text
    assert "checkout-us-1: nothing applied, “unknown schema”" in text
    assert 'href="/switches/checkout"' in (await browser.get("/")).text


async def test_a_move_has_its_life_on_screen_for_ten_minutes(browser: httpx.AsyncClient, fakes: FakeDoors):
    """From where to where, by whom and why, each step with its time; then it is history and nothing else."""
    moved = replace(MOVED, document={**DOCUMENT, "previous": "us-east"})
    still = replace(
        MOVED, name="catalog", document={**DOCUMENT, "change": {"kind": "apply", "at": GOOD.as_of}}
    )
    arrived = confirmation("checkout", revision=17, instances=40)
    fakes.queries.picture = replace(GOOD, groups=(moved, still), confirmations=(arrived,))
    fresh = await words(browser)
    fakes.queries.picture = replace(fakes.queries.picture, as_of="2026-01-12T09:41:08.000Z")

    assert "moved checkout : us-east → eu-west 09:31:07 automatic · controlplane us-east down from" in fresh
    assert "published 09:31:07 revision 17 by controlplane confirmed by 40 of 40 instances" in fresh
    assert "moved catalog" not in fresh
    assert "moved checkout" not in await words(browser)


async def test_the_latest_moves_come_first_and_few(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Many groups that leave a region at once are not a wall; a time that is none is no news."""
    moves = [
        {**DOCUMENT, "change": {"kind": "manual", "at": f"2026-01-12T09:31:0{second}.000Z"}}
        for second in range(8)
    ]
    groups = [replace(MOVED, name=f"group-{number}", document=one) for number, one in enumerate(moves)]
    odd = replace(MOVED, name="odd", document={**DOCUMENT, "change": {"kind": "manual", "at": "soon"}})
    fakes.queries.picture = replace(GOOD, groups=(*groups, odd))

    told = re.findall(r"moved ([a-z0-9-]+) :", await words(browser))

    assert told == ["group-7", "group-6", "group-5", "group-4", "group-3"]


async def test_a_change_on_its_way_is_told_until_it_has_arrived(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Instances that are behind make a finding with its denominator; when all confirm it is gone."""
    moving = confirmation("checkout", revision=17, counts={"confirmed": 38, "behind": 7})
    fakes.queries.picture = replace(GOOD, confirmations=(moving,))
    on_its_way = await words(browser)
    fakes.queries.picture = GOOD

    assert "confirming checkout confirmed by 38 of 45 instances" in on_its_way
    assert "7 do not hold revision 17 yet." in on_its_way
    assert "Nothing needs attention." in await words(browser)


async def test_switches_away_from_normal_are_one_click_from_restored(browser: httpx.AsyncClient):
    """Who holds it since when and why, what is in force, and the verb that brings it back."""
    text = await words(browser)

    assert "Degraded 2 switches are away from normal" in text
    assert "checkout/recommendations 09:31:07 alice · INC-4821 shed recommendation load degraded" in text
    assert 'href="/switches/checkout/recommendations/review?verb=restore"' in (await browser.get("/")).text


async def test_what_was_decided_against_stands_beside_the_moves(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Changes and non-decisions are one list, the newest first."""
    fakes.evaluations.rows = [STAYED]

    text = await words(browser)

    assert "09:31:06 blocked catalog suspect → blocked controlplane no other region passes its gates" in text
    assert text.index("09:31:07 automatic checkout") < text.index("blocked catalog suspect")


async def test_what_a_reader_says_stays_text(browser: httpx.AsyncClient, fakes: FakeDoors):
    """The words of a refusal come from the network, and never become markup."""
    hostile = confirmation(
        HOSTILE, straggler(HOSTILE, "nack", HOSTILE), kind="switches", counts={"nack": 1, "behind": 1}
    )
    fakes.queries.picture = replace(GOOD, confirmations=(hostile,))
    fakes.evaluations.rows = [replace(STAYED, name=HOSTILE, reason=HOSTILE, state=HOSTILE, before=HOSTILE)]

    page = (await browser.get("/")).text

    assert page.count("alert(") > 3
    assert "<script>alert" not in page
    assert "<img src=x" not in page
