"""Groups: look, plan, move, and the three answers to a move."""

import json

import httpx
import pytest

from controlplane.application.results import Act, Done, MoveRequest, Refused, Unknown
from controlplane.application.views import GateView, PlanView
from tests.fakes.doors import FakeDoors

MOVE_URL = "/api/v1/failover/checkout/move"
PLAN_URL = "/api/v1/failover/checkout/plan"
MOVE = {"to": "eu-west", "reason": "INC-1 us-east is slow"}
PLAN = PlanView(
    group="checkout",
    source="us-east",
    target="eu-west",
    revision=16,
    gates=(GateView("target-healthy", ok=True, text="5 of 5 instances are up, 3 are needed"),),
    warnings=("the last move was 2 min ago",),
    refusals=(),
    plan_hash="9f2c",
)


async def test_a_group_comes_with_its_revision_as_etag(viewer: httpx.AsyncClient):
    """What `If-Match` of a move wants is the ETag of the group."""
    response = await viewer.get("/api/v1/failover/checkout")

    assert response.headers["etag"] == '"16"'
    assert response.json()["revision"] == 16


async def test_all_groups_come_in_the_order_of_the_file(viewer: httpx.AsyncClient):
    """The list keeps the order of the definitions."""
    body = (await viewer.get("/api/v1/failover")).json()

    assert [group["name"] for group in body["groups"]] == ["checkout", "catalog"]


async def test_an_unknown_group_is_answered_with_the_known_ones(viewer: httpx.AsyncClient):
    """404 names the groups there are."""
    response = await viewer.get("/api/v1/failover/chekout")

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_group"
    assert response.json()["detail"] == "There is no group chekout; groups: checkout, catalog."


