"""The pages of failover groups as text: what they say, in which order, and what they never let through."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from controlplane.application.ports import DatabaseUnavailable
from tests.fakes.doors import NOTHING, FakeDoors
from tests.web.confirmations import confirmation
from tests.web.group_pictures import CHECKOUT_MOVED, REFUSED, STAYED, TROUBLED, explained, record, remember
from tests.web.pictures import GOOD, group, hostile
from tests.web.visiting import HOSTILE, assert_harmless, read, visiting, words


@pytest.fixture
async def viewer(fakes: FakeDoors):
    async with visiting(fakes) as client:
        yield client


@pytest.fixture
async def operator(fakes: FakeDoors):
    async with visiting(fakes, "operator") as client:
        yield client


def in_order(text: str, *parts: str) -> bool:
    """Whether each of the parts stands in the text, one after the other."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        assert place >= 0, f"{part!r} is not there, or too early: {text}"
    return True


async def test_groups_in_trouble_come_first(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """All groups stand in one list, each with its state, where it is, where it could go, and what if."""
    fakes.queries.picture = TROUBLED

    text = await read(viewer, "/groups")

    assert "3 groups" in text
    assert in_order(text, "catalog catalog needs operator", "checkout checkout, payments steady", "shop")
    assert in_order(
        text,
        "checkout checkout, payments steady since 08:02:51 us-east up from 3 of 3 vantages automatic",
        "us-east up eu-west ready up ap-south in maintenance",
        "If us-east were lost now: moves to eu-west in about 8 s.",
    )


async def test_without_groups_the_page_says_how_to_begin(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Before the first fleet file the list names the command that brings one."""
    fakes.queries.picture = NOTHING

    assert "controlplane apply -f fleet.yaml" in await read(viewer, "/groups")


async def test_many_groups_come_in_pages(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """A list of hundreds is never one page."""
    fakes.queries.picture = replace(GOOD, groups=tuple(group(f"g{n:03d}", "cart") for n in range(250)))

    first, third = await read(viewer, "/groups"), await read(viewer, "/groups?page=3")

    assert "250 groups" in first
    assert "g099" in first
    assert "g100" not in first
    assert "g249" in third


async def test_a_group_shows_what_every_vantage_says(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Each region has its verdict, the word of each vantage with counts, its gates, and what if."""
    fakes.queries.picture = CHECKOUT_MOVED

    text = await read(viewer, "/groups/checkout")

    assert in_order(
        text,
        "us-east not ready down us-east down from 3 of 3 vantages checkout 0 of 5 up",
        "us-1 failing checkout 0 of 5 up eu-1 failing",
        "target_healthy fails target_in_service passes",
        "eu-west ACTIVE up",
        "us-1 up checkout 5 of 5 up",
        "Moves to ap-south in about 8 s.",
    )


async def test_a_group_shows_its_document_and_who_confirms_it(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Revision, author, reason, the command that reads it, k of n, and the stragglers by name."""
    fakes.queries.picture = TROUBLED

    text = await read(viewer, "/groups/shop")

    assert in_order(
        text,
        "revision 17 active in eu-west brought by automatic · controlplane, 09:31:07",
        "because us-east down from 3 of 3 vantages for 5.2 s",
        "consul kv get controlplane/failover/shop",
        "28 of 30 applied",
        "payments-us-3 us-east nack",
        "weights: not understood",
        "checkout-us-1",
    )


async def test_the_key_has_the_prefix_of_this_store(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """The command to copy names the very key, whatever the prefix is."""
    fakes.queries.picture = replace(GOOD, key_prefix="blue/")

    assert "consul kv get blue/failover/checkout" in await read(viewer, "/groups/checkout")


async def test_the_last_change_has_a_life(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Detected, decided, published, confirmed, verified: each with its moment or its number."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, record(17))

    text = await read(viewer, "/groups/checkout")

    assert in_order(
        text,
        "The last change",
        "detected 09:31:02 us-east down",
        "decided 09:31:07 down for 5.2 s without a break",
        "published 09:31:07 revision 17 by controlplane",
        "confirmed by 30 of 30 instances",
        "verified eu-west up from 3 of 3 vantages",
    )


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"confirmed": 28, "behind": 2}, "verified once all that answer confirm eu-west up"),
        ({"confirmed": 28, "nack": 2}, "not verified some instances refuse it"),
        ({"confirmed": 28, "offline": 1, "silent": 1}, "verified eu-west up"),
    ],
    ids=["behind", "refused", "gone"],
)
async def test_a_change_is_verified_once_all_that_answer_confirm(
    viewer: httpx.AsyncClient, fakes: FakeDoors, counts: dict[str, int], said: str
):
    """Who is behind is waited for, who refuses is told, and who is gone with a region holds nothing up."""
    told = confirmation("checkout", instances=30, revision=17, counts=counts)
    fakes.queries.picture = replace(CHECKOUT_MOVED, confirmations=(told,))

    text = await read(viewer, "/groups/checkout")

    assert f"confirmed by 28 of 30 instances {said}" in text


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"inputs": 7},
        {"inputs": {"at": "soon", "down_seconds": 5.2}},
        {"inputs": {"at": "2026-01-12T09:31:07.301Z", "down_seconds": 1e300}},
        {"inputs": {"at": "2026-01-12T09:31:07.301Z", "down_seconds": None}},
    ],
)
async def test_a_life_begins_where_its_explanation_does(
    viewer: httpx.AsyncClient, fakes: FakeDoors, told: dict[str, object]
):
    """Without a readable beginning the life of a change begins with its publication."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, record(17, explanation=told))

    text = await read(viewer, "/groups/checkout")

    assert "The last change published 09:31:07 revision 17" in text


async def test_a_change_whose_region_is_not_up_is_not_verified(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """What took over and went down is told as it is; without a region there is nothing to verify."""
    moved = CHECKOUT_MOVED.groups[0]
    down = tuple(replace(one, verdict="down", reason=f"{one.region} is down") for one in moved.regions)
    fakes.queries.picture = replace(CHECKOUT_MOVED, groups=(replace(moved, regions=down),))
    assert "not verified eu-west is down" in await read(viewer, "/groups/checkout")

    fakes.queries.picture = replace(CHECKOUT_MOVED, groups=(replace(moved, regions=()),), confirmations=())
    text = await read(viewer, "/groups/checkout")
    assert "confirmed no vantage has said yet who applied it verified no region is judged" in text


async def test_moves_and_non_decisions_stand_side_by_side(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """History has both, the newest first, with author and reason."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, record(12), record(17), stays=(REFUSED, STAYED))

    text = await read(viewer, "/groups/checkout")

    assert in_order(
        text,
        "Moves and non-decisions",
        "09:17:07 automatic checkout eu-west → ap-south revision 17 · controlplane",
        "09:16:30 blocked checkout suspect → blocked controlplane us-east down",
        "09:12:07 automatic",
        "09:10:30 refused checkout not published alice somebody else was first",
    )


async def test_history_comes_in_pages(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """A long history is walked by a cursor in the address; one that is none is told."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, *(record(n) for n in range(1, 40)))
    page = (await viewer.get("/groups/checkout")).text

    assert "revision 39 " in words(page)
    older = page.partition("?cursor=")[2].partition('"')[0]
    text = await read(viewer, f"/groups/checkout?cursor={older}")
    assert "revision 14 " in text
    assert "revision 15 " not in text
    await read(viewer, "/groups/checkout?cursor=nonsense", status_code=422)


async def test_the_change_in_the_address_is_looked_up(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """An address is never believed: what it names is in force, followed by another, unknown, or not seen."""
    fakes.queries.picture = CHECKOUT_MOVED
    await remember(fakes, record(16), record(17))

    async def said(change: str) -> str:
        return (await read(viewer, f"/groups/checkout?change={change}")).partition("eu-west up from")[0]

    assert "another one has followed" in await said("change-16")
    assert "another one has followed" not in await said("change-17")
    assert "does not see the change" in await said("made-up")
    fakes.queries.picture = replace(
        CHECKOUT_MOVED, unsettled=("failover/checkout revision 18: no answer from Consul",)
    )
    assert "the change may still take effect" in await said("made-up")


async def test_a_foreign_edit_asks_which_is_right(
    viewer: httpx.AsyncClient, operator: httpx.AsyncClient, fakes: FakeDoors
):
    """Drift is told with both answers to those who may give one."""
    fakes.queries.picture = TROUBLED

    assert "Enforce what was published" in await read(operator, "/groups/catalog")
    seen = await read(viewer, "/groups/catalog")
    assert "The document is not what was published" in seen
    assert "Enforce what was published" not in seen


async def test_restraints_of_the_group_stand_there(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Pauses that bind this group are told, others are not; a paused group can be resumed."""
    fakes.queries.picture = TROUBLED

    text = await read(operator, "/groups/catalog")

    assert "catalog paused until 10:00:00 · alice INC-4821 schema migration" in text
    assert "ap-south in maintenance" in text
    assert "Resume" in text
    assert "catalog paused" not in await read(operator, "/groups/checkout")


async def test_a_paused_fleet_can_be_resumed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The list of groups offers the one of the two that does something."""
    assert "Pause the fleet" in await read(operator, "/groups")
    fleet = replace(TROUBLED.restraints[0], scope="fleet", name=None)
    fakes.queries.picture = replace(GOOD, restraints=(fleet,))

    assert "Resume the fleet" in await read(operator, "/groups")
    assert "fleet paused until 10:00:00" in await read(operator, "/groups/checkout")


async def test_a_viewer_has_no_buttons_and_is_told_why(viewer: httpx.AsyncClient):
    """Who may not act sees everything and a word instead of a button."""
    page = (await viewer.get("/groups/checkout")).text

    assert "/groups/checkout/move" not in page
    assert "need the role operator" in page


async def test_an_unknown_group_names_those_there_are(viewer: httpx.AsyncClient):
    """A wrong address is a page that helps."""
    text = await read(viewer, "/groups/nowhere", status_code=404)

    assert "There is no group nowhere. Groups: checkout, catalog." in text


@pytest.mark.looptime
async def test_the_present_does_not_wait_for_the_past(fakes: FakeDoors):
    """With a PostgreSQL that hangs the page comes within a second, with one sentence for history."""

    async def never(**_: object):
        await asyncio.Event().wait()

    fakes.journal.page = never  # type: ignore[method-assign]
    async with visiting(fakes) as viewer:
        text = await read(viewer, "/groups/checkout")

    assert "PostgreSQL does not answer." in text
    assert asyncio.get_running_loop().time() < 1


async def test_a_database_that_refuses_costs_history_alone(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Without PostgreSQL the present stands, and the change in the address is not called lost."""
    fakes.journal.away = True

    text = await read(viewer, "/groups/checkout?change=made-up")

    assert "PostgreSQL does not answer." in text
    assert "history does not answer" in text
    with pytest.raises(DatabaseUnavailable):
        await fakes.journal.page(kind=None, name=None, before=None, limit=1)


@pytest.mark.parametrize("path", ["/groups", "/groups/{name}"])
async def test_nothing_that_others_wrote_becomes_markup(
    viewer: httpx.AsyncClient, fakes: FakeDoors, path: str
):
    """Hostile names, reasons, votes, gates and documents are text and stay text."""
    picture = hostile(HOSTILE)
    told = explained(us_east=(HOSTILE, HOSTILE, False))
    told["obstacles"] = [{"code": HOSTILE, "text": HOSTILE + "1"}]
    nasty = replace(
        picture.groups[0],
        name="nasty",
        explanation=told,
        document={"change": dict.fromkeys(("id", "kind", "by", "reason", "at"), HOSTILE)},
        regions=(replace(picture.groups[0].regions[0], region="us-east"),),
    )
    fakes.queries.picture = replace(picture, groups=(nasty,))
    await remember(
        fakes,
        record(17, name="nasty", by=HOSTILE, reason=HOSTILE, at=HOSTILE, id=HOSTILE),
        stays=(replace(STAYED, name="nasty", reason=HOSTILE, before=HOSTILE, state=HOSTILE),),
    )

    page = (await viewer.get(path.format(name="nasty"))).text

    assert_harmless(page, times=12)


@pytest.mark.parametrize(
    "inputs",
    [
        {"regions": "nothing", "gates": 7, "obstacles": {}},
        {"regions": [1, {"vantages": [None, {"cells": 3}]}], "gates": {"us-east": 4}},
        {"regions": [{"region": "us-east", "vantages": [{"cells": {"checkout": {"up": "five"}}}]}]},
    ],
)
async def test_an_explanation_of_another_version_is_shown_as_far_as_it_goes(
    viewer: httpx.AsyncClient, fakes: FakeDoors, inputs: dict[str, object]
):
    """What this version cannot read of an explanation costs its part of the page alone."""
    fakes.queries.picture = replace(GOOD, groups=(replace(GOOD.groups[0], explanation=inputs),))

    assert "us-east ACTIVE up" in await read(viewer, "/groups/checkout")
