"""An act on a replica that does not lead: one hop to a real second server, and no more."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from controlplane.adapters import relay
from controlplane.api.app import create_app
from controlplane.api.server import open_listener
from controlplane.application.doors import NotLeading
from controlplane.application.results import Refused
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.web.serving import served

MOVE_URL = "/api/v1/failover/checkout/move"
PLAN_URL = "/api/v1/failover/checkout/plan"
MOVE = {"to": "eu-west", "reason": "INC-1 華"}
PLAN = {"to": "eu-west"}


@pytest.fixture
def leader() -> FakeDoors:
    return FakeDoors()


@pytest.fixture
async def leader_url(leader: FakeDoors) -> AsyncIterator[str]:
    app = create_app(leader.doors(), clock=FakeClock(), public_url="http://leader.test")
    async with served(app) as url:
        yield url


@pytest.fixture
async def silent_url() -> AsyncIterator[str]:
    """A server that takes requests and never answers."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@pytest.fixture
def closed_url() -> str:
    listener = open_listener("127.0.0.1", 0)
    host, port = listener.getsockname()
    listener.close()
    return f"http://{host}:{port}"


async def test_the_leader_is_asked_with_everything_the_caller_sent(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Token, reason, condition, idempotency key and trace arrive as if the leader had been asked directly."""
    fakes.operations.failure = NotLeading(leader_url)
    headers = {"If-Match": '"16"', "Idempotency-Key": "deploy-77"}

    response = await operator.post(MOVE_URL, json=MOVE, headers=headers)

    assert (response.status_code, response.json()["outcome"]) == (200, "done")
    (asked,) = leader.operations.asked
    assert (asked.act.by, asked.act.reason, asked.act.idempotency_key) == (
        "a-operator",
        "INC-1 華",
        "deploy-77",
    )
    assert asked.expected_revision == 16  # type: ignore[union-attr]
    assert asked.act.trace_id == response.headers["controlplane-trace-id"]


async def test_the_leaders_refusal_is_passed_on_as_it_came(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Status, type and code are the leader's."""
    fakes.operations.failure = NotLeading(leader_url)
    leader.operations.result = Refused("gate_failed", "eu-west is not ready")

    response = await operator.post(MOVE_URL, json=MOVE)

    assert (response.status_code, response.json()["code"]) == (409, "gate_failed")
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_token_that_the_leader_does_not_know_is_refused_there(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Forwarding lends nobody a role."""
    fakes.operations.failure = NotLeading(leader_url)
    leader.gatekeeper.roles = ()

    assert (await operator.post(MOVE_URL, json=MOVE)).status_code == 401


async def test_an_act_is_never_forwarded_twice(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Two replicas that take each other for the leader do not play ping-pong."""
    fakes.operations.failure = NotLeading(leader_url)
    leader.operations.failure = NotLeading(leader_url)

    response = await operator.post(MOVE_URL, json=MOVE)

    assert (response.status_code, response.json()["code"]) == (503, "leader_unreachable")
    assert len(leader.operations.asked) == 1


@pytest.mark.parametrize("path", [MOVE_URL, PLAN_URL])
async def test_nobody_leads(operator: httpx.AsyncClient, fakes: FakeDoors, path: str):
    """Without a leader an act is 503 and says when to come back."""
    fakes.operations.failure = NotLeading(None)

    response = await operator.post(path, json=MOVE if path == MOVE_URL else PLAN)

    assert (response.status_code, response.json()["code"]) == (503, "leader_unreachable")
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize("address", ["http://", "not a url", "ftp://127.0.0.1"])
async def test_an_address_that_makes_no_sense_is_told(
    operator: httpx.AsyncClient, fakes: FakeDoors, address: str
):
    """Whatever stands in the leader's key, the answer is a problem."""
    fakes.operations.failure = NotLeading(address)

    response = await operator.post(MOVE_URL, json=MOVE)

    assert (response.status_code, response.json()["code"]) == (503, "leader_unreachable")


async def test_a_leader_that_cannot_be_connected_got_nothing(
    operator: httpx.AsyncClient, fakes: FakeDoors, closed_url: str
):
    """A refused connection is a plain refusal: nothing was done."""
    fakes.operations.failure = NotLeading(closed_url)

    response = await operator.post(MOVE_URL, json=MOVE)

    assert (response.status_code, response.json()["code"]) == (503, "leader_unreachable")
    assert "Nothing was done" in response.json()["detail"]


async def test_a_lost_answer_to_an_act_is_unknown(
    operator: httpx.AsyncClient, fakes: FakeDoors, silent_url: str
):
    """The leader took the request: whether it acted nobody here knows, and nobody says `refused`."""
    fakes.operations.failure = NotLeading(silent_url)

    response = await operator.post(MOVE_URL, json=MOVE)

    assert response.status_code == 202
    assert response.json()["outcome"] == "unknown"
    assert response.json()["change_id"] is None
    assert "may still take effect" in response.json()["text"]


async def test_a_lost_answer_to_a_plan_leaves_nothing_unknown(
    operator: httpx.AsyncClient, fakes: FakeDoors, silent_url: str
):
    """A plan writes nothing, so its loss is an error and no more."""
    fakes.operations.failure = NotLeading(silent_url)

    response = await operator.post(PLAN_URL, json=PLAN)

    assert (response.status_code, response.json()["code"]) == (503, "leader_unreachable")


async def test_an_endless_answer_is_cut(operator: httpx.AsyncClient, fakes: FakeDoors):
    """What claims to be the leader cannot fill our memory."""

    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        chunk = b" " * 65536
        for _ in range(2 * relay.ANSWER_BYTES_MAX // len(chunk)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with served(endless) as url:
        fakes.operations.failure = NotLeading(url)
        response = await operator.post(MOVE_URL, json=MOVE)

    assert (response.status_code, response.json()["outcome"]) == (202, "unknown")
