"""The stream of events on a real socket, and in virtual time where it waits."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from controlplane.api.limits import STREAM_SEND_SECONDS_MAX
from controlplane.api.routes.events import BEAT_SECONDS
from controlplane.application.events import READERS_MAX, RING_EVENTS_MAX, EventKind
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors
from tests.web.serving import served
from tests.web.streams import EVENTS, PATIENCE_SECONDS, streamed

STEADY = {"state": "steady", "active": "us-east"}
Header = tuple[bytes, bytes]
TOKEN: Header = (b"authorization", b"Bearer viewer-token")
STREAM_STARTS_SECONDS = 0.001


@pytest.fixture
async def url(application: FastAPI, fakes: FakeDoors) -> AsyncIterator[str]:
    async with served(application) as address:
        yield address
        fakes.events.close()


async def test_a_reader_hears_what_happens(url: str, fakes: FakeDoors):
    """Each message has a kind, an id to come back with, and how the thing is now."""
    async with streamed(url) as stream:
        opening = await stream.next()
        fakes.events.publish(EventKind.GROUP, "checkout", STEADY)
        message = await stream.next()

    assert (opening.id, opening.retry, opening.event) == ("01HFAKE-0", "1000", None)
    assert (message.event, message.id) == ("group", "01HFAKE-1")
    told = {"kind": "group", "name": "checkout", "now": STEADY, "at": message.data["at"]}
    assert (message.data, told["at"][:11]) == (told, f"{EPOCH:%Y-%m-%dT}")


async def test_nothing_between_buffers_or_keeps_it(url: str):
    """The answer says to proxies and caches what it is."""
    async with streamed(url) as stream:
        headers = stream.response.headers

    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "no-cache")


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_reader_goes_on_where_it_was(url: str, fakes: FakeDoors, way: str):
    """By `Last-Event-ID` or by `after`; what it heard already is not told again."""
    for name in ("first", "second", "third"):
        fakes.events.publish(EventKind.GROUP, name, STEADY)
    place = {"headers": {"Last-Event-ID": "01HFAKE-1"}} if way == "header" else {"query": "?after=01HFAKE-1"}

    async with streamed(url, **place) as stream:
        assert (await stream.next()).id == "01HFAKE-1"
        assert [(await stream.next()).data["name"] for _ in range(2)] == ["second", "third"]


async def test_the_place_of_a_browser_wins_over_its_address(url: str, fakes: FakeDoors):
    """A browser that reconnects by itself knows better than the address that it opened long ago."""
    for name in ("first", "second"):
        fakes.events.publish(EventKind.GROUP, name, STEADY)

    async with streamed(url, headers={"Last-Event-ID": "01HFAKE-1"}, query="?after=01HFAKE-0") as stream:
        await stream.next()
        assert (await stream.next()).data["name"] == "second"


async def test_a_lost_place_is_told_first(url: str, fakes: FakeDoors):
    """The reader learns that it must look anew before it hears anything else."""
    async with streamed(url, query="?after=01HAWAY-7&kinds=leader") as stream:
        assert (await stream.next()).id is None
        fakes.events.publish(EventKind.LEADER, "", {"term": 4})
        messages = [await stream.next(), await stream.next()]

    assert [message.event for message in messages] == ["reset", "leader"]


async def test_a_reader_may_choose_kinds(url: str, fakes: FakeDoors):
    """It hears these alone; a kind that is none is a mistake."""
    async with streamed(url, query="?kinds=leader&kinds=restraint") as stream:
        await stream.next()
        for kind in (EventKind.GROUP, EventKind.RESTRAINT, EventKind.HEALTH, EventKind.LEADER):
            fakes.events.publish(kind, "x", {})
        assert [(await stream.next()).event for _ in range(2)] == ["restraint", "leader"]

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer viewer-token"}) as client:
        refused = await client.get(f"{EVENTS}?kinds=gossip")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


async def test_strangers_and_probers_hear_nothing(connect):
    """A token is needed, and one that may look."""
    assert (await connect(None).get(EVENTS)).status_code == 401
    assert (await connect("prober").get(EVENTS)).status_code == 403


async def test_a_reader_that_leaves_makes_room(url: str, fakes: FakeDoors):
    """A closed connection is noticed without anything being sent."""
    async with streamed(url) as stream:
        await stream.next()
        assert len(fakes.events.readers) == 1

    async with asyncio.timeout(PATIENCE_SECONDS):
        while fakes.events.readers:  # noqa: ASYNC110 - it is the server that notices
            await asyncio.sleep(0.01)


async def test_one_reader_too_many_is_refused(viewer: httpx.AsyncClient, fakes: FakeDoors):
    """Before the stream begins, as a problem with a code."""
    for _ in range(READERS_MAX):
        fakes.events.open(None, ())

    refused = await viewer.get(EVENTS)

    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_readers")
    assert str(READERS_MAX) in refused.json()["detail"]


async def test_a_stop_waits_for_no_stream(application: FastAPI, fakes: FakeDoors):
    """Streams end as soon as the process is asked to, and readers see a clean end."""
    async with served(application) as url, streamed(url) as stream:
        await stream.next()
        fakes.events.close()

        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_a_reader_that_falls_behind_is_told_and_ended(url: str, fakes: FakeDoors):
    """It hears `reset` as the last word; the others are not kept waiting."""
    async with streamed(url) as stream:
        await stream.next()
        for number in range(RING_EVENTS_MAX + 1):
            fakes.events.publish(EventKind.HEALTH, str(number), {})

        assert (await stream.next()).event == "reset"
        with pytest.raises(StopAsyncIteration):
            await stream.next()


class Listener:
    """A client below the socket, in virtual time: it takes up what it is sent, or stops doing so."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.stuck = False

    async def listen(self, application: FastAPI, header: Header = TOKEN) -> None:
        """Open the stream and take it up until it ends."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": EVENTS,
            "query_string": b"",
            "headers": [header],
        }
        await application(scope, self._receive, self._send)

    async def _receive(self) -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append((asyncio.get_running_loop().time(), message.get("body", b"")))

    @property
    def beats(self) -> list[float]:
        return [at for at, body in self.sent if b"event: beat" in body]


@pytest.mark.looptime
async def test_silence_is_broken_by_beats_and_no_deadline(application: FastAPI):
    """A stream lasts beyond the time of a request, and says all the time that it is well."""
    listener = Listener()
    listening = asyncio.create_task(listener.listen(application))
    await asyncio.sleep(60)
    listening.cancel()

    assert len(listener.beats) == 5
    assert listener.beats[0] == pytest.approx(BEAT_SECONDS, abs=0.1)
    assert max(b - a for (a, _), (b, _) in zip(listener.sent, listener.sent[1:], strict=False)) <= 15


@pytest.mark.looptime
async def test_a_stream_ends_with_the_token_that_opened_it(application: FastAPI, fakes: FakeDoors):
    """Within one beat after it was taken back, in the middle of a busy stream, too."""
    listener = Listener()
    listening = asyncio.create_task(listener.listen(application))
    await asyncio.sleep(25)
    fakes.gatekeeper.roles = ()
    started = asyncio.get_running_loop().time()
    while not listening.done():
        fakes.events.publish(EventKind.HEALTH, "x", {})
        await asyncio.sleep(1)

    assert asyncio.get_running_loop().time() - started <= BEAT_SECONDS + 1
    assert not fakes.events.readers


@pytest.mark.looptime
async def test_a_stream_ends_with_the_session_that_opened_it(application: FastAPI, fakes: FakeDoors):
    """A browser whose user is removed hears no more within one beat."""
    ((name, value),) = fakes.people.cookies("viewer").items()
    listener = Listener()
    listening = asyncio.create_task(listener.listen(application, (b"cookie", f"{name}={value}".encode())))
    await asyncio.sleep(25)
    assert not listening.done()

    await fakes.people.accounts.remove_user("a-viewer", by="root")
    await asyncio.sleep(BEAT_SECONDS + 1)

    assert listening.done()
    assert not fakes.events.readers


@pytest.mark.looptime
async def test_a_reader_that_takes_nothing_up_is_cut_off(application: FastAPI, fakes: FakeDoors):
    """A connection whose other end is gone holds its place for seconds, not for ever."""
    listener = Listener()
    listening = asyncio.create_task(listener.listen(application))
    await asyncio.sleep(1)
    listener.stuck = True
    fakes.events.publish(EventKind.HEALTH, "x", {})
    async with asyncio.timeout(STREAM_SEND_SECONDS_MAX + 1):
        await listening

    assert not fakes.events.readers
