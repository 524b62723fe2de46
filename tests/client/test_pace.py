"""Promises of a reader's pace: at most five requests in any second, whatever is answered."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from controlplane.client import Client
from tests.client.documents import SWITCHES_KEY, switches, until
from tests.fakes.clock import FakeClock
from tests.fakes.consul_http import FakeConsulHttp, answer, no_leader, refuse

pytestmark = pytest.mark.looptime

GROUPS = ("checkout", "catalog", "payments", "search", "mail")
REQUESTS_PER_SECOND_MAX = 5
WATCHED_SECONDS = 120


class CountingTransport(httpx.AsyncBaseTransport):
    """Notes when each request is sent."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times.append(asyncio.get_running_loop().time())
        return await self._inner.handle_async_request(request)


@asynccontextmanager
async def reading(consul: FakeConsulHttp) -> AsyncIterator[CountingTransport]:
    """A client that follows six documents, five of which exist never."""
    transport = CountingTransport(consul.transport)
    async with Client(GROUPS, service="checkout", transport=lambda: transport, clock=FakeClock()):
        yield transport


def busiest_second(times: Sequence[float]) -> int:
    """The most requests that were sent within any second."""
    return max(bisect_left(times, time + 1) - position for position, time in enumerate(times))


async def at_rest(_consul: FakeConsulHttp) -> None:
    await asyncio.sleep(WATCHED_SECONDS)


async def wiped(consul: FakeConsulHttp) -> None:
    """The store is empty and its indexes start again, every ten seconds."""
    for _ in range(WATCHED_SECONDS // 10):
        consul.entries.clear()
        consul.index = 1
        consul._wake()
        await asyncio.sleep(10)


async def restored(consul: FakeConsulHttp) -> None:
    """An older state of the store comes back again and again."""
    for round_ in range(WATCHED_SECONDS // 10):
        consul.restore(SWITCHES_KEY, switches(1 + round_ % 3).to_bytes(), index=5)
        consul._wake()
        await asyncio.sleep(10)


async def flipped_without_a_pause(consul: FakeConsulHttp) -> None:
    for revision in range(2, 50 * WATCHED_SECONDS):
        await consul.put(SWITCHES_KEY, switches(revision).to_bytes())
        await asyncio.sleep(0.02)


def answered(fault: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> Callable[..., Awaitable[None]]:
    async def run(consul: FakeConsulHttp) -> None:
        consul.fault = fault
        consul._wake()
        await asyncio.sleep(WATCHED_SECONDS)

    return run


async def impatient(_request: httpx.Request) -> httpx.Response:
    """A proxy that ends every blocking query at once, each time with a higher index."""
    return answer(404, index=int(asyncio.get_running_loop().time() * 1000))


async def flapping(request: httpx.Request) -> httpx.Response:
    """A proxy that is there in one second and not in the next."""
    return await (impatient(request) if int(asyncio.get_running_loop().time()) % 2 else refuse(request))


async def lagging(request: httpx.Request) -> httpx.Response:
    """No leader; what a stale read answers is older than what is in force."""
    return answer(404, index=1) if "stale" in request.url.params else await no_leader(request)


@pytest.mark.parametrize(
    "happen",
    [
        at_rest,
        wiped,
        restored,
        flipped_without_a_pause,
        answered(refuse),
        answered(no_leader),
        answered(lagging),
        answered(impatient),
        answered(flapping),
    ],
)
async def test_a_reader_asks_at_most_five_times_a_second(happen):
    """All documents of a client together never exceed the pace, at the start, in and after any trouble."""
    consul = FakeConsulHttp()
    await consul.put(SWITCHES_KEY, switches(1).to_bytes())
    async with reading(consul) as transport:
        await happen(consul)
        consul.fault = None
        await asyncio.sleep(WATCHED_SECONDS)
    assert busiest_second(transport.times) <= REQUESTS_PER_SECOND_MAX


async def test_a_reader_at_rest_asks_twice_a_minute_for_each_document():
    """Where nothing changes, a document costs one blocking query of 30 s after the other."""
    async with reading(FakeConsulHttp()) as transport:
        await asyncio.sleep(WATCHED_SECONDS)
    starting = 2 * (len(GROUPS) + 1)
    assert len(transport.times) <= starting + (len(GROUPS) + 1) * WATCHED_SECONDS / 30


async def test_after_a_storm_the_last_value_is_in_force_within_a_second():
    """Pace delays what lies between, not the end: the newest of 200 flips a second is soon read."""
    consul = FakeConsulHttp()
    transport = CountingTransport(consul.transport)
    async with Client(service="checkout", transport=lambda: transport, clock=FakeClock()) as client:
        for revision in range(1, 1001):
            await consul.put(SWITCHES_KEY, switches(revision).to_bytes())
            await asyncio.sleep(0.005)
        started = asyncio.get_running_loop().time()
        await until(lambda: client.revision("switches.checkout") == 1000)
        assert asyncio.get_running_loop().time() - started <= 1
