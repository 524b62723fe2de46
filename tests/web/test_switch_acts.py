"""Flip, undo, adopt and enforce on pages, as text: a form, a review, a commit, and what may go wrong."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from html import unescape

import httpx
import pytest

from controlplane.application.results import Done, Refused, Unknown
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import OverrideView, SwitchesView, SwitchPreview
from controlplane.console.standing import entry_of
from controlplane.domain.fleet import Definitions, Fleet
from controlplane.domain.switches import Flip, Given, Verb
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.flip_pictures import BANNER, LIMITS, NORMAL, SWITCHED, furnish, preview
from tests.web.markup import harmless
from tests.web.pictures import AS_OF, GOOD
from tests.web.switch_pictures import RECOMMENDATIONS, SEARCH_DEPTH
from tests.web.test_pages import HERE, HOSTILE, application

RECS = "/switches/checkout/recommendations"
DEGRADE = {"verb": "degrade", "value": "false", "scope": "", "percent": "100", "ends": "2h", "duration": ""}
RESTORE = {"verb": "restore"}
PATIENCE = timedelta(minutes=1)


async def opened(fakes: FakeDoors, role: str) -> AsyncIterator[httpx.AsyncClient]:
    await furnish(fakes)
    transport = httpx.ASGITransport(application(fakes))
    cookies = fakes.people.cookies(role)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=cookies) as client:
        yield client


@pytest.fixture
async def operator(fakes: FakeDoors):
    async for client in opened(fakes, "operator"):
        yield client


@pytest.fixture
async def visitor(fakes: FakeDoors):
    async for client in opened(fakes, "viewer"):
        yield client


def said(answer: httpx.Response) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def hidden(answer: httpx.Response) -> dict[str, str]:
    """What the form that commits carries beside the reason."""
    form = re.findall(r'<form class="form" method="post".*?</form>', answer.text, re.DOTALL)[0]
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in fields}


async def committed(
    client: httpx.AsyncClient, review: str, *, reason: str = "INC-1 shed", **changed: str
) -> httpx.Response:
    """Look at a review and send its form, as a browser does."""
    answer = await client.get(review)
    assert answer.status_code == 200, answer.text
    action = re.findall(r'<form class="form" method="post" action="([^"]*)"', answer.text)[0]
    return await client.post(unescape(action), data={**hidden(answer), "reason": reason, **changed})


def address(fields: Mapping[str, str], path: str = RECS) -> str:
    return str(httpx.URL(f"{path}/review", params=dict(fields)))


def flips(fakes: FakeDoors) -> list[FlipRequest]:
    return [one for one in fakes.switches.asked if isinstance(one, FlipRequest)]


@pytest.mark.parametrize(
    ("path", "checked", "value"),
    [
        (f"{RECS}/flip", "restore", 'name="value" value="false" checked'),
        (f"{RECS}/flip?verb=degrade&value=true", "degrade", 'name="value" value="true" checked'),
        ("/switches/checkout/banner/flip", "degrade", 'name="value" value=""'),
        ("/switches/checkout/limits/flip", "degrade", "{\n  &#34;carts&#34;: 10\n}"),
        ("/switches/checkout/search-depth/flip", "degrade", 'name="value" value="1" autocomplete'),
        ("/switches/checkout/old-banner/flip", "restore", 'name="value" value=""'),
    ],
)
async def test_the_form_begins_with_what_is_likely(
    operator: httpx.AsyncClient, path: str, checked: str, value: str
):
    """Restore what is held, else degrade to the declared value for two hours; the address may say more."""
    page = (await operator.get(path)).text

    assert f'value="{checked}" id="verb-{checked}" checked' in page
    assert value in page
    assert 'name="ends" value="2h" checked' in page


async def test_the_form_says_where_and_how_many(operator: httpx.AsyncClient):
    """Everywhere or one region, each with its instances."""
    text = said(await operator.get(f"{RECS}/flip"))

    assert "everywhere (15 instances)" in text
    assert "eu-west (5 instances)" in text
    assert "Nothing is changed yet" in text


async def test_a_region_that_the_fleet_no_longer_has_stays_chosen(operator: httpx.AsyncClient):
    """Its override can be restored all the same."""
    page = (await operator.get(f"{RECS}/flip?verb=restore&scope=mars")).text

    assert '<option value="mars" selected>mars</option>' in page


async def test_the_review_shows_the_difference_and_whom_it_concerns(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """Was and will be, in each region with its instances; who confirms now; nothing has been asked for."""
    text = said(await operator.get(address(RESTORE)))

    assert "Restore checkout/recommendations reviewed at revision 42" in text
    assert "Concerns 15 of 15 instances, in 3 regions: us-east, eu-west, ap-south." in text
    assert "12 of 15 confirm the revision that is in force now." in text
    assert (
        "us-east degraded false for 25% of the units until 11:31:07 , 1 h 59 min left normal true 5 instances"
        in text
    )
    assert fakes.switches.asked == []
    (looked,) = fakes.switches.looked_ahead
    assert isinstance(looked, FlipRequest)
    assert looked.flip == Flip("recommendations", Verb.RESTORE)


async def test_places_that_stay_are_told_as_staying(operator: httpx.AsyncClient, fakes: FakeDoors):
    """An override goes before everywhere: its region is not concerned, and that is said."""
    held = replace(SEARCH_DEPTH, waiting=None)
    fakes.switches.previewed = preview(held, replace(held, state="degraded", value=2, expires_at=AS_OF))

    text = said(await operator.get(address(DEGRADE | {"value": "2"}, "/switches/checkout/search-depth")))

    assert "Concerns 10 of 15 instances, in 2 regions: us-east, ap-south." in text
    assert "eu-west degraded 1 stays 5 instances" in text
    assert "stays away search-depth is held in other places, and stays so there." in text


async def test_a_region_is_named_in_the_title(operator: httpx.AsyncClient, fakes: FakeDoors):
    """One region of three, and one only."""
    held = replace(NORMAL, regions=(OverrideView("eu-west", "degraded", value=False, expires_at=AS_OF),))
    fakes.switches.previewed = preview(NORMAL, held)

    text = said(await operator.get(address(DEGRADE | {"scope": "eu-west"})))

    assert "Degrade checkout/recommendations in eu-west" in text
    assert "Concerns 5 of 15 instances, in 1 region: eu-west." in text


async def test_what_is_to_be_minded_is_told(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A core switch, no end, a large value, a publication that is unsettled."""
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, unsettled=True),))
    large = {"words": "x" * 3000}
    fakes.switches.previewed = preview(LIMITS, replace(LIMITS, state="degraded", value=large))

    text = said(
        await operator.get(address(DEGRADE | {"value": "{}", "ends": "never"}, "/switches/checkout/limits"))
    )

    assert "core limits is declared core" in text
    assert "no end limits stays so until somebody restores it" in text
    assert "large The value of limits takes 3012 of at most 4096 bytes" in text
    assert "unsettled A publication of unknown outcome is being settled" in text


