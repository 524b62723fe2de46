"""Acts on groups as text: choose, look, commit; refused, unknown, handed on; and nothing typed is lost."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from controlplane.application.results import (
    GroupDriftRequest,
    MoveRequest,
    PauseRequest,
    Refused,
    ResumeRequest,
    Unknown,
)
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.group_pictures import TROUBLED, plan
from tests.web.pictures import GOOD
from tests.web.visiting import HOSTILE, Fields, assert_harmless, hidden, read, send, visiting, words

FORM = "/groups/checkout/move"
REVIEW = "/groups/checkout/move/review"
TYPED = {"to": "ap-south", "reason": "INC-4821 drain us-east"}


@pytest.fixture
async def operator(fakes: FakeDoors):
    fakes.operations.plans = {"checkout": plan()}
    async with visiting(fakes, "operator") as client:
        yield client


async def reviewed(client: httpx.AsyncClient, typed: Fields = TYPED) -> str:
    """The page of the plan."""
    response = await send(client, FORM, REVIEW, typed)
    assert response.status_code == 200, response.text
    return response.text


def fields_of(page: str) -> dict[str, str | list[str]]:
    """What the form of a review carries by itself."""
    return {name: hidden(page, name) for name in ("csrf", "to", "reason", "revision", "plan", "key")}


async def committed(client: httpx.AsyncClient, page: str, **changes: str | list[str]) -> httpx.Response:
    """What follows when the form of a review is sent."""
    return await client.post(FORM, data={**fields_of(page), **changes})


async def test_a_move_is_chosen_among_regions_with_their_readiness(operator: httpx.AsyncClient):
    """The form names the active region, every other one with its verdict, and what was asked for already."""
    page = (await operator.get(f"{FORM}?to=ap-south")).text

    assert "It is active in us-east . If us-east were lost now" in words(page)
    assert "eu-west up ready ap-south up ready" in words(page)
    assert 'value="ap-south" checked' in page
    assert 'value="us-east"' not in page


async def test_the_review_shows_what_would_happen(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Before, after, whom it concerns, gates, warnings, revision and plan: and nothing is done yet."""
    text = words(await reviewed(operator))

    assert "Move checkout to ap-south" in text
    assert "Nothing has been done yet. This concerns 30 instances of checkout, payments" in text
    assert "planned from revision 16" in text
    assert "the automation is paused: fleet is paused" in text
    assert "active region us-east ap-south" in text
    assert "passes target_healthy" in text
    assert "INC-4821 drain us-east plan 0a1b2c3d4e5f6071" in text
    assert fakes.operations.asked == []


async def test_a_move_is_made_once_and_leads_to_its_life(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The commit carries author, reason, revision and key, and a reload of what follows acts no more."""
    page = await reviewed(operator)

    response = await committed(operator, page)

    assert (response.status_code, response.headers["location"]) == (303, "/groups/checkout?change=change-1")
    (asked,) = fakes.operations.asked
    assert isinstance(asked, MoveRequest)
    assert (asked.group, asked.target, asked.expected_revision, asked.overrides) == (
        "checkout",
        "ap-south",
        16,
        (),
    )
    assert (asked.act.by, asked.act.reason) == ("a-operator", "INC-4821 drain us-east")
    assert asked.act.idempotency_key == hidden(page, "key")
    assert len(asked.act.trace_id) == 32


async def test_a_gate_that_fails_is_overridden_by_name_or_nothing_moves(
    operator: httpx.AsyncClient, fakes: FakeDoors
):
    """Every failing gate is a box of its own; unticked, the move is not made and the review says so."""
    fakes.operations.plans = {"checkout": plan(failing=["target_healthy"])}
    page = await reviewed(operator)
    assert "Move although target_healthy fails" in words(page)

    refused = await committed(operator, page)
    assert refused.status_code == 409
    assert "Not passed: target_healthy." in words(refused.text)
    assert fakes.operations.asked == []

    moved = await committed(operator, page, override=["target_healthy"])
    assert moved.status_code == 303
    assert fakes.operations.asked[0].overrides == ("target_healthy",)  # type: ignore[union-attr]


async def test_a_plan_that_became_another_one_is_shown_again(operator: httpx.AsyncClient, fakes: FakeDoors):
    """What is committed is what was looked at."""
    page = await reviewed(operator)
    fakes.operations.plans = {"checkout": plan(failing=["target_healthy"], plan_hash="ffff")}

    response = await committed(operator, page, override=["target_healthy"])

    assert response.status_code == 409
    assert "the plan has become another one" in words(response.text)
    assert hidden(response.text, "plan") == "ffff"
    assert hidden(response.text, "reason") == TYPED["reason"]
    assert 'value="target_healthy" checked' in response.text
    assert fakes.operations.asked == []


async def test_what_is_not_possible_has_no_button(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A refusal that no override helps leaves nothing to press."""
    fakes.operations.plans = {"checkout": plan(refusals=["checkout is active in ap-south already"])}

    text = words(await reviewed(operator))

    assert "Not possible: checkout is active in ap-south already" in text
    assert "Move to ap-south" not in text


async def test_a_refused_move_keeps_what_was_typed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The refusal is told in its own words, over the same review."""
    page = await reviewed(operator)
    fakes.operations.result = Refused("revision_changed", "checkout is at revision 17, not 16: moved by bob")

    response = await committed(operator, page)

    assert response.status_code == 409
    assert "Not moved. checkout is at revision 17, not 16: moved by bob" in words(response.text)
    assert hidden(response.text, "reason") == TYPED["reason"]


async def test_an_unknown_outcome_is_followed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Whoever gets no answer goes on to the page that says whether it took effect."""
    fakes.operations.result = Unknown("change-9", "it may still take effect")
    response = await committed(operator, await reviewed(operator))

    assert response.headers["location"] == "/groups/checkout?change=change-9"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reason": "INC-1"}, "Choose the region to move to."),
        ({"to": "ap-south", "reason": " "}, "Say why"),
        ({"to": "ap-south", "reason": "x" * 501}, "501 characters"),
        ({"to": "ap-south", "reason": "a\u202eb"}, "is not allowed"),
    ],
)
async def test_what_is_missing_is_told_beside_its_field(
    operator: httpx.AsyncClient, typed: dict[str, str], said: str
):
    """The form comes again with everything that was typed."""
    response = await send(operator, FORM, REVIEW, typed)

    assert response.status_code == 422
    assert said in words(response.text)
    assert typed["reason"].strip()[:100] in response.text


