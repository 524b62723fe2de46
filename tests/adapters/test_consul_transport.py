"""What the wire to Consul says and concludes, against a server that is told what to answer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint, Deadlines
from controlplane.adapters.consul_transport import least_offset_seconds, wait_parameter
from controlplane.application.ports import (
    CheckAbsent,
    Committed,
    Failure,
    OutcomeUnknown,
    Put,
    Rejected,
    StoreError,
    StoreUnavailable,
)
from tests.fixtures.scripted_http import ScriptedHttp, scripted_http

SECRET = "b1gs3cr3t-0000"
SHORT = Deadlines(read_seconds=0.3, write_seconds=0.3, watch_extra_seconds=0.2)
GENEROUS_SECONDS = 20
OPERATIONS = (CheckAbsent("b"), Put("a", b"1"))
COMMITTED = b'{"Results":[{"KV":{"Key":"a","Value":null,"CreateIndex":7,"ModifyIndex":9}}],"Errors":null}'


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedHttp]:
    async with scripted_http() as peer:
        yield peer


@pytest.fixture
async def store(peer: ScriptedHttp) -> AsyncIterator[ConsulStore]:
    endpoint = ConsulEndpoint(address=peer.address, token=SECRET, datacenter="dc-home")
    async with aclosing(ConsulStore(endpoint, clock=SystemClock(), deadlines=SHORT)) as store:
        yield store


async def test_every_request_carries_token_and_datacenter(
    peer: ScriptedHttp, store: ConsulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads, watches and transactions alike say the token and the datacenter of the endpoint."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "of-the-environment")
    peer.reply("200 OK", b"[]", "X-Consul-Index: 5")
    await store.list("a")
    await store.watch("a", index=5, wait_seconds=0.1)
    peer.reply("200 OK", COMMITTED)
    await store.transact(OPERATIONS)
    assert len(peer.heard) == 3
    for head in peer.heard:
        assert b"dc=dc-home" in head.split(b"\r\n")[0]
        assert f"x-consul-token: {SECRET}".encode() in head.lower()
        assert b"of-the-environment" not in head


async def test_the_token_is_in_no_log_and_no_text(
    peer: ScriptedHttp, store: ConsulStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Even at level DEBUG nothing that is logged, raised or represented holds the token."""
    caplog.set_level(logging.DEBUG)
    peer.reply("403 Forbidden", b"Permission denied")
    with pytest.raises(StoreError) as refused:
        await store.get("a")
    texts = [caplog.text, str(refused.value), repr(refused.value), repr(store), repr(vars(store))]
    texts.append(repr(ConsulEndpoint(address="a:1", token=SECRET)))
    assert caplog.text
    assert not [text for text in texts if SECRET in text]


async def test_200_is_committed(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A 200 is the transaction in force, at the index of its writes."""
    peer.reply("200 OK", COMMITTED)
    assert await store.transact(OPERATIONS) == Committed(9)


async def test_409_is_rejected(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A 409 names the operations that refused."""
    peer.reply("409 Conflict", b'{"Results":null,"Errors":[{"OpIndex":0,"What":"key \\"b\\" exists"}]}')
    assert await store.transact(OPERATIONS) == Rejected((Failure(0, 'key "b" exists'),))
    assert store.contact_seconds() == float("inf")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Internal Server Error", b"leadership lost while committing log"),
        ("503 Service Unavailable", b""),
        ("403 Forbidden", b"Permission denied"),
        ("404 Not Found", b""),
        ("413 Request Entity Too Large", b"too large"),
        ("429 Too Many Requests", b""),
        ("301 Moved Permanently", b""),
        ("204 No Content", b""),
        ("200 OK", b""),
        ("200 OK", b"<html>welcome to the hotel's network</html>"),
        ("200 OK", b"[]"),
        ("200 OK", b'{"Results":[],"Errors":null}'),
        ("200 OK", b'{"Results":null,"Errors":null}'),
        ("409 Conflict", b"not JSON"),
        ("409 Conflict", b'{"Errors":null}'),
    ],
)
async def test_any_other_answer_to_a_write_is_unknown(
    peer: ScriptedHttp, store: ConsulStore, status: str, body: bytes
) -> None:
    """Only 200 and 409 in Consul's words are answers; whatever else was answered, it may take effect."""
    peer.reply(status, body)
    with pytest.raises(OutcomeUnknown):
        await store.transact(OPERATIONS)
    assert store.contact_seconds() == float("inf")


