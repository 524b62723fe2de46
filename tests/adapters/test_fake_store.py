"""The faults of the store in memory: what the real one does, at will and without waiting."""

import asyncio
from datetime import timedelta

import pytest

from controlplane.application.ports import (
    CheckAbsent,
    Committed,
    CompareAndSet,
    Entry,
    Failure,
    OutcomeUnknown,
    Put,
    Rejected,
    StoreUnavailable,
)
from tests.fakes.clock import FakeClock
from tests.fakes.store import READ_SECONDS_MAX, WRITE_SECONDS_MAX, FakeStore

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


def value(server: FakeStore, key: str) -> bytes | None:
    entry = server.peek(key)
    return entry.value if entry else None


async def test_nothing_is_sent_to_a_store_that_is_away() -> None:
    """Reads and writes are refused as not sent while the store is away, and it comes back with its data."""
    server = FakeStore()
    client = server.client()
    await client.put("a", b"1")
    server.go_away()
    with pytest.raises(StoreUnavailable, match="nothing was sent"):
        await client.put("a", b"2")
    with pytest.raises(StoreUnavailable):
        await client.get("a")
    server.come_back()
    assert await client.get("a") == Entry("a", b"1", create_index=2, modify_index=2)


async def test_going_away_cuts_what_is_under_way() -> None:
    """A waiting watch fails at once; a write on its way is unknown and does not arrive."""
    server = FakeStore()
    client = server.client()
    index = server.edit("a", b"1")
    server.latency_seconds = 0.2
    watch = asyncio.create_task(client.watch("a", index=index, wait_seconds=30))
    await asyncio.sleep(1)
    write = asyncio.create_task(client.put("a", b"2"))
    await asyncio.sleep(0.05)
    server.go_away()
    for task, error in ((watch, StoreUnavailable), (write, OutcomeUnknown)):
        with pytest.raises(error, match="closed"):
            await task
    assert now() < 2
    await asyncio.sleep(1)
    assert value(server, "a") == b"1"


async def test_one_client_can_be_cut_off_alone() -> None:
    """A client's fault is its own: the others go on."""
    server = FakeStore()
    cut, other = server.client(), server.client()
    cut.go_away()
    with pytest.raises(StoreUnavailable):
        await cut.get("a")
    await other.put("a", b"1")
    cut.come_back()
    assert await cut.get("a") == server.peek("a")


async def test_a_lost_answer_was_applied() -> None:
    """The next write is applied and answered unknown; the one after it is answered."""
    server = FakeStore()
    client = server.client()
    server.lose_answers()
    with pytest.raises(OutcomeUnknown):
        await client.transact((CompareAndSet("a", b"1", 0),))
    assert value(server, "a") == b"1"
    again = await client.transact((CompareAndSet("a", b"1", 0),))
    assert again == Rejected((Failure(0, 'failed to set key "a", index is stale'),))


async def test_a_fault_can_be_aimed() -> None:
    """Only writes below the named prefix suffer."""
    server = FakeStore()
    client = server.client()
    server.lose_answers(below="document/")
    await client.put("leader", b"1")
    with pytest.raises(OutcomeUnknown):
        await client.transact((CheckAbsent("x"), Put("document/a", b"1")))
    await client.put("document/a", b"2")


async def test_a_late_commit_takes_effect_when_it_is_released() -> None:
    """A held transaction changes nothing until it is released, and then by the state of that moment."""
    server = FakeStore()
    client = server.client()
    server.late_commit(writes=2)
    for content in (b"1", b"2"):
        with pytest.raises(OutcomeUnknown, match="leadership lost"):
            await client.transact((CompareAndSet("a", content, 0),))
    assert server.peek("a") is None
    first, second = server.release()
    assert isinstance(first, Committed)
    assert isinstance(second, Rejected)
    assert value(server, "a") == b"1"
    assert server.release() == ()


