"""The pages for looking at switches, as text: what is held, who reads it, what became of a change."""

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape

import httpx
import pytest

from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.switch_views import DriftView, OverrideView, SwitchChangeView, SwitchesView
from controlplane.console.standing import entry_of
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import straggler
from tests.web.flip_pictures import (
    BANNER,
    COMPLETE,
    INCOMPLETE,
    NORMAL,
    PICTURE,
    SWITCHED,
    entry,
    furnish,
    remember,
)
from tests.web.markup import harmless
from tests.web.pictures import AS_OF, GOOD
from tests.web.switch_pictures import APPLY, CHECKOUT, FLIP, RECOMMENDATIONS, SEARCH_DEPTH
from tests.web.test_pages import HERE, HOSTILE, application

PAGE_BYTES_MAX = 60 * 1024
RECS = "/switches/checkout/recommendations"


async def opened(fakes: FakeDoors, role: str) -> AsyncIterator[httpx.AsyncClient]:
    await furnish(fakes)
    transport = httpx.ASGITransport(application(fakes))
    cookies = fakes.people.cookies(role)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


@pytest.fixture
async def visitor(fakes: FakeDoors):
    async for client in opened(fakes, "viewer"):
        yield client


@pytest.fixture
async def operator(fakes: FakeDoors):
    async for client in opened(fakes, "operator"):
        yield client


async def words(client: httpx.AsyncClient, path: str) -> str:
    """What a person reads: the page without its markup, in one line."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def names(client: httpx.AsyncClient, query: str) -> list[str]:
    """The switches in the table, in their order."""
    page = (await client.get(f"/switches{query}")).text
    return re.findall(r'<th role="rowheader" scope="row"><a [^>]*>([^<]*)</a>', page)


async def test_those_away_from_normal_come_first(visitor: httpx.AsyncClient):
    """Held switches, the one that was changed last before the others, then all others by name."""
    assert await names(visitor, "") == [
        "checkout/recommendations",
        "checkout/search-depth",
        "checkout/banner",
        "checkout/limits",
        "checkout/old-banner",
        "payments/new-ui",
    ]


async def test_a_row_says_what_since_when_by_whom_why_for_whom_and_until(visitor: httpx.AsyncClient):
    """Value, share, end, author, reason and k of n, in one row."""
    text = await words(visitor, "/switches")

    assert "6 switches, 2 away from normal" in text
    assert (
        "checkout/recommendations non-core · growth · Related products on the cart page "
        "degraded false for 25% of the units until 11:31:07 , 1 h 59 min left "
        "09:31:07 alice INC-4821 shed recommendation load 12 of 15"
    ) in text
    assert "normal 3 in eu-west degraded 1 waiting: normal 5 instead of 3 holds once it is restored" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=RECOMM&owner=search", []),
        ("?q=depth", ["checkout/search-depth"]),
        ("?q=inc-4821&service=checkout", ["checkout/recommendations"]),
        ("?state=away", ["checkout/recommendations", "checkout/search-depth"]),
        ("?state=degraded", ["checkout/recommendations", "checkout/search-depth"]),
        ("?state=retired", ["checkout/old-banner"]),
        ("?service=payments", ["payments/new-ui"]),
        ("?class=core", ["checkout/banner", "checkout/limits"]),
        ("?owner=search", ["checkout/search-depth"]),
        ("?q=zebra", []),
    ],
)
async def test_filters_stand_in_the_address(visitor: httpx.AsyncClient, query: str, found: list[str]):
    """Text, state, service, class and owner, each by itself and together; no script is needed."""
    assert await names(visitor, query) == found


async def test_an_empty_table_says_why(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """Nothing is like that, or nothing is declared at all."""
    assert "No switch is like this. Show all" in await words(visitor, "/switches?q=zebra")
    fakes.switches.picture = SwitchesView(AS_OF, ())
    assert "No service has switches. A fleet file declares them:" in await words(visitor, "/switches")


async def test_what_a_person_must_decide_stands_above_the_table(
    visitor: httpx.AsyncClient, operator: httpx.AsyncClient
):
    """A foreign edit and an unanswered publication are told; only an operator is asked for a decision."""
    text = await words(operator, "/switches")

    assert "The switches of payments are not what was published since 09:30:00 : its bytes are not" in text
    assert "Adopt what stands there Enforce what was published" in text
    assert "A publication of the switches of payments got no answer from Consul" in text
    assert "Adopt what stands there" not in await words(visitor, "/switches")
    assert "payments are not" not in await words(operator, "/switches?service=checkout")


async def test_a_long_table_comes_in_pages(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """A hundred rows at a time, within the budget of bytes, with the filters kept from page to page."""
    many = tuple(replace(BANNER, name=f"banner-{number:04}") for number in range(2000))
    fakes.switches.picture = SwitchesView(AS_OF, (replace(CHECKOUT, switches=many),))

    first = await visitor.get("/switches?class=core")

    assert len(await names(visitor, "?class=core")) == 100
    assert "1 to 100 of 2000" in first.text
    assert 'href="/switches?class=core&amp;page=2"' in first.text
    assert len(gzip.compress(first.content)) <= PAGE_BYTES_MAX
    assert (await names(visitor, "?class=core&page=20"))[-1] == "checkout/banner-1999"


async def test_a_viewer_is_offered_nothing_that_does_not_work(
    visitor: httpx.AsyncClient, operator: httpx.AsyncClient
):
    """No button for a viewer, a word instead; an operator is one click from the review."""
    table, page = (await operator.get("/switches")).text, (await operator.get(RECS)).text
    assert f'href="{RECS}/review?verb=restore"' in table
    assert f'href="{RECS}/flip?verb=restore"' in table
    assert 'href="/switches/checkout/search-depth/review?verb=restore&amp;scope=eu-west"' in table
    assert 'href="/switches/checkout/old-banner/review' not in table
    assert f'href="{RECS}/flip?verb=degrade"' in page

    for path in ("/switches", RECS):
        text = (await visitor.get(path)).text
        assert "Flipping needs the role operator." in text
        assert not re.search(r'href="[^"]*/(review|flip|undo|drift)', text)


async def test_a_service_is_its_rows_of_the_table(visitor: httpx.AsyncClient):
    """The address of a service leads to the table, filtered."""
    answer = await visitor.get("/switches/checkout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/switches?service=checkout")


async def test_a_switch_says_what_is_in_force_and_what_is_declared(visitor: httpx.AsyncClient):
    """State, value, share, end with what is left of it, author, and the fleet file's words."""
    text = await words(visitor, RECS)

    assert "In force revision 42 of checkout" in text
    assert "everywhere degraded false for 25% of the units until 11:31:07 , 1 h 59 min left" in text
    assert "Changed 09:31:07 by alice : INC-4821 shed recommendation load" in text
    assert (
        "what Related products on the cart page normal true degraded false type bool class non-core" in text
    )
    assert "consul kv get controlplane/switches/checkout" in text
    assert "consul kv get controlplane/values/switches/checkout/recommendations" in text
    assert "controlplane switch show checkout/recommendations" in text


