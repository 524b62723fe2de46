"""What every `Store` keeps, on a Consul in memory and on the real one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.application.ports import (
    CheckAbsent,
    CheckIndex,
    Committed,
    CompareAndSet,
    DeleteCompare,
    Failure,
    Get,
    Put,
    Rejected,
    Store,
    StoreUnavailable,
)
from tests.fakes.store import FakeStore
from tests.fixtures.consul import ConsulAccess

LONG_SECONDS = 5.0
SHORT_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Rig:
    """A store, a second client of it, and a prefix that is ours alone."""

    store: Store
    other: Store
    prefix: str

    def key(self, name: str) -> str:
        return self.prefix + name

    async def put(self, name: str, value: bytes) -> int:
        """Write one key; answers its index."""
        outcome = await self.other.transact((Put(self.key(name), value),))
        assert isinstance(outcome, Committed)
        return outcome.index

    async def value(self, name: str) -> bytes | None:
        entry = await self.store.get(self.key(name), consistent=True)
        return entry.value if entry else None


@pytest.fixture(
    params=[
        pytest.param("fake", marks=pytest.mark.looptime),
        pytest.param("consul", marks=pytest.mark.services),
    ]
)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "fake":
        server = FakeStore()
        yield Rig(server.client(), server.client(), "contract/")
        return
    consul: ConsulAccess = request.getfixturevalue("consul")
    async with AsyncExitStack() as stack:
        store, other = [
            await stack.enter_async_context(
                aclosing(ConsulStore(ConsulEndpoint(address=consul.address), clock=SystemClock()))
            )
            for _ in range(2)
        ]
        yield Rig(store, other, consul.prefix)


async def test_absent_key(rig: Rig) -> None:
    """A key that was never written is None, and its prefix lists nothing."""
    assert await rig.store.get(rig.key("none")) is None
    listing = await rig.store.list(rig.prefix)
    assert listing.entries == ()
    assert listing.index >= 1


async def test_bytes_round_trip(rig: Rig) -> None:
    """Any bytes come back as they were written, an empty value as empty bytes."""
    await rig.put("bytes", bytes(range(256)))
    await rig.put("empty", b"")
    assert await rig.value("bytes") == bytes(range(256))
    assert await rig.value("empty") == b""


async def test_list_is_sorted_and_bounded_by_the_prefix(rig: Rig) -> None:
    """A listing holds exactly the keys below its prefix, sorted, with the highest of their indexes."""
    for name in ("b/2", "b/1", "a"):
        await rig.put(name, b"x")
    newest = await rig.put("b/3", b"x")
    await rig.put("c", b"x")
    listing = await rig.store.list(rig.key("b/"), consistent=True)
    assert [entry.key for entry in listing.entries] == [rig.key(f"b/{n}") for n in (1, 2, 3)]
    assert listing.index == newest


async def test_one_transaction_one_index(rig: Rig) -> None:
    """All writes of a transaction share one index, and it is the one that `Committed` names."""
    outcome = await rig.store.transact(
        (Put(rig.key("a"), b"1"), CheckAbsent(rig.key("c")), CompareAndSet(rig.key("b"), b"2", 0))
    )
    assert isinstance(outcome, Committed)
    listing = await rig.store.list(rig.prefix)
    assert {(entry.create_index, entry.modify_index) for entry in listing.entries} == {
        (outcome.index, outcome.index)
    }


async def test_create_index_stays(rig: Rig) -> None:
    """A later write raises the ModifyIndex and keeps the CreateIndex."""
    created = await rig.put("a", b"1")
    modified = await rig.put("a", b"2")
    entry = await rig.store.get(rig.key("a"))
    assert entry is not None
    assert (entry.create_index, entry.modify_index) == (created, modified)
    assert modified > created


async def test_equal_bytes_change_nothing(rig: Rig) -> None:
    """Writing the bytes that stand there succeeds and moves no index, by `Put` and by `CompareAndSet`."""
    index = await rig.put("a", b"same")
    put = await rig.store.transact((Put(rig.key("a"), b"same"),))
    cas = await rig.store.transact((CompareAndSet(rig.key("a"), b"same", index),))
    assert put == cas == Committed(index)
    entry = await rig.store.get(rig.key("a"))
    assert entry is not None
    assert entry.modify_index == index


async def test_equal_bytes_beside_a_change(rig: Rig) -> None:
    """In one transaction an unchanged key keeps its index, and `Committed` names the changed one's."""
    index = await rig.put("a", b"same")
    outcome = await rig.store.transact((Put(rig.key("a"), b"same"), Put(rig.key("b"), b"new")))
    assert isinstance(outcome, Committed)
    assert outcome.index > index
    entry = await rig.store.get(rig.key("a"))
    assert entry is not None
    assert entry.modify_index == index


