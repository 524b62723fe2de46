"""What the real Consul does at the edges: lost answers, freezes, lost quorum, a store that starts again."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager

import httpx
import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint, Deadlines
from controlplane.application.ports import (
    CheckAbsent,
    Committed,
    CompareAndSet,
    Failure,
    Get,
    Operation,
    OutcomeUnknown,
    Put,
    Rejected,
    Store,
    StoreUnavailable,
)
from tests.fixtures.consul import ConsulAccess, ConsulCluster, OwnConsul
from tests.fixtures.proxy import Answers, proxy_to

pytestmark = pytest.mark.services

GENEROUS_SECONDS = 60
POLL_SECONDS = 0.1
ATTEMPTS_MAX = 5
SHORT = Deadlines(read_seconds=0.5, write_seconds=0.5)


@asynccontextmanager
async def store_at(address: str, deadlines: Deadlines | None = None) -> AsyncIterator[ConsulStore]:
    endpoint = ConsulEndpoint(address=address)
    store = ConsulStore(endpoint, clock=SystemClock(), deadlines=deadlines or Deadlines())
    async with aclosing(store):
        yield store


async def value(store: Store, key: str) -> bytes | None:
    try:
        entry = await store.get(key)
    except StoreUnavailable:
        return None
    return entry.value if entry else None


@contextmanager
def frozen(servers: Sequence[OwnConsul]) -> Iterator[None]:
    for server in servers:
        server.freeze()
    try:
        yield
    finally:
        for server in servers:
            server.thaw()


async def until_it_reads(store: Store, key: str, expected: bytes) -> None:
    for _ in range(round(GENEROUS_SECONDS / POLL_SECONDS)):
        if await value(store, key) == expected:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError(f"{key} never became {expected!r}")


async def committed(store: Store, *operations: Operation) -> Committed:
    """The same transaction again and again until it is answered, as a server that starts needs it."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            try:
                outcome = await store.transact(operations)
            except (StoreUnavailable, OutcomeUnknown):
                await asyncio.sleep(POLL_SECONDS)
                continue
            assert isinstance(outcome, Committed)
            return outcome


@pytest.mark.parametrize("answers", [Answers.HOLD, Answers.CUT])
async def test_a_lost_answer_is_unknown_and_was_committed(consul: ConsulAccess, answers: Answers) -> None:
    """The answer is lost on its way: unknown, in force, and the identical transaction is refused."""
    key, log = f"{consul.prefix}document", f"{consul.prefix}log"
    publication = (CompareAndSet(key, b"1", 0), CheckAbsent(log), Put(log, b"id"))
    async with proxy_to(consul.address) as proxy, store_at(proxy.address, SHORT) as store:
        proxy.answers = answers
        with pytest.raises(OutcomeUnknown):
            await store.transact(publication)
        proxy.answers = Answers.PASS
        again = await store.transact(publication)
        assert again == Rejected(
            (Failure(0, f'failed to set key "{key}", index is stale'), Failure(1, f'key "{log}" exists'))
        )
        assert await value(store, key) == b"1"


async def test_a_cut_connection_fails_the_watch_that_waits_on_it(consul: ConsulAccess) -> None:
    """A watch whose connection is closed fails at once; the next one, without an index, reads what is."""
    key = f"{consul.prefix}a"
    async with proxy_to(consul.address) as proxy, store_at(proxy.address) as store:
        written = await committed(store, Put(key, b"1"))
        async with asyncio.timeout(GENEROUS_SECONDS / 2):
            watch = asyncio.create_task(store.watch(key, index=written.index, wait_seconds=GENEROUS_SECONDS))
            await asyncio.sleep(POLL_SECONDS)
            await proxy.cut()
            with pytest.raises(StoreUnavailable):
                await watch
        listing = await store.watch(key, index=0, wait_seconds=1)
        assert [entry.value for entry in listing.entries] == [b"1"]