@pytest.mark.parametrize("path", [FORM, REVIEW])
async def test_a_form_without_its_token_does_nothing(
    operator: httpx.AsyncClient, fakes: FakeDoors, path: str
):
    """A form of another site, or of another session, is refused before a field of it is used."""
    page = await reviewed(operator)

    forged = await operator.post(path, data={**fields_of(page), "csrf": "guessed"})
    foreign = await operator.post(path, data=fields_of(page), headers={"sec-fetch-site": "cross-site"})

    assert (forged.status_code, foreign.status_code) == (403, 403)
    assert fakes.operations.asked == []


@pytest.mark.parametrize(
    "path", [FORM, "/groups/checkout/drift", "/restraints/start?scope=fleet", "/restraints/end?scope=fleet"]
)
async def test_acts_need_an_operator(fakes: FakeDoors, path: str):
    """A viewer is told which role it takes."""
    async with visiting(fakes) as viewer:
        text = await read(viewer, path, status_code=403)

    assert "This needs the role operator" in text


async def test_loading_a_review_anew_begins_with_the_form(operator: httpx.AsyncClient):
    """The address of a review is no page of its own."""
    assert "Where to" in await read(operator, REVIEW)


async def test_an_unknown_group_is_not_found(operator: httpx.AsyncClient):
    """Nothing is asked for a group that is none."""
    await read(operator, "/groups/nowhere/move", status_code=404)
    assert (await send(operator, FORM, "/groups/nowhere/move/review", TYPED)).status_code == 404
    assert (await send(operator, FORM, "/groups/nowhere/move", TYPED)).status_code == 404


@pytest.mark.parametrize(
    ("scope", "name", "shown"),
    [
        ("fleet", "", ("Pause the fleet", "/")),
        ("group", "checkout", ("Pause checkout", "/groups/checkout")),
        ("region", "eu-west", ("Start maintenance of eu-west", "/")),
    ],
)
async def test_a_restraint_is_begun(
    operator: httpx.AsyncClient, fakes: FakeDoors, scope: str, name: str, shown: tuple[str, str]
):
    """Its form says what it concerns; it ends by itself, and says who asked and why."""
    form, (title, back) = f"/restraints/start?scope={scope}&name={name}", shown
    assert title in await read(operator, form)
    fakes.operations.result = replace(fakes.operations.result, revision=None)  # type: ignore[arg-type]

    typed = {"scope": scope, "name": name, "for": "90m", "reason": "INC-1"}
    response = await send(operator, form, "/restraints/start", typed)

    assert (response.status_code, response.headers["location"]) == (303, back)
    (asked,) = fakes.operations.asked
    assert isinstance(asked, PauseRequest)
    assert (asked.scope, asked.name, asked.act.reason) == (scope, name or None, "INC-1")
    ahead = asked.until - FakeClock().now()
    assert timedelta(minutes=89) < ahead <= timedelta(minutes=90)