async def test_cas_of_zero_wants_absence(rig: Rig) -> None:
    """Index 0 writes a key that does not exist, and refuses one that does, even with equal bytes."""
    first = await rig.store.transact((CompareAndSet(rig.key("a"), b"1", 0),))
    second = await rig.store.transact((CompareAndSet(rig.key("a"), b"1", 0),))
    assert isinstance(first, Committed)
    assert second == Rejected((Failure(0, f'failed to set key "{rig.key("a")}", index is stale'),))


async def test_cas_from_a_stale_basis(rig: Rig) -> None:
    """A write from an old index is refused, and one to a key that is gone likewise."""
    old = await rig.put("a", b"1")
    await rig.put("a", b"2")
    for key, index in ((rig.key("a"), old), (rig.key("none"), 7)):
        outcome = await rig.store.transact((CompareAndSet(key, b"3", index),))
        assert outcome == Rejected((Failure(0, f'failed to set key "{key}", index is stale'),))
    assert await rig.value("a") == b"2"


async def test_every_refusal_is_named(rig: Rig) -> None:
    """A rejected transaction names each operation that failed, in Consul's words, and applies nothing."""
    index = await rig.put("a", b"1")
    a, none = rig.key("a"), rig.key("none")
    outcome = await rig.store.transact(
        (
            Get(none),
            CheckIndex(none, 5),
            CheckIndex(a, index + 1),
            CheckIndex(a, index),
            CheckAbsent(a),
            CompareAndSet(a, b"2", index + 1),
            DeleteCompare(a, index + 1),
            Put(rig.key("new"), b"x"),
        )
    )
    assert outcome == Rejected(
        (
            Failure(0, f'key "{none}" doesn\'t exist'),
            Failure(1, f'failed to check index, key "{none}" doesn\'t exist'),
            Failure(2, f'failed index check for key "{a}", current modify index {index} != {index + 1}'),
            Failure(4, f'key "{a}" exists'),
            Failure(5, f'failed to set key "{a}", index is stale'),
            Failure(6, f'failed to delete key "{a}", index is stale'),
        )
    )
    assert await rig.value("a") == b"1"
    assert await rig.value("new") is None


async def test_operations_see_each_other(rig: Rig) -> None:
    """Within a transaction a later operation sees what an earlier one wrote."""
    a = rig.key("a")
    outcome = await rig.store.transact((Put(a, b"1"), Get(a), CheckAbsent(a)))
    assert outcome == Rejected((Failure(2, f'key "{a}" exists'),))


async def test_checks_alone(rig: Rig) -> None:
    """A transaction without writes is committed at index 0."""
    index = await rig.put("a", b"1")
    checks = (CheckIndex(rig.key("a"), index), Get(rig.key("a")), CheckAbsent(rig.key("none")))
    assert await rig.store.transact(checks) == Committed(0)


async def test_delete_compare(rig: Rig) -> None:
    """A key is deleted at its index; deleting what is not there succeeds whatever the index."""
    index = await rig.put("a", b"1")
    assert await rig.store.transact((DeleteCompare(rig.key("a"), index),)) == Committed(0)
    assert await rig.value("a") is None
    assert await rig.store.transact((DeleteCompare(rig.key("a"), index),)) == Committed(0)


async def test_64_operations_pass_and_65_do_not(rig: Rig) -> None:
    """More operations than Consul takes are not sent, and the text says how many are allowed."""
    operations = [Put(rig.key(f"k{n:02}"), b"x") for n in range(65)]
    assert isinstance(await rig.store.transact(operations[:64]), Committed)
    with pytest.raises(StoreUnavailable, match=r"65 operations.* at most 64"):
        await rig.store.transact(operations)
    assert await rig.value("k64") is None


async def test_a_body_too_large_is_not_sent(rig: Rig) -> None:
    """380 KiB of value fit into a transaction in base64, 400 KiB do not."""
    assert isinstance(await rig.store.transact((Put(rig.key("big"), bytes(380 * 1024)),)), Committed)
    with pytest.raises(StoreUnavailable, match="at most 524288"):
        await rig.store.transact((Put(rig.key("big"), bytes(400 * 1024)),))