async def test_overrides_and_what_waits_stand_with_it(operator: httpx.AsyncClient):
    """Each region with its own entry can be restored by itself."""
    text = await words(operator, "/switches/checkout/search-depth")

    assert "everywhere else normal 3 eu-west degraded 1 Restore in eu-west" in text
    assert "Waiting: normal 5 instead of 3 holds once it is restored." in text


async def test_who_has_not_applied_it_is_named(visitor: httpx.AsyncClient):
    """Applied by k of n, every class with its count, and each straggler with what it holds and why."""
    text = await words(visitor, RECS)

    assert "not confirmed by all 12 of 15 applied" in text
    assert "nack 1 behind 1 silent 1 confirmed 12" in text
    assert "half within 180 ms, 95% within 900 ms, the last after 1.2 s" in text
    assert "checkout-us-east-2 us-east nack revision 41 recommendations: not a bool heard from us-1" in text
    assert "1 more does not confirm and is not named here." in text


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (COMPLETE, "confirmed 15 of 15 applied"),
        (replace(COMPLETE, revision=41), "No vantage has said yet who applied this revision."),
        (replace(COMPLETE, vantages=()), "No vantage has said yet"),
        (replace(COMPLETE, instances=0, confirmed=0, counts={}, took=None), "nobody follows it 0 of 0"),
        (replace(INCOMPLETE, counts={"behind": 3, "confirmed": 12}), "being applied 12 of 15"),
        (replace(INCOMPLETE, counts={"silent": 3, "confirmed": 12}), "not confirmed by all 12 of 15"),
        (replace(INCOMPLETE, stragglers=(straggler("i-1", "silent"),)), "i-1 us-east silent nothing known"),
    ],
    ids=["all", "older", "unheard", "none", "soon", "silent", "unknown"],
)
async def test_confirmation_is_told_as_it_is(visitor: httpx.AsyncClient, fakes: FakeDoors, view, said: str):
    """What probers say of another revision is never told of this one."""
    fakes.queries.picture = replace(GOOD, confirmations=(view,))

    assert said in await words(visitor, RECS)