async def test_a_closed_connection_is_unknown(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A connection closed without an answer leaves the outcome of a write open, and fails a read."""
    with pytest.raises(OutcomeUnknown, match="may still take effect"):
        await store.transact(OPERATIONS)
    with pytest.raises(StoreUnavailable):
        await store.get("a")


async def test_silence_ends_at_the_deadline(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A server that accepts and never answers holds a call no longer than its deadline."""
    peer.answer = None
    async with asyncio.timeout(GENEROUS_SECONDS):
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0.3 s"):
            await store.transact(OPERATIONS)
        with pytest.raises(StoreUnavailable, match=r"no answer within 0.3 s"):
            await store.list("a", consistent=True)
        with pytest.raises(StoreUnavailable, match=r"no answer within 0.306\d* s"):
            await store.watch("a", index=3, wait_seconds=0.1)


async def test_refused_connections_are_not_sent() -> None:
    """Where nobody listens nothing was sent: reads and writes say so."""
    async with scripted_http() as peer:
        address = peer.address
    async with aclosing(ConsulStore(ConsulEndpoint(address=address), clock=SystemClock())) as store:
        with pytest.raises(StoreUnavailable, match="nothing was sent"):
            await store.transact(OPERATIONS)
        with pytest.raises(StoreUnavailable):
            await store.get("a")


async def test_an_unknown_host_is_not_sent() -> None:
    """A name that does not resolve means that nothing was sent."""
    endpoint = ConsulEndpoint(address="consul.invalid:8500")
    async with aclosing(ConsulStore(endpoint, clock=SystemClock())) as store:
        with pytest.raises(StoreUnavailable, match="nothing was sent"):
            await store.transact(OPERATIONS)


async def test_connections_are_bounded_and_come_back(peer: ScriptedHttp) -> None:
    """Who gets no connection in time has sent nothing; a call that ends gives its connection back."""
    endpoint = ConsulEndpoint(address=peer.address)
    clock = SystemClock()
    async with aclosing(ConsulStore(endpoint, clock=clock, deadlines=SHORT, connections_max=1)) as store:
        peer.answer = None
        watch = asyncio.create_task(store.watch("a", index=3, wait_seconds=GENEROUS_SECONDS))
        await peer.asked.wait()
        with pytest.raises(StoreUnavailable, match="nothing was sent"):
            await store.transact(OPERATIONS)
        watch.cancel()
        with pytest.raises(OutcomeUnknown):
            await store.transact(OPERATIONS)
        peer.reply("200 OK", COMMITTED)
        assert await store.transact(OPERATIONS) == Committed(9)


async def test_calls_that_fail_together_give_all_connections_back(peer: ScriptedHttp) -> None:
    """However many calls end at their deadlines, in use or in the queue, no connection is lost by it."""
    endpoint = ConsulEndpoint(address=peer.address)
    clock = SystemClock()
    async with aclosing(ConsulStore(endpoint, clock=clock, deadlines=SHORT, connections_max=2)) as store:
        peer.answer = None
        for _ in range(3):
            calls = [store.transact(OPERATIONS) for _ in range(6)]
            failures = await asyncio.gather(*calls, return_exceptions=True)
            assert len([failure for failure in failures if isinstance(failure, OutcomeUnknown)]) >= 2
        peer.reply("200 OK", COMMITTED)
        outcomes = await asyncio.gather(*(store.transact(OPERATIONS) for _ in range(6)))
        assert outcomes == [Committed(9)] * 6


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        ("500 Internal Server Error", b"No cluster leader", ()),
        ("403 Forbidden", b"Permission denied", ("X-Consul-Index: 5",)),
        ("200 OK", b"[]", ()),
        ("200 OK", b"<html>", ("X-Consul-Index: 5",)),
        ("200 OK", b"[]", ("X-Consul-Index: five",)),
        ("200 OK", b'[{"Key":"a"}]', ("X-Consul-Index: 5",)),
        ("200 OK", b"[]", ("X-Consul-Index: 5", "X-Consul-Knownleader: false")),
    ],
)
async def test_reads_that_prove_nothing_are_unavailable(
    peer: ScriptedHttp, store: ConsulStore, status: str, body: bytes, headers: tuple[str, ...]
) -> None:
    """A read is answered by Consul, with its index and a known leader, or it has failed."""
    peer.reply(status, body, *headers)
    with pytest.raises(StoreUnavailable):
        await store.list("a", consistent=True)
    with pytest.raises(StoreUnavailable):
        await store.watch("a", index=3, wait_seconds=0.1)
    assert store.contact_seconds() == float("inf")


async def test_checks_alone_are_asked_consistently(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A transaction asks for consistency, or one without writes could be answered by a leader cut off."""
    peer.reply("200 OK", b'{"Results":[],"Errors":null}')
    assert await store.transact((CheckAbsent("a"),)) == Committed(0)
    assert b"consistent=1" in peer.heard[0].split(b"\r\n")[0]


async def test_the_clock_offset_comes_from_the_date(peer: ScriptedHttp, store: ConsulStore) -> None:
    """A `Date` an hour ahead of our clock is an offset of about minus an hour; nonsense changes nothing."""
    ahead = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - measures real time
    peer.reply("200 OK", b"[]", "X-Consul-Index: 5", f"Date: {ahead:%a, %d %b %Y %H:%M:%S} GMT")
    await store.list("a")
    offset = store.clock_offset_seconds()
    assert offset is not None
    assert -3601 <= offset <= -3590
    peer.reply("200 OK", b"[]", "X-Consul-Index: 5", "Date: yesterday")
    await store.list("a")
    assert store.clock_offset_seconds() == offset


@pytest.mark.parametrize(
    ("sent", "received", "offset"),
    [
        (0.0, 0.0, 0.0),  # the date is the second that has begun
        (0.9, 0.9, 0.0),
        (1.2, 1.4, 0.2),  # at least a fifth of a second after the end of that second
        (0.9, 1.4, 0.0),
        (-0.6, -0.5, -0.5),
        (-0.6, 0.1, 0.0),
        (3.5, 4.5, 2.5),
    ],
)
def test_the_least_offset(sent: float, received: float, offset: float) -> None:
    """The offset is what the round trip and the whole seconds of `Date` cannot explain."""
    date = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    found = least_offset_seconds(date + timedelta(seconds=sent), date + timedelta(seconds=received), date)
    assert found == pytest.approx(offset)


@pytest.mark.parametrize(("seconds", "parameter"), [(3, "3000ms"), (0.25, "250ms"), (0, "1ms")])
def test_a_wait_is_never_zero(seconds: float, parameter: str) -> None:
    """A wait is told in milliseconds and never as zero, which would mean five minutes."""
    assert wait_parameter(seconds) == parameter


def test_addresses() -> None:
    """An address is taken with or without its scheme."""
    assert ConsulEndpoint(address="127.0.0.1:8500").url == "http://127.0.0.1:8500"
    assert ConsulEndpoint(address="https://consul.example:8501/").url == "https://consul.example:8501"