async def test_a_plan_shows_gates_and_the_revision_to_match(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """A plan tells everything that the move would look at."""
    fakes.operations.plans = {"checkout": PLAN}

    body = (await viewer.post(PLAN_URL, json={"to": "eu-west"})).json()

    assert body["revision"] == 16
    assert body["gates"] == [
        {"name": "target-healthy", "ok": True, "text": "5 of 5 instances are up, 3 are needed"}
    ]
    assert body["plan_hash"] == "9f2c"


async def test_a_plan_for_an_unknown_group_is_not_found(viewer: httpx.AsyncClient):
    """The application's KeyError is a 404."""
    response = await viewer.post(PLAN_URL, json={"to": "eu-west"})

    assert (response.status_code, response.json()["code"]) == (404, "unknown_group")


async def test_a_move_carries_who_why_and_from_what(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Token, reason, trace, `If-Match`, `Idempotency-Key` and overrides reach the application."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {
        "If-Match": '"16"',
        "Idempotency-Key": "deploy-77",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }

    await operator.post(MOVE_URL, json={**MOVE, "overrides": ["target-healthy"]}, headers=headers)

    assert fakes.operations.asked == [
        MoveRequest(
            act=Act(
                by="a-operator",
                reason="INC-1 us-east is slow",
                trace_id=trace,
                idempotency_key="deploy-77",
            ),
            group="checkout",
            target="eu-west",
            expected_revision=16,
            overrides=("target-healthy",),
        )
    ]


async def test_done_is_200_with_change_and_revision(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A move in force is told by its change and its revision."""
    fakes.operations.result = Done(change_id="c1", text="checkout is active in eu-west", revision=17)

    response = await operator.post(MOVE_URL, json=MOVE)

    assert response.status_code == 200
    assert response.json() == {
        "outcome": "done",
        "change_id": "c1",
        "text": "checkout is active in eu-west",
        "revision": 17,
    }


async def test_unknown_is_202_and_never_an_error(operator: httpx.AsyncClient, fakes: FakeDoors):
    """What was sent and may still take effect is neither done nor refused."""
    fakes.operations.result = Unknown(change_id="c1", text="sent; it may still take effect")

    response = await operator.post(MOVE_URL, json=MOVE)

    assert response.status_code == 202
    assert response.json() == {
        "outcome": "unknown",
        "change_id": "c1",
        "text": "sent; it may still take effect",
    }


@pytest.mark.parametrize(
    ("code", "if_match", "status"),
    [
        ("gate_failed", None, 409),
        ("revision_changed", '"16"', 412),
        ("document_changed", '"16"', 412),
        ("document_changed", None, 409),
        ("unknown_group", None, 404),
        ("unknown_region", None, 422),
        ("consul_unavailable", '"16"', 503),
    ],
)
async def test_a_refusal_is_a_problem_with_its_own_code(
    operator: httpx.AsyncClient, fakes: FakeDoors, code: str, if_match: str | None, status: int
):
    """The status says what kind of refusal it is, the code says which."""
    fakes.operations.result = Refused(code, "eu-west has 2 of 5 instances up, 3 are needed")

    response = await operator.post(MOVE_URL, json=MOVE, headers={"If-Match": if_match} if if_match else {})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["detail"] == "eu-west has 2 of 5 instances up, 3 are needed"


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        (None, "body.reason: Field required"),
        ("", "at least 1 character"),
        ("   ", "nothing but spaces"),
        ("x" * 501, "at most 500 characters"),
        ("one\ntwo", "U+000A"),
        ("bell\u0007", "U+0007"),
        ("\u202eevil", "U+202E"),
        ("line\u2028separator", "U+2028"),
    ],
)
async def test_no_act_without_a_reason_in_one_line(
    operator: httpx.AsyncClient, fakes: FakeDoors, reason: str | None, wrong: str
):
    """A missing, empty, overlong or deceptive reason is refused before anything is asked."""
    response = await operator.post(
        MOVE_URL, json={"to": "eu-west", **({"reason": reason} if reason is not None else {})}
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert wrong in response.json()["detail"]
    assert fakes.operations.asked == []


async def test_a_reason_may_be_written_in_any_script(operator: httpx.AsyncClient, fakes: FakeDoors):
    """500 characters of any language arrive as they were typed."""
    reason = "华" * 500

    await operator.post(MOVE_URL, json={"to": "eu-west", "reason": reason})

    assert [request.act.reason for request in fakes.operations.asked] == [reason]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"to": "EU"}, "body.to"),
        ({"to": None}, "body.to"),
        ({"to": "eu-west", "extra": 1}, "body.extra"),
        ({"to": "eu-west", "overrides": [""]}, "body.overrides.0"),
        ({"to": "eu-west", "overrides": ["gate"] * 21}, "body.overrides"),
    ],
)
async def test_a_body_that_fits_no_move_names_each_mistake(
    operator: httpx.AsyncClient, change: dict[str, object], path: str
):
    """A mistake is told with its place in the body."""
    response = await operator.post(MOVE_URL, json={"reason": "INC-1", **change})

    assert response.status_code == 422
    assert [mistake["path"] for mistake in response.json()["mistakes"]] == [path]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", "16"),
        ("If-Match", 'W/"16"'),
        ("If-Match", '"16", "17"'),
        ("If-Match", "*"),
        ("If-Match", '"9999999999999"'),
        ("Idempotency-Key", "two words"),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "k" * 201),
    ],
)
async def test_a_malformed_condition_is_refused_not_ignored(
    operator: httpx.AsyncClient, fakes: FakeDoors, header: str, value: str
):
    """A condition that cannot be read protects nobody, so the act is not done."""
    response = await operator.post(MOVE_URL, json=MOVE, headers={header: value})

    assert response.status_code == 422
    assert header in response.json()["detail"]
    assert fakes.operations.asked == []


async def test_a_body_of_another_type_is_no_request(operator: httpx.AsyncClient):
    """A form that a page elsewhere makes a browser send is not read as JSON."""
    response = await operator.post(MOVE_URL, content=json.dumps(MOVE), headers={"Content-Type": "text/plain"})

    assert response.status_code == 422