async def test_what_is_so_already_is_not_committed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Without a difference there is no button that acts."""
    fakes.switches.previewed = SwitchPreview("checkout", 42, before={}, after={})

    answer = await operator.get(address(RESTORE))

    assert "It is so already: nothing would be published." in said(answer)
    assert 'method="post" action="/switches' not in answer.text


async def test_a_service_without_known_instances_is_reviewed_all_the_same(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """The base entry still changes."""
    fakes.registry.definitions = Definitions(12, Fleet())

    text = said(await operator.get(address(RESTORE)))

    assert "No instance that is known here reads what changes." in text
    assert "everywhere else degraded false" in text


OFF = Given(value=False)


@pytest.mark.parametrize(
    ("fields", "flip", "lasts"),
    [
        (DEGRADE, Flip("recommendations", Verb.DEGRADE, value=OFF), timedelta(hours=2)),
        (
            DEGRADE | {"ends": "never", "percent": "25"},
            Flip("recommendations", Verb.DEGRADE, value=OFF, percent=25),
            None,
        ),
        (
            DEGRADE | {"scope": "eu-west", "ends": "other", "duration": "45m"},
            Flip("recommendations", Verb.DEGRADE, ("eu-west",), value=OFF),
            timedelta(minutes=45),
        ),
        (DEGRADE | {"verb": "restore"}, Flip("recommendations", Verb.RESTORE), None),
        (RESTORE | {"scope": "eu-west"}, Flip("recommendations", Verb.RESTORE, ("eu-west",)), None),
        (
            DEGRADE | {"verb": "force", "ends": "15m"},
            Flip("recommendations", Verb.FORCE),
            timedelta(minutes=15),
        ),
    ],
    ids=["degrade", "percent", "region", "restore", "restore-region", "force"],
)
async def test_what_was_reviewed_is_what_is_asked(
    operator: httpx.AsyncClient, fakes: FakeDoors, fields: dict[str, str], flip: Flip, lasts: timedelta | None
):
    """The commit asks for the very flip that was reviewed, at the revision of the review, once."""
    answer = await committed(operator, address(fields))

    assert (answer.status_code, answer.headers["location"]) == (303, f"{RECS}?change=change-2")
    (looked,), (asked,) = fakes.switches.looked_ahead, flips(fakes)
    assert isinstance(looked, FlipRequest)
    assert replace(looked.flip, expires_at=None) == replace(asked.flip, expires_at=None) == flip
    assert (asked.act.by, asked.act.reason, asked.expected_revision) == ("a-operator", "INC-1 shed", 42)
    assert asked.act.idempotency_key
    end = asked.flip.expires_at
    assert (end is None) is (lasts is None)
    assert end is None or lasts is None or timedelta() <= FakeClock().now() + lasts - end < PATIENCE


async def test_sending_a_form_twice_is_one_act(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The form carries its key; another review has another one."""
    review = await operator.get(address(RESTORE))
    for _ in range(2):
        await operator.post(f"{RECS}/flip", data={**hidden(review), "reason": "INC-1"})

    one, two = (asked.act.idempotency_key for asked in flips(fakes))
    assert one == two
    assert hidden(await operator.get(address(RESTORE)))["key"] != one