async def test_a_frozen_store_answers_nobody_in_time() -> None:
    """Reads fail and writes are unknown at their deadlines; the thawed store applies the writes then."""
    server = FakeStore()
    client = server.client()
    server.freeze()
    with pytest.raises(StoreUnavailable):
        await client.get("a", consistent=True)
    assert now() == READ_SECONDS_MAX
    with pytest.raises(OutcomeUnknown):
        await client.put("a", b"1")
    assert now() == READ_SECONDS_MAX + WRITE_SECONDS_MAX
    assert server.peek("a") is None
    assert client.contact_seconds() == float("inf")
    server.thaw()
    assert value(server, "a") == b"1"


async def test_a_store_thawed_in_time_answers() -> None:
    """Who still waits when the store thaws gets its answer."""
    server = FakeStore()
    client = server.client()
    server.freeze()
    write = asyncio.create_task(client.transact((Put("a", b"1"),)))
    await asyncio.sleep(1)
    server.thaw()
    assert isinstance(await write, Committed)
    assert client.contact_seconds() == 1


async def test_a_frozen_store_lets_watches_wait_out_their_deadline() -> None:
    """A watch at a frozen store fails a little after its wait."""
    server = FakeStore()
    client = server.client()
    index = server.edit("a", b"1")
    watch = asyncio.create_task(client.watch("a", index=index, wait_seconds=3))
    await asyncio.sleep(0)
    server.freeze()
    with pytest.raises(StoreUnavailable):
        await watch
    assert now() == 3 * 17 / 16 + 1


async def test_an_answer_slower_than_the_deadline_is_unknown() -> None:
    """With a latency above the deadline a write is applied and its outcome unknown."""
    server = FakeStore()
    client = server.client()
    server.latency_seconds = 2 * WRITE_SECONDS_MAX + 1
    with pytest.raises(OutcomeUnknown):
        await client.put("a", b"1")
    await asyncio.sleep(5)
    assert value(server, "a") == b"1"


async def test_a_wiped_store_starts_its_indexes_again() -> None:
    """After a wipe the same ModifyIndex is issued again, so a stale basis may fit by accident."""
    server = FakeStore()
    client = server.client()
    before = server.edit("a", b"old")
    server.wipe()
    assert server.peek("a") is None
    assert server.edit("a", b"new") == before
    assert isinstance(await client.transact((CompareAndSet("a", b"paused", before),)), Committed)


async def test_a_restored_snapshot_goes_back_and_then_upwards() -> None:
    """Keys get their old values and indexes; the next write gets an index above all that ever were."""
    server = FakeStore()
    client = server.client()
    old = server.edit("a", b"1")
    snapshot = server.snapshot()
    newest = server.edit("a", b"2")
    waiting = asyncio.create_task(client.watch("a", index=newest, wait_seconds=30))
    await asyncio.sleep(1)
    server.restore(snapshot)
    listing = await waiting
    assert (listing.index, listing.entries[0].value) == (newest, b"2")
    assert now() < 2
    listing = await client.watch("a", index=newest, wait_seconds=3)
    assert (listing.index, listing.entries[0].value) == (old, b"1")
    assert server.edit("a", b"3") > newest


async def test_an_absent_prefix_wakes_on_any_write() -> None:
    """A watch on a prefix below which nothing ever stood may be woken by writes elsewhere, as Consul's is."""
    server = FakeStore()
    client = server.client()
    index = (await client.list("none/")).index
    watch = asyncio.create_task(client.watch("none/", index=index, wait_seconds=30))
    await asyncio.sleep(1)
    written = server.edit("elsewhere", b"1")
    assert (await watch).index == written
    assert now() < 2


async def test_every_client_has_its_own_clock() -> None:
    """The clock offset is the client's clock minus the server's."""
    server = FakeStore()
    clock = FakeClock()
    clock.skew = timedelta(seconds=5)
    client = server.client(clock=clock)
    await client.get("a")
    assert client.clock_offset_seconds() == 5


async def test_transactions_are_on_record() -> None:
    """Every evaluated transaction is kept with its outcome."""
    server = FakeStore()
    client = server.client()
    operations = (Put("a", b"1"), CheckAbsent("b"))
    outcome = await client.transact(operations)
    assert server.evaluated == [(operations, outcome)]
