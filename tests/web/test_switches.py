"""Switches over the API: what is shown, what arrives of an act, and how its outcome is told."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from controlplane.application.ports import DatabaseUnavailable
from controlplane.application.results import Refused, Unknown
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.domain.switches import Flip, Given, Verb
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors

SWITCH = "/api/v1/switches/checkout/recommendations"
REASON = {"reason": "INC-4821 shed load"}


def asked(fakes: FakeDoors) -> Flip:
    """The flip that the application was asked for."""
    (request,) = fakes.switches.asked
    assert isinstance(request, FlipRequest)
    return request.flip


async def test_all_switches_are_shown_as_of_a_moment(viewer: httpx.AsyncClient):
    """Every service with its revision, its switches and what is wrong with its document."""
    body = (await viewer.get("/api/v1/switches")).json()

    checkout, payments, search = body["services"]
    assert body["as_of"] == "2026-01-12T09:31:14.207Z"
    assert (checkout["service"], checkout["revision"], checkout["drift"]) == ("checkout", 42, None)
    assert checkout["switches"][0] == {
        "name": "recommendations",
        "type": "bool",
        "state": "degraded",
        "value": False,
        "normal": True,
        "percent": 25,
        "expires_at": "2026-01-12T11:31:07.000Z",
        "regions": [],
        "degraded": False,
        "declared": True,
        "grade": "non-core",
        "owner": "growth",
        "description": "Related products on the cart page",
        "waiting": None,
        "changed": {
            "id": "change-42",
            "kind": "flip",
            "by": "alice",
            "reason": "INC-4821 shed recommendation load",
            "at": "2026-01-12T09:31:07.412Z",
            "playbook": None,
        },
    }
    assert checkout["switches"][1]["regions"] == [
        {"region": "eu-west", "state": "degraded", "value": 1, "expires_at": None}
    ]
    assert (payments["drift"]["code"], payments["unsettled"]) == ("foreign_edit", True)
    assert (search["revision"], search["switches"]) == (None, [])


async def test_a_service_and_a_switch_carry_their_revision_as_a_tag(viewer: httpx.AsyncClient):
    """The ETag is what an act sends back as `If-Match`; a service without a document has none."""
    service = await viewer.get("/api/v1/switches/checkout")
    one = await viewer.get(SWITCH)

    assert (service.headers["ETag"], one.headers["ETag"]) == ('"42"', '"42"')
    assert one.json()["name"] == "recommendations"
    assert "ETag" not in (await viewer.get("/api/v1/switches/search")).headers


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("nothing", "unknown_service", "services with switches: checkout, payments, search"),
        ("nothing/at-all", "unknown_service", "nothing has no switches"),
        ("checkout/nothing", "unknown_switch", "switches: recommendations, search-depth"),
        ("search/nothing", "unknown_switch", "switches: none"),
    ],
)
async def test_what_is_not_there_is_told_with_what_is(
    viewer: httpx.AsyncClient, path: str, code: str, words: str
):
    """A 404 names what could have been meant."""
    response = await viewer.get(f"/api/v1/switches/{path}")

    assert (response.status_code, response.json()["code"]) == (404, code)
    assert words in response.json()["detail"]


async def test_where_no_service_has_switches_that_is_said(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """An empty fleet answers with an empty list, and with `none`."""
    fakes.switches.picture = FakeDoors().switches.picture

    assert (await viewer.get("/api/v1/switches")).json()["services"] == []
    assert "services with switches: none" in (await viewer.get(SWITCH)).json()["detail"]


async def test_a_flip_arrives_as_it_was_asked(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Author, reason, key, expected revision and every detail reach the application."""
    body = {**REASON, "value": False, "regions": ["eu-west"], "for": "2h"}
    headers = {"Idempotency-Key": "k-1", "If-Match": '"42"'}

    response = await operator.post(f"{SWITCH}/degrade", json=body, headers=headers)

    assert response.status_code == 200
    assert response.json() == {
        "outcome": "done",
        "change_id": "change-2",
        "text": "checkout/recommendations is degraded",
        "revision": 43,
    }
    (request,) = fakes.switches.asked
    assert isinstance(request, FlipRequest)
    assert (request.service, request.expected_revision) == ("checkout", 42)
    assert (request.act.by, request.act.reason) == ("a-operator", REASON["reason"])
    assert request.act.idempotency_key == "k-1"
    flip = request.flip
    assert (flip.switch, flip.verb, flip.regions) == ("recommendations", Verb.DEGRADE, ("eu-west",))
    assert flip.value == Given(value=False)
    assert flip.expires_at
    assert flip.expires_at - EPOCH >= timedelta(hours=2)