@pytest.mark.parametrize(
    ("path", "fields", "wrong"),
    [
        (RECS, {"verb": "toggle"}, "Choose what to do: degrade, restore or force."),
        (RECS, DEGRADE | {"value": "maybe"}, "Not JSON: Expecting value in line 1, column 1."),
        (RECS, DEGRADE | {"value": "1"}, "a value of type bool is wanted, not 1."),
        (RECS, DEGRADE | {"percent": "0"}, "A whole number from 1 to 100 is wanted."),
        (RECS, DEGRADE | {"percent": "²"}, "A whole number from 1 to 100 is wanted."),
        (RECS, DEGRADE | {"percent": "5", "scope": "eu-west"}, "A share goes with everywhere only"),
        (
            RECS,
            DEGRADE | {"ends": "other", "duration": "soon"},
            "soon is not a duration; allowed: 1s to 720h",
        ),
        (RECS, DEGRADE | {"ends": "other", "duration": "721h"}, "721h is out of bounds; allowed: 1s to 720h"),
        ("/switches/checkout/search-depth", {"value": "3.5"}, "a value of type int is wanted, not 3.5."),
        ("/switches/checkout/search-depth", {"value": "9" * 17}, "is out of bounds; allowed: a whole number"),
        ("/switches/checkout/limits", {"value": '{"a": NaN}'}, "NaN is not JSON"),
        ("/switches/checkout/limits", {"value": '{"a": 1e999}'}, "is not a finite number"),
        ("/switches/checkout/limits", {"value": '{"a":\n 1,}'}, "in line 2"),
        ("/switches/checkout/limits", {"value": "[" * 40 + "]" * 40}, "nested too deeply"),
        ("/switches/checkout/banner", {"value": "x" * 5000}, "the value is larger than 4096 bytes."),
    ],
)
async def test_a_mistake_is_told_beside_its_field_and_nothing_is_lost(
    operator: httpx.AsyncClient, fakes: FakeDoors, path: str, fields: dict[str, str], wrong: str
):
    """The form again, with what is wrong and all that was typed; whether it was reviewed or committed."""
    fields = {**fields, "reason": "INC-7 half typed"}
    review = await operator.get(address(fields, path))
    csrf = {"csrf": re.findall(r'name="csrf" value="([^"]*)"', review.text)[0]}
    commit = await operator.post(f"{path}/flip", data={**fields, **csrf})

    for answer in (review, commit):
        assert answer.status_code == 422
        assert wrong in said(answer).replace('"', "")
        assert "1 field cannot be taken as it is; nothing has changed." in said(answer)
        assert 'value="INC-7 half typed"' in answer.text
    assert fakes.switches.asked == fakes.switches.looked_ahead == []


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [("", "Say why: it stands in the history."), ("x" * 501, "501 characters"), ("a\nb", "U+000A")],
)
async def test_nothing_is_done_without_a_reason(
    operator: httpx.AsyncClient, fakes: FakeDoors, reason: str, wrong: str
):
    """The review again, with the reason's mistake."""
    answer = await committed(operator, address(RESTORE), reason=reason)

    assert answer.status_code == 422
    assert wrong in said(answer)
    assert "Concerns 15 of 15 instances" in said(answer)
    assert fakes.switches.asked == []


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("revision_changed", 412, "Somebody else was first; nothing has changed."),
        ("switch_changed", 412, "Somebody else was first; nothing has changed."),
        ("history_full", 409, "Refused; nothing has changed."),
    ],
)
async def test_a_refusal_is_told_and_offers_the_review_anew(
    operator: httpx.AsyncClient, fakes: FakeDoors, code: str, status: int, told: str
):
    """The winner by name, the difference as it is now, at the new revision, with what was typed."""
    review = await operator.get(address(DEGRADE))
    fakes.switches.result = Refused(
        code, "the switches of checkout are at revision 43, not 42: bob changed it"
    )
    fakes.switches.previewed = preview(NORMAL, RECOMMENDATIONS, revision=43)

    answer = await operator.post(f"{RECS}/flip", data={**hidden(review), "reason": "INC-1"})

    assert answer.status_code == status
    assert f"{told} The switches of checkout are at revision 43, not 42: bob changed it." in said(answer)
    assert "reviewed at revision 43" in said(answer)
    again = hidden(answer)
    assert (again["revision"], again["ends"], again["verb"]) == ("43", "2h", "degrade")
    assert again["key"] != hidden(review)["key"]
    assert 'value="INC-1"' in answer.text