async def test_a_frozen_server_commits_when_it_thaws(own_consul: OwnConsul) -> None:
    """A write to a frozen server is unknown at its deadline, reads fail, and the write is there after all."""
    async with store_at(own_consul.address, SHORT) as store:
        await committed(store, Put("a", b"1"))
        own_consul.freeze()
        async with asyncio.timeout(GENEROUS_SECONDS):
            with pytest.raises(OutcomeUnknown, match="no answer within"):
                await store.transact((Put("a", b"2"),))
            with pytest.raises(StoreUnavailable, match="no answer within"):
                await store.get("a", consistent=True)
        own_consul.thaw()
        await until_it_reads(store, "a", b"2")


async def test_a_stopped_server_gets_nothing_sent(own_consul: OwnConsul) -> None:
    """A server that is not there is unavailable, and when it is back it has what it had."""
    async with store_at(own_consul.address) as store:
        await committed(store, Put("a", b"1"))
        await own_consul.stop()
        with pytest.raises(StoreUnavailable, match="nothing was sent"):
            await store.transact((Put("a", b"2"),))
        await own_consul.start()
        await until_it_reads(store, "a", b"1")


async def test_a_wiped_store_is_noticed_by_index_and_by_identity(own_consul: OwnConsul) -> None:
    """After a wipe a watch answers a lower index, and a transaction that names the old store is refused."""
    async with store_at(own_consul.address) as store:
        await committed(store, Put("store/01", b""))
        for number in range(50):
            await committed(store, Put("a", b"%d" % number))
        written = await committed(store, Put("a", b"old"))
        await own_consul.wipe()
        await own_consul.start()
        await committed(store, Put("a", b"new"))
        listing = await store.watch("a", index=written.index, wait_seconds=0.5)
        assert listing.index < written.index
        outcome = await store.transact((Get("store/01"), Put("a", b"older")))
        assert outcome == Rejected((Failure(0, 'key "store/01" doesn\'t exist'),))
        assert await value(store, "a") == b"new"


async def test_a_restored_snapshot_goes_back_and_then_upwards(own_consul: OwnConsul) -> None:
    """Keys get their old values and indexes; the next write gets an index above all that ever were."""
    async with store_at(own_consul.address) as store, httpx.AsyncClient(timeout=GENEROUS_SECONDS) as http:
        old = await committed(store, Put("a", b"1"))
        url = f"http://{own_consul.address}/v1/snapshot"
        snapshot = (await http.get(url)).raise_for_status().content
        await committed(store, Put("a", b"2"))
        newest = await committed(store, Put("a", b"newest"))
        (await http.put(url, content=snapshot)).raise_for_status()
        await until_it_reads(store, "a", b"1")
        listing = await store.watch("a", index=newest.index, wait_seconds=0.5)
        assert listing.index == old.index
        assert (await committed(store, Put("a", b"3"))).index > newest.index


async def test_a_write_without_quorum_is_committed_later(consul_cluster: ConsulCluster) -> None:
    """Followers frozen: 500 is unknown, not refused, and the write is in force when they are back."""
    for attempt in range(ATTEMPTS_MAX):
        leader, followers = await consul_cluster.leader(), await consul_cluster.followers()
        async with store_at(leader.address) as store:
            key = f"key-{attempt}"
            await committed(store, Put(key, b"1"))
            with frozen(followers), pytest.raises(OutcomeUnknown) as unknown:
                await store.transact((Put(key, b"2"),))
            if "500 leadership lost while committing log" in str(unknown.value):
                await until_it_reads(store, key, b"2")
                return
    raise AssertionError("the leader always stepped down before the write arrived")


async def test_a_leader_cut_off_confirms_nothing(consul_cluster: ConsulCluster) -> None:
    """Followers frozen: neither a consistent read nor a transaction of checks alone counts as contact."""
    leader, followers = await consul_cluster.leader(), await consul_cluster.followers()
    async with store_at(leader.address) as store:
        await committed(store, Put("a", b"1"))
        before = store.contact_seconds()
        with frozen(followers):
            with pytest.raises(OutcomeUnknown):
                await store.transact((Get("a"),))
            with pytest.raises(StoreUnavailable):
                await store.get("a", consistent=True)
        assert store.contact_seconds() > before