async def test_a_restraint_is_ended(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Ending one needs a reason, too; what stands there is shown before."""
    fakes.queries.picture = TROUBLED
    form = "/restraints/end?scope=group&name=catalog"
    assert "catalog paused until 10:00:00 · alice: INC-4821 schema migration" in await read(operator, form)

    typed = {"scope": "group", "name": "catalog", "reason": "done"}
    await send(operator, form, "/restraints/end", typed)

    (asked,) = fakes.operations.asked
    assert isinstance(asked, ResumeRequest)
    assert (asked.scope, asked.name, asked.act.reason) == ("group", "catalog", "done")


async def test_a_refused_restraint_keeps_what_was_typed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Wrong fields and refusals come with the form, as it was typed."""
    form = "/restraints/start?scope=fleet"
    wrong = await send(operator, form, "/restraints/start", {"scope": "fleet", "for": "soon", "reason": ""})
    assert wrong.status_code == 422
    assert "Say why" in words(wrong.text)
    assert 'value="soon"' in wrong.text

    fakes.operations.result = Refused("consul_unavailable", "nothing was sent")
    for path, ends in (("/restraints/start", {"for": "2h"}), ("/restraints/end", {})):
        refused = await send(operator, form, path, {"scope": "fleet", "reason": "INC-1", **ends})
        assert refused.status_code == 409
        assert "Nothing has changed. nothing was sent" in words(refused.text)
        assert "INC-1" in refused.text
    assert (await send(operator, form, "/restraints/end", {"scope": "fleet"})).status_code == 422


@pytest.mark.parametrize("scope", ["scope=galaxy", "scope=group&name=nowhere", "scope=region&name=mars"])
async def test_only_what_is_there_can_be_restrained(operator: httpx.AsyncClient, scope: str):
    """A made-up scope is a page that names the real ones."""
    await read(operator, f"/restraints/start?{scope}", status_code=404)


@pytest.mark.parametrize("policy", ["enforce", "adopt"])
async def test_a_person_says_which_document_is_right(
    operator: httpx.AsyncClient, fakes: FakeDoors, policy: str
):
    """Either answer has a reason, goes to the application, and leads to the group."""
    fakes.queries.picture = TROUBLED
    form = f"/groups/catalog/drift?policy={policy}"
    assert "edited by somebody else" in await read(operator, form)

    typed = {"policy": policy, "reason": "INC-1 restored by hand"}
    response = await send(operator, form, "/groups/catalog/drift", typed)

    assert response.headers["location"] == "/groups/catalog?change=change-1"
    (asked,) = fakes.operations.asked
    assert isinstance(asked, GroupDriftRequest)
    assert (asked.group, asked.policy, asked.act.reason) == ("catalog", policy, "INC-1 restored by hand")


async def test_a_refused_answer_to_drift_keeps_what_was_typed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """No reason, a refusal, and an answer that is none are each told on the form."""
    form = "/groups/checkout/drift"
    assert "there is nothing to decide" in await read(operator, form)
    assert (await send(operator, form, form, {"policy": "enforce"})).status_code == 422
    assert (await send(operator, form, form, {"policy": "toss", "reason": "x"})).status_code == 404

    fakes.operations.result = Refused("no_drift", "the document of checkout is what was published")
    refused = await send(operator, form, form, {"policy": "adopt", "reason": "INC-1"})

    assert refused.status_code == 409
    assert "Nothing has changed. the document of checkout is what was published" in words(refused.text)
    assert "INC-1" in refused.text


async def test_nothing_that_others_wrote_becomes_markup(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Hostile plans, reasons, restraints and refusals are text and stay text."""
    nasty = replace(
        plan(failing=["target_healthy"], refusals=[HOSTILE]),
        source=HOSTILE,
        target=HOSTILE,
        warnings=(HOSTILE,),
        gates=(replace(plan().gates[0], name=HOSTILE, text=HOSTILE, ok=False),),
        plan_hash=HOSTILE,
    )
    fakes.operations.plans = {"checkout": nasty}
    assert_harmless(await reviewed(operator, {"to": HOSTILE, "reason": HOSTILE}), times=8)

    restraint = replace(TROUBLED.restraints[0], name="checkout", by=HOSTILE, reason=HOSTILE, until=HOSTILE)
    fakes.queries.picture = replace(GOOD, restraints=(restraint,))
    page = (await operator.get("/restraints/end?scope=group&name=checkout")).text
    assert_harmless(page, times=3)

    fakes.operations.result = Refused("no", HOSTILE)
    form = "/groups/checkout/drift"
    assert_harmless((await send(operator, form, form, {"policy": "adopt", "reason": HOSTILE})).text, times=2)