async def test_an_unknown_outcome_goes_to_the_page_that_says_so(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """Neither done nor refused."""
    fakes.switches.result = Unknown("change-9", "no answer")
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, unsettled=True),))

    answer = await committed(operator, address(RESTORE))

    assert answer.status_code == 303
    assert "It was sent and may still take effect." in said(await operator.get(answer.headers["location"]))


async def test_a_review_that_would_be_refused_says_why(operator: httpx.AsyncClient, fakes: FakeDoors):
    """There is nothing to commit then."""
    fakes.switches.previewed = Refused("foreign_edit", "revision 43 was never published")

    answer = await operator.get(address(RESTORE))

    assert "It cannot be done now. Revision 43 was never published." in said(answer)
    assert 'method="post" action="/switches' not in answer.text


@pytest.mark.parametrize("contact", [None, 14.2])
async def test_a_silent_consul_is_not_waited_for(
    operator: httpx.AsyncClient, fakes: FakeDoors, contact: float | None
):
    """The review comes at once and says what is away."""
    fakes.queries.picture = replace(GOOD, store_contact_seconds=contact)

    assert "Consul does not answer, nothing can be changed now." in said(await operator.get(address(RESTORE)))
    assert fakes.switches.looked_ahead == []


async def test_a_slow_answer_is_not_waited_for(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The review says that it does not know."""

    async def never(_request: object) -> SwitchPreview:
        await asyncio.Event().wait()
        raise AssertionError

    fakes.switches.preview = never  # type: ignore[assignment]
    answer = await operator.get(f"{RECS}/undo/42")

    assert "Consul or PostgreSQL did not answer in time; open this page again." in said(answer)


async def test_an_undo_is_one_button(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Its review has the reason already."""
    review = await operator.get(f"{RECS}/undo/42")
    assert "Undo revision 42 of checkout" in said(review)
    assert 'value="undo of revision 42"' in review.text

    answer = await operator.post(f"{RECS}/undo/42", data={**hidden(review), "reason": "undo of revision 42"})

    assert answer.headers["location"] == f"{RECS}?change=change-2"
    (asked,) = fakes.switches.asked
    assert isinstance(asked, UndoRequest)
    assert (asked.revision, asked.expected_revision, asked.act.reason) == (42, 42, "undo of revision 42")


@pytest.mark.parametrize("revision", ["0", "x", "9" * 13])
async def test_what_is_no_revision_is_not_undone(operator: httpx.AsyncClient, revision: str):
    """A revision is a positive number of twelve digits at most."""
    assert (await operator.get(f"{RECS}/undo/{revision}")).status_code == 422


@pytest.mark.parametrize(
    ("policy", "title"),
    [
        ("adopt", "Adopt what stands in Consul for payments"),
        ("enforce", "Enforce what was published last for payments"),
    ],
)
async def test_a_drift_is_decided_by_a_review_of_its_own(
    operator: httpx.AsyncClient, fakes: FakeDoors, policy: str, title: str
):
    """Either way the difference is shown first; even over a document that no revision can be read of."""
    was = entry_of(BANNER)
    fakes.switches.previewed = SwitchPreview("payments", None, before={"banner": was}, after={})
    review = await operator.get(f"/switches/payments/drift/{policy}")
    assert title in said(review)
    assert "everywhere else normal hello gone" in said(review).replace('"', "")

    answer = await committed(operator, f"/switches/payments/drift/{policy}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/switches/payments?change=change-2")
    (asked,) = fakes.switches.asked
    assert isinstance(asked, DriftRequest)
    assert (asked.service, asked.policy) == ("payments", DriftPolicy(policy))


async def test_there_are_two_ways_out_of_a_drift(operator: httpx.AsyncClient):
    """A third one is not understood."""
    assert (await operator.get("/switches/payments/drift/ignore")).status_code == 422


ACTS = (f"{RECS}/flip", address(RESTORE), f"{RECS}/undo/42", "/switches/payments/drift/adopt")


@pytest.mark.parametrize("path", ACTS)
async def test_a_viewer_may_not_act(visitor: httpx.AsyncClient, fakes: FakeDoors, path: str):
    """Neither by address nor by form; the page names the role that it needs."""
    answer = await visitor.get(path)

    assert answer.status_code == 403
    assert "needs the role operator" in said(answer)
    token = re.findall(r'name="csrf" value="([^"]*)"', (await visitor.get("/switches")).text)[0]
    posted = await visitor.post(f"{RECS}/flip", data={**RESTORE, "csrf": token, "reason": "x"})
    assert posted.status_code == 403
    assert fakes.switches.asked == fakes.switches.looked_ahead == []


@pytest.mark.parametrize("path", [f"{RECS}/flip", f"{RECS}/undo/42", "/switches/payments/drift/adopt"])
async def test_a_form_of_another_site_does_nothing(operator: httpx.AsyncClient, fakes: FakeDoors, path: str):
    """Without the token of the session, or from another origin, nothing is asked."""
    token = hidden(await operator.get(address(RESTORE)))["csrf"]
    body = {**RESTORE, "reason": "x"}

    without = await operator.post(path, data=body)
    foreign = await operator.post(
        path, data={**body, "csrf": token}, headers={"Origin": "http://evil.example"}
    )

    assert (without.status_code, foreign.status_code) == (403, 403)
    assert fakes.switches.asked == []


async def test_nothing_that_others_wrote_becomes_markup(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile definitions, previews, refusals and whatever stands in the address stay text."""
    nasty = replace(RECOMMENDATIONS, value=HOSTILE, normal=HOSTILE, description=HOSTILE, grade=HOSTILE)
    nasty = replace(nasty, regions=(OverrideView(HOSTILE, HOSTILE, HOSTILE, HOSTILE),), type="string")
    fakes.switches.picture = SwitchesView(AS_OF, (replace(SWITCHED, switches=(nasty,)),))
    fakes.switches.previewed = SwitchPreview(
        HOSTILE, 42, before={HOSTILE: entry_of(nasty)}, after={HOSTILE: {HOSTILE: HOSTILE, "state": HOSTILE}}
    )
    typed = dict.fromkeys(("value", "scope", "ends", "duration", "reason"), HOSTILE)

    harmless((await operator.get(httpx.URL(f"{RECS}/flip", params={**typed, "verb": "degrade"}))).text)
    harmless((await operator.get(address({**typed, "verb": "degrade", "ends": "2h"}))).text)
    harmless((await operator.get(address({**typed, "verb": HOSTILE}))).text)
    fakes.switches.result = Refused(HOSTILE, HOSTILE)
    harmless((await committed(operator, f"{RECS}/undo/42", reason=HOSTILE)).text)
    fakes.switches.previewed = Refused(HOSTILE, HOSTILE)
    harmless((await operator.get(f"{RECS}/undo/42")).text)


async def test_a_flip_that_was_done_without_a_publication_says_so(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """Somebody did the same meanwhile: no revision carries the change."""
    fakes.switches.result = Done("change-9", "it was so already", 42)

    answer = await committed(operator, address(RESTORE))

    assert "no revision carries this change" in said(await operator.get(answer.headers["location"]))