async def test_history_says_what_became_of_the_switch(operator: httpx.AsyncClient):
    """Each change of this switch alone, newest first; what can be taken back has its Undo."""
    page = (await operator.get(RECS)).text
    text = await words(operator, RECS)

    assert "revision 42 flip normal true degraded false for 25% of the units" in text
    assert "alice INC-4821 shed recommendation load Undo" in text
    assert "revision 40 apply not there normal true controlplane first document" in text
    assert "INC-4822" not in text
    assert re.findall(r'href="([^"]*/undo/[0-9]+)"', page) == [f"{RECS}/undo/42"]


async def test_history_tells_regions_apart(visitor: httpx.AsyncClient):
    """A flip of one region says which, and what holds elsewhere."""
    text = await words(visitor, "/switches/checkout/search-depth")

    assert "revision 41 flip normal 3 normal 3 in eu-west degraded 1 bob INC-4822" in text


async def test_nothing_is_undone_over_a_later_change(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A change whose switch is another one by now has no Undo."""
    later = replace(RECOMMENDATIONS, percent=50)
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, switches=(later,)),))

    assert "/undo/" not in (await operator.get(RECS)).text


async def test_history_goes_on(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """Older changes are on pages of their own."""
    was, became = {"recommendations": entry_of(NORMAL)}, {"recommendations": entry_of(RECOMMENDATIONS)}
    pairs = [(was, became), (became, was)] * 12
    changes = [entry(number, "flip", *pair, reason=f"r{number}") for number, pair in enumerate(pairs, 43)]
    await remember(fakes, *changes)

    page = (await visitor.get(RECS)).text
    address = unescape(re.findall(r'href="([^"]*\?before=[0-9]+)"', page)[0])
    older = await words(visitor, address)

    assert "r66" in page
    assert "r66" not in older
    assert "r43" in older
    assert "Newest" in older
    assert "Nothing older is known." in await words(visitor, f"{RECS}?before=1")


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "²"])
async def test_a_position_is_a_number(visitor: httpx.AsyncClient, before: str):
    """Everything else is refused with what is allowed."""
    answer = await visitor.get(RECS, params={"before": before})

    assert answer.status_code == 422
    assert "a position in history: a number" in answer.text


async def test_the_present_does_not_need_the_past(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """While PostgreSQL is away everything else of the page is there, whether that is known yet or not."""
    fakes.journal.away = True
    assert "PostgreSQL does not answer. What was published is kept" in await words(visitor, RECS)

    fakes.queries.picture = replace(fakes.queries.picture, database_available=False)
    text = await words(visitor, RECS)
    assert "PostgreSQL does not answer. What was published is kept" in text
    assert "everywhere degraded false" in text


async def test_the_life_of_a_change_is_on_screen(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Published, applied by k of n with the stragglers by name, confirmed in so many seconds; and Undo."""
    text = await words(operator, f"{RECS}?change=change-42")
    assert (
        "Your change Undo published revision 42 is in force, 09:31:07 by alice applied 12 of 15 "
        "not confirmed by all so far the slowest in 1.2 s INC-4821 shed recommendation load "
        "nack checkout-us-east-2"
    ) in text

    fakes.queries.picture = replace(GOOD, confirmations=(COMPLETE,))
    assert "applied 15 of 15 confirmed in 1.2 s" in await words(operator, f"{RECS}?change=change-42")

    fakes.queries.picture = GOOD
    assert "no reader has been heard yet" in await words(operator, f"{RECS}?change=change-42")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("change-41", "published it was published, 09:31:07 by bob"),
        ("change-40", "revision 40 was published, 09:29:07 by controlplane"),
        ("invented", "not seen no revision carries this change Nothing was published for it"),
    ],
)
async def test_a_change_is_looked_up_and_never_believed(
    visitor: httpx.AsyncClient, fakes: FakeDoors, change: str, said: str
):
    """One that was overtaken says so; one that nothing knows is not told as done."""
    mine = replace(RECOMMENDATIONS, changed=replace(FLIP, id="change-41", by="bob"))
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, switches=(mine, SEARCH_DEPTH)),))

    text = await words(visitor, f"{RECS}?change={change}")

    assert said in text
    assert ("Later changes of checkout were published since: revision 42" in text) is (change != "invented")


async def test_an_unknown_outcome_is_told_as_unknown(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """A publication without an answer is neither done nor refused."""
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, unsettled=True),))

    text = await words(visitor, f"{RECS}?change=mine")

    assert "unknown no answer from Consul yet It was sent and may still take effect." in text


