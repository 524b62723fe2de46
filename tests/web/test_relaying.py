"""An act of a page on a replica that does not lead: one hop to a real second console, and no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from controlplane.api.app import create_app
from controlplane.api.server import open_listener
from controlplane.application.doors import NotLeading
from controlplane.application.results import MoveRequest
from controlplane.console.app import console_routes
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.fakes.people import FakePeople
from tests.web.group_pictures import plan
from tests.web.pictures import GOOD
from tests.web.serving import served
from tests.web.visiting import hidden, send, visiting, words

FORM = "/groups/checkout/move"
REVIEW = "/groups/checkout/move/review"
TYPED = {"to": "ap-south", "reason": "INC-1 華", "plan": "0a1b2c3d4e5f6071", "revision": "16", "key": "key-1"}


@pytest.fixture
def leader(fakes: FakeDoors) -> FakeDoors:
    """Signs with the same key as the replica that is asked, so that it knows its sessions."""
    return FakeDoors(people=fakes.people)


@asynccontextmanager
async def leading(doors: FakeDoors) -> AsyncIterator[str]:
    """The address of a second console."""
    doors.queries.picture = GOOD
    doors.operations.plans = {"checkout": plan()}
    pages = console_routes(doors.doors(), clock=FakeClock())
    app = create_app(doors.doors(), clock=FakeClock(), public_url="http://leader.test", pages=pages)
    async with served(app) as url:
        yield url


@pytest.fixture
async def leader_url(leader: FakeDoors) -> AsyncIterator[str]:
    async with leading(leader) as url:
        yield url


@pytest.fixture
async def operator(fakes: FakeDoors):
    async with visiting(fakes, "operator") as client:
        yield client


async def test_the_review_comes_from_the_leader(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader_url: str
):
    """The plan is the leader's, and its page is a page of the replica that was asked."""
    fakes.operations.failure = NotLeading(leader_url)

    response = await send(operator, FORM, REVIEW, TYPED)

    assert response.status_code == 200
    assert "planned from revision 16" in words(response.text)
    assert hidden(response.text, "plan") == "0a1b2c3d4e5f6071"
    assert response.headers["content-type"].startswith("text/html")


async def test_an_act_is_handed_on_with_the_session_of_who_acts(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """The leader sees the very form; the visitor goes on where it says, on the replica they are on."""
    fakes.operations.failure = NotLeading(leader_url)

    response = await send(operator, FORM, FORM, TYPED)

    assert (response.status_code, response.headers["location"]) == (303, "/groups/checkout?change=change-1")
    (asked,) = leader.operations.asked
    assert isinstance(asked, MoveRequest)
    assert (asked.act.by, asked.act.reason, asked.act.idempotency_key) == (
        "a-operator",
        "INC-1 華",
        "key-1",
    )
    assert asked.act.trace_id == response.headers["controlplane-trace-id"]
    assert fakes.operations.asked == []


async def test_an_answer_to_drift_is_handed_on(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Adopting and enforcing belong to the leader as moves do."""
    fakes.operations.failure = NotLeading(leader_url)
    path = "/groups/checkout/drift"

    response = await send(operator, path, path, {"policy": "adopt", "reason": "INC-1"})

    assert response.status_code == 303
    assert len(leader.operations.asked) == 1


async def test_a_leader_with_another_key_says_what_to_set(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Replicas that do not share their key do not share sessions: told, with the setting to make."""
    stranger = FakeDoors(people=FakePeople(FakeClock(), key="another"))
    async with leading(stranger) as url:
        fakes.operations.failure = NotLeading(url)
        response = await send(operator, FORM, FORM, TYPED)

    assert response.status_code == 503
    assert "CONTROLPLANE_SECRET_KEY" in response.text
    assert "nothing was done" in response.text
    assert stranger.operations.asked == []


@pytest.mark.parametrize("path", [FORM, REVIEW])
async def test_nobody_leads(operator: httpx.AsyncClient, fakes: FakeDoors, path: str):
    """Without a leader the page says so, and that nothing was done."""
    fakes.operations.failure = NotLeading(None)

    response = await send(operator, FORM, path, TYPED)

    assert response.status_code == 503
    assert "The leader is unreachable" in words(response.text)
    assert "Nobody leads at the moment" in words(response.text)


async def test_an_act_is_never_handed_on_twice(
    operator: httpx.AsyncClient, fakes: FakeDoors, leader: FakeDoors, leader_url: str
):
    """Two replicas that take each other for the leader do not play ping-pong."""
    fakes.operations.failure = NotLeading(leader_url)
    leader.operations.failure = NotLeading(leader_url)

    response = await send(operator, FORM, FORM, TYPED)

    assert response.status_code == 503
    assert "does not lead any more" in words(response.text)


async def test_a_leader_that_cannot_be_connected_got_nothing(operator: httpx.AsyncClient, fakes: FakeDoors):
    """A refused connection is plain: nothing was done."""
    listener = open_listener("127.0.0.1", 0)
    host, port = listener.getsockname()
    listener.close()
    fakes.operations.failure = NotLeading(f"http://{host}:{port}")

    response = await send(operator, FORM, FORM, TYPED)

    assert response.status_code == 503
    assert "Nothing was done." in words(response.text)


@pytest.mark.parametrize(
    ("path", "said"), [(FORM, "The act may still take effect"), (REVIEW, "Nothing was done.")]
)
async def test_a_lost_answer_is_unknown_where_something_was_asked_for(
    operator: httpx.AsyncClient, fakes: FakeDoors, path: str, said: str
):
    """The leader took the request: whether it acted nobody here knows, and nobody says `refused`."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        fakes.operations.failure = NotLeading(f"http://{host}:{port}")
        response = await send(operator, FORM, path, TYPED)

    assert response.status_code == 503
    assert said in words(response.text)


async def test_a_leader_sends_nobody_elsewhere(operator: httpx.AsyncClient, fakes: FakeDoors):
    """Whatever answers at the leader's address cannot send a visitor to another site."""

    async def elsewhere(scope, receive, send):
        headers = [(b"location", b"https://elsewhere.example/"), (b"set-cookie", b"x=y")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with served(elsewhere) as url:
        fakes.operations.failure = NotLeading(url)
        response = await send(operator, FORM, FORM, TYPED)

    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "x=y" not in response.headers.get("set-cookie", "")