@pytest.mark.parametrize(
    ("verb", "more", "flip"),
    [
        ("degrade", {}, Flip("recommendations", Verb.DEGRADE)),
        ("degrade", {"percent": 25}, Flip("recommendations", Verb.DEGRADE, percent=25)),
        ("degrade", {"value": None}, Flip("recommendations", Verb.DEGRADE, value=Given(None))),
        (
            "degrade",
            {"value": {"a": [1, 2.5]}},
            Flip("recommendations", Verb.DEGRADE, value=Given({"a": [1, 2.5]})),
        ),
        ("restore", {}, Flip("recommendations", Verb.RESTORE)),
        ("restore", {"regions": ["eu-west"]}, Flip("recommendations", Verb.RESTORE, ("eu-west",))),
        (
            "force",
            {"until": "2026-01-20T10:00:00Z"},
            Flip("recommendations", Verb.FORCE, expires_at=EPOCH.replace(day=20, hour=10, minute=0)),
        ),
    ],
)
async def test_each_verb_asks_for_what_its_body_says(
    operator: httpx.AsyncClient, fakes: FakeDoors, verb: str, more: dict[str, Any], flip: Flip
):
    """A missing value is none, a null value is null."""
    response = await operator.post(f"{SWITCH}/{verb}", json={**REASON, **more})

    assert response.status_code == 200, response.text
    assert asked(fakes) == flip


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("degrade", {}, "body.reason"),
        ("degrade", {**REASON, "percent": 0}, "body.percent"),
        ("degrade", {**REASON, "percent": "25"}, "body.percent"),
        ("degrade", {**REASON, "regions": ["EU"]}, "body.regions.0"),
        ("degrade", {**REASON, "regions": "eu-west"}, "body.regions"),
        ("degrade", {**REASON, "for": "soon"}, "body.for"),
        ("degrade", {**REASON, "until": "2026-01-12T10:00:00"}, "body.until"),
        ("degrade", {**REASON, "for": "1h", "until": "2026-01-12T10:00:00Z"}, "body"),
        ("degrade", {**REASON, "value": 2**60}, "body.value"),
        ("degrade", {**REASON, "value": [[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]}, "body.value"),
        ("restore", {**REASON, "value": 1}, "body.value"),
        ("restore", {**REASON, "for": "1h"}, "body.for"),
        ("force", {**REASON, "percent": 5}, "body.percent"),
    ],
)
async def test_a_body_that_fits_no_flip_names_its_mistake(
    operator: httpx.AsyncClient, fakes: FakeDoors, verb: str, body: dict[str, Any], path: str
):
    """What cannot be meant is told with its place, and nothing is asked."""
    response = await operator.post(f"{SWITCH}/{verb}", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert [mistake["path"] for mistake in response.json()["mistakes"]] == [path]
    assert fakes.switches.asked == []


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"'])
async def test_a_value_that_not_every_reader_can_hold_is_refused(
    operator: httpx.AsyncClient, fakes: FakeDoors, value: str
):
    """NaN, infinity and half a surrogate pair, which some programs write into JSON, are no values."""
    content = f'{{"reason": "INC-1", "value": {value}}}'
    headers = {"Content-Type": "application/json"}

    response = await operator.post(f"{SWITCH}/degrade", content=content, headers=headers)

    assert (response.status_code, fakes.switches.asked) == (422, [])


@pytest.mark.parametrize(
    ("code", "conditional", "status"),
    [
        ("revision_changed", '"42"', 412),
        ("switch_changed", None, 409),
        ("foreign_edit", None, 409),
        ("history_full", None, 409),
        ("unknown_switch", None, 404),
        ("unknown_service", None, 404),
        ("value_not_allowed", None, 422),
        ("flip_not_allowed", None, 422),
        ("consul_unavailable", None, 503),
    ],
)
async def test_a_refusal_has_a_status_and_a_code(
    operator: httpx.AsyncClient, fakes: FakeDoors, code: str, conditional: str | None, status: int
):
    """Nothing has changed; the sentence says why, the status what kind of why."""
    fakes.switches.result = Refused(code, "bob changed it at 10:00")
    headers = {"If-Match": conditional} if conditional else {}

    response = await operator.post(f"{SWITCH}/restore", json=REASON, headers=headers)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"] == "bob changed it at 10:00"


async def test_an_unknown_outcome_is_accepted_not_failed(operator: httpx.AsyncClient, fakes: FakeDoors):
    """202 says that it was sent and may still take effect."""
    fakes.switches.result = Unknown("c-1", "no answer from Consul")

    response = await operator.post(f"{SWITCH}/force", json=REASON)

    assert (response.status_code, response.json()["outcome"]) == (202, "unknown")


async def test_an_undo_names_a_revision(operator: httpx.AsyncClient, fakes: FakeDoors):
    """The revision, the expected one and the reason arrive; PostgreSQL away is told as such."""
    url = "/api/v1/switches/checkout/undo"
    await operator.post(url, json={**REASON, "revision": 41}, headers={"If-Match": '"42"'})
    (request,) = fakes.switches.asked
    assert isinstance(request, UndoRequest)
    assert (request.service, request.revision, request.expected_revision) == ("checkout", 41, 42)
    assert (await operator.post(url, json={**REASON, "revision": 0})).status_code == 422

    fakes.switches.failure = DatabaseUnavailable("PostgreSQL is away")
    response = await operator.post(url, json={**REASON, "revision": 41})
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


@pytest.mark.parametrize("policy", ["adopt", "enforce"])
async def test_drift_is_decided_by_a_word(operator: httpx.AsyncClient, fakes: FakeDoors, policy: str):
    """Which of the two is right is said by a person, with a reason."""
    response = await operator.post("/api/v1/switches/payments/drift", json={**REASON, "policy": policy})

    (request,) = fakes.switches.asked
    assert response.status_code == 200
    assert isinstance(request, DriftRequest)
    assert (request.service, request.policy) == ("payments", DriftPolicy(policy))


async def test_another_policy_is_none(operator: httpx.AsyncClient, fakes: FakeDoors):
    """`hold` is what happens when nobody says anything."""
    response = await operator.post("/api/v1/switches/payments/drift", json={**REASON, "policy": "hold"})

    assert (response.status_code, fakes.switches.asked) == (422, [])