async def test_what_cannot_be_looked_up_is_not_told_as_undone(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """Without history only the last changes are known."""
    fakes.journal.away = True

    assert "this change is not known here PostgreSQL does not answer" in await words(
        visitor, f"{RECS}?change=old"
    )


async def test_a_change_that_follows_the_definitions_is_not_undone_here(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """The fleet file is what to change then."""
    applied = replace(SWITCHED, change=APPLY, switches=(NORMAL,))
    fakes.switches.picture = SwitchesView(AS_OF, (applied,))

    page = (await operator.get(f"{RECS}?change=change-1")).text

    assert "revision 42 is in force" in page
    assert 'id="undo"' not in page


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/switches/nothing", "nothing has no switches."),
        ("/switches/nothing/at-all", "nothing has no switches."),
        ("/switches/checkout/nothing", "checkout has no switch nothing. Its switches: banner, limits"),
        ("/switches/search/nothing", "Its switches: none, nothing has been published yet."),
    ],
)
async def test_what_is_not_there_is_not_found(visitor: httpx.AsyncClient, path: str, said: str):
    """The page says what there is."""
    answer = await visitor.get(path)

    assert answer.status_code == 404
    assert said in unescape(answer.text)


async def test_a_document_that_drifted_is_told_with_both_ways_out(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """A foreign edit may be adopted or overwritten; what went back can only be enforced."""
    drift = DriftView("foreign_edit", "revision 43 was never published", "2026-01-12T09:30:00.000Z")
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, drift=drift, unsettled=True),))
    text = await words(operator, RECS)
    assert "is not what was published last since 09:30:00 : revision 43 was never published." in text
    assert "Adopt what stands there Enforce what was published" in text
    assert "may still take effect, and is being settled" in text

    lost = replace(drift, code="document_lost")
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, drift=lost),))
    assert "Adopt what stands there" not in await words(operator, RECS)


async def test_nothing_that_others_wrote_becomes_markup(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile names, values, reasons, errors of readers and entries of history are text and stay text."""
    change = SwitchChangeView(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    nasty = replace(
        RECOMMENDATIONS,
        type=HOSTILE,
        state=HOSTILE,
        value=HOSTILE,
        normal={HOSTILE: HOSTILE},
        degraded=HOSTILE,
        expires_at=HOSTILE,
        regions=(OverrideView(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        grade=HOSTILE,
        owner=HOSTILE,
        description=HOSTILE,
        waiting=HOSTILE,
        changed=change,
        value_key=HOSTILE,
    )
    view = replace(
        CHECKOUT,
        change=change,
        switches=(nasty, replace(nasty, name=HOSTILE)),
        drift=DriftView(HOSTILE, HOSTILE, HOSTILE),
        document_key=HOSTILE,
    )
    fakes.switches.picture = SwitchesView(AS_OF, (view, replace(view, service=HOSTILE)))
    heard = replace(INCOMPLETE, stragglers=(replace(straggler(HOSTILE, HOSTILE, HOSTILE), region=HOSTILE),))
    fakes.queries.picture = replace(GOOD, confirmations=(replace(heard, vantages=(HOSTILE,)),))
    strange = {"recommendations": {HOSTILE: HOSTILE, "state": HOSTILE, "value": HOSTILE, "regions": HOSTILE}}
    await remember(
        fakes, entry(43, "flip", strange, {"recommendations": HOSTILE}, by=HOSTILE, reason=HOSTILE)
    )

    for path in ("/switches", f"/switches?q={HOSTILE[:60]}", RECS, f"{RECS}?change={HOSTILE[:40]}"):
        harmless((await operator.get(path)).text)


@pytest.mark.parametrize("path", ["/switches", RECS, f"{RECS}?change=change-42"])
async def test_pages_need_nothing_that_their_policy_forbids(operator: httpx.AsyncClient, path: str):
    """No inline style, no inline script, no handler in an attribute, nothing from elsewhere."""
    page = (await operator.get(path)).text

    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", page)
    assert all(
        tag.startswith('<script type="module" src="/static/') for tag in re.findall(r"<script[^>]*>", page)
    )
    assert not re.search(r"(?:src|href)=\"(?!/|#)", page)


async def test_a_history_that_breaks_off_is_a_sentence(visitor: httpx.AsyncClient, fakes: FakeDoors):
    """A database that refuses costs the page its history and nothing else."""
    fakes.journal.page = _refusing  # type: ignore[assignment]

    assert "PostgreSQL does not answer." in await words(visitor, RECS)


async def _refusing(**_: object) -> None:
    raise DatabaseUnavailable("connection refused")


def test_the_picture_has_every_state() -> None:
    """What these tests rest on: held, overridden, retired, normal, drifted and unpublished."""
    states = {one.state for service in PICTURE.services for one in service.switches}
    assert states == {"normal", "degraded", "retired"}