async def test_put(rig: Rig) -> None:
    """`put` writes whatever stands there."""
    await rig.store.put(rig.key("a"), b"1")
    await rig.store.put(rig.key("a"), b"2")
    assert await rig.value("a") == b"2"


async def test_watch_from_zero_answers_at_once(rig: Rig) -> None:
    """Without an index a watch is a listing."""
    await rig.put("a", b"1")
    listing = await rig.store.watch(rig.prefix, index=0, wait_seconds=LONG_SECONDS)
    assert [entry.value for entry in listing.entries] == [b"1"]


async def test_watch_wakes_on_a_change(rig: Rig) -> None:
    """A write below the prefix ends the wait with the new state and a higher index."""
    index = await rig.put("a", b"1")
    async with asyncio.timeout(LONG_SECONDS / 2), asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(rig.store.watch(rig.prefix, index=index, wait_seconds=LONG_SECONDS))
        await asyncio.sleep(0.1)
        assert not watch.done()
        written = await rig.put("b", b"2")
    assert watch.result().index == written
    assert [entry.value for entry in watch.result().entries] == [b"1", b"2"]


async def test_watch_wakes_on_a_deletion(rig: Rig) -> None:
    """A deletion below the prefix ends the wait, even of the last key."""
    index = await rig.put("a", b"1")
    async with asyncio.timeout(LONG_SECONDS / 2), asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(rig.store.watch(rig.prefix, index=index, wait_seconds=LONG_SECONDS))
        await asyncio.sleep(0.1)
        await rig.other.transact((DeleteCompare(rig.key("a"), index),))
    assert watch.result().entries == ()
    assert watch.result().index > index


async def test_watch_ends_after_its_wait(rig: Rig) -> None:
    """Without a change the watch answers the same index when its wait is over."""
    index = await rig.put("a", b"1")
    started = asyncio.get_running_loop().time()
    listing = await rig.store.watch(rig.prefix, index=index, wait_seconds=SHORT_SECONDS)
    assert asyncio.get_running_loop().time() - started >= SHORT_SECONDS
    assert listing.index == index


async def test_equal_bytes_wake_nobody(rig: Rig) -> None:
    """Neither equal bytes, nor a rejected transaction, nor a write elsewhere ends a watch early."""
    index = await rig.put("own/a", b"same")
    started = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(rig.store.watch(rig.key("own/"), index=index, wait_seconds=SHORT_SECONDS))
        await asyncio.sleep(0.05)
        await rig.put("own/a", b"same")
        await rig.other.transact((CompareAndSet(rig.key("own/a"), b"other", 0),))
        await rig.put("elsewhere", b"new")
    assert asyncio.get_running_loop().time() - started >= SHORT_SECONDS
    assert watch.result().index == index


async def test_watch_with_an_index_of_the_future(rig: Rig) -> None:
    """An index above the store's, as after a wipe, waits in vain and answers the lower index that is."""
    index = await rig.put("a", b"1")
    listing = await rig.store.watch(rig.prefix, index=index + 10_000, wait_seconds=SHORT_SECONDS)
    assert listing.index == index


async def test_contact_counts_commits_and_consistent_reads(rig: Rig) -> None:
    """Contact is never before one, then its age: default reads, watches and rejections do not renew it."""
    assert rig.store.contact_seconds() == float("inf")
    await rig.store.get(rig.key("a"))
    await rig.store.list(rig.prefix)
    await rig.store.watch(rig.prefix, index=0, wait_seconds=SHORT_SECONDS)
    await rig.store.transact((Get(rig.key("none")),))
    assert rig.store.contact_seconds() == float("inf")
    await rig.store.get(rig.key("a"), consistent=True)
    await asyncio.sleep(SHORT_SECONDS)
    assert SHORT_SECONDS <= rig.store.contact_seconds() < float("inf")
    await rig.store.transact((Put(rig.key("a"), b"1"),))
    assert rig.store.contact_seconds() < SHORT_SECONDS
    assert rig.other.contact_seconds() == float("inf")


async def test_clock_offset(rig: Rig) -> None:
    """Clocks of one machine differ by nothing; before an answer nothing is known."""
    assert rig.store.clock_offset_seconds() is None
    await rig.store.get(rig.key("a"))
    assert rig.store.clock_offset_seconds() == 0
