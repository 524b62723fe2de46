"""The write path on a real Consul: what was promised of it, each promise a test."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from controlplane.application.composing import Held, compose
from controlplane.application.drafting import Context
from controlplane.application.ports import CheckIndex, CompareAndSet, Put
from controlplane.application.publication import Guard
from controlplane.application.results import Done, Refused, Unknown
from controlplane.contract.keys import Keys
from tests.application.publications import document
from tests.fixtures.consul import ConsulAccess, ConsulCluster, OwnConsul
from tests.fixtures.proxy import Answers, proxy_to
from tests.scenarios.real_store import founded_store, publisher_on, replica_at, store_at, until

pytestmark = pytest.mark.services


def draft(keys: Keys, revision: int, change_id: str, *, index: int = 0, guards: tuple[Guard, ...] = ()):
    after = document(revision, "eu-west", change_id=change_id)
    return compose(keys, Held(None, index), after, Context({"why": "a test"}, "trace-1", guards))


async def test_of_two_racing_publishers_one_wins_and_the_other_is_told(consul: ConsulAccess) -> None:
    """Two publishers that decided from the same document: one is done, the other refused by name."""
    keys = Keys(consul.prefix)
    async with store_at(consul.address) as one, store_at(consul.address) as two:
        identity = await founded_store(one, keys)
        first, second = await publisher_on(one, keys), await publisher_on(two, keys)

        results = await asyncio.gather(
            first.publish(draft(keys, 1, "a"), identity=identity),
            second.publish(draft(keys, 1, "b"), identity=identity),
        )

        assert sorted(type(result).__name__ for result in results) == ["Done", "Refused"]
        (loser,) = [result for result in results if isinstance(result, Refused)]
        assert loser.code == "document_changed"
        log = await one.list(keys.logs, consistent=True)
        assert len(log.entries) == 1


async def test_a_deposed_leader_is_refused_by_the_store(consul: ConsulAccess) -> None:
    """A leader that was deposed while it was about to publish is refused by the term alone."""
    keys = Keys(consul.prefix)
    async with store_at(consul.address) as store:
        identity = await founded_store(store, keys)
        writer = await publisher_on(store, keys)
        term = await store.get(keys.term, consistent=True)
        assert term
        await store.transact([CompareAndSet(keys.term, b"1", term.modify_index)])
        guard = Guard(CheckIndex(keys.term, term.modify_index), "leadership_lost", "another replica leads")

        result = await writer.publish(draft(keys, 1, "a", guards=(guard,)), identity=identity)

        assert result == Refused("leadership_lost", "another replica leads")
        assert await store.get(keys.document("failover", "checkout")) is None


async def test_a_reply_that_was_lost_after_the_commit_is_found_to_be_done(consul: ConsulAccess) -> None:
    """The publisher whose answer was cut off finds its own log entry and says done."""
    keys = Keys(consul.prefix)
    async with store_at(consul.address) as direct, proxy_to(consul.address) as proxy:
        identity = await founded_store(direct, keys)
        async with store_at(proxy.address) as store:
            writer = await publisher_on(store, keys)
            proxy.answers = Answers.CUT
            publishing = asyncio.create_task(writer.publish(draft(keys, 1, "a"), identity=identity))
            await until(lambda: writer.pending)
            proxy.answers = Answers.PASS
            await publishing
            settled = await writer.settle(("failover", "checkout")) or publishing.result()

        assert isinstance(settled, Done)
        entry = await direct.get(keys.document("failover", "checkout"))
        assert entry
        assert settled.index == entry.modify_index


async def test_a_late_commit_after_a_500_is_settled_by_abandoning(consul_cluster: ConsulCluster) -> None:
    """A write that a leader without followers answered with 500 is unknown, then done or void for good."""
    keys = Keys()
    leader = await consul_cluster.leader()
    followers = await consul_cluster.followers()
    async with store_at(leader.address) as store:
        identity = await founded_store(store, keys)
        writer = await publisher_on(store, keys)
        for follower in followers:
            follower.freeze()
        result = await writer.publish(draft(keys, 1, "late"), identity=identity)
        assert isinstance(result, Unknown)
        assert "may still take effect" in result.text
        for follower in followers:
            follower.thaw()
        async with asyncio.timeout(60):
            while writer.pending:
                await writer.settle(("failover", "checkout"))
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)

        found = await store.get(keys.document("failover", "checkout"), consistent=True)
        log = await store.get(keys.log("failover", "checkout", 1), consistent=True)
        assert log
        marker = json.loads(log.value)
        assert (found is None) == ("abandoned" in marker), "in force and logged, or void for good"


async def test_equal_bytes_wake_nobody(consul: ConsulAccess) -> None:
    """Publishing the same bytes again neither moves the index nor wakes a reader."""
    keys = Keys(consul.prefix)
    key = keys.document("failover", "checkout")
    async with store_at(consul.address) as store:
        await store.transact([Put(key, document().to_bytes())])
        before = await store.list(key)
        watching = asyncio.create_task(store.watch(key, index=before.index, wait_seconds=1))
        await store.transact([Put(key, document().to_bytes())])

        assert (await watching).entries == before.entries


async def test_a_rising_beat_keeps_the_leader_through_an_outage_of_consul(own_consul: OwnConsul) -> None:
    """Ten seconds without Consul change neither the leader nor its term; its beat goes on rising."""
    keys = Keys()
    async with (
        replica_at(own_consul.address, keys=keys) as one,
        replica_at(own_consul.address, keys=keys) as two,
    ):
        await until(lambda: one.leadership.tenure or two.leadership.tenure)
        await asyncio.sleep(2)
        leader, follower = (one, two) if one.leadership.tenure else (two, one)
        before = leader.leadership.record
        assert before
        await own_consul.stop()
        await asyncio.sleep(10)
        await own_consul.start()
        await until(lambda: leader.leadership.renewed_seconds() < 2)
        await asyncio.sleep(6)

        after = leader.leadership.record
        assert after
        assert (after.holder, after.term) == (before.holder, before.term)
        assert after.beat > before.beat
        assert follower.leadership.tenure is None


async def test_a_re_created_store_is_not_written_by_an_old_replica(own_consul: OwnConsul) -> None:
    """A publication decided in a store that was wiped and founded anew is refused, though the index fits."""
    keys = Keys()
    async with store_at(own_consul.address) as store:
        former = await founded_store(store, keys)
        writer = await publisher_on(store, keys)
        first = await writer.publish(draft(keys, 1, "a"), identity=former)
        assert isinstance(first, Done)
        assert first.index
        await own_consul.wipe()
        await own_consul.start()
    async with store_at(own_consul.address) as store:
        await founded_store(store, keys)
        writer = await publisher_on(store, keys)
        again = await writer.publish(draft(keys, 2, "b", index=first.index), identity=former)

        assert isinstance(again, Refused)
        assert again.code == "store_replaced"


async def test_a_leader_that_dies_is_followed(consul: ConsulAccess) -> None:
    """When the leading replica ends without a word, the other one leads with the next term."""
    keys = Keys(consul.prefix)
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        one = await first.enter_async_context(replica_at(consul.address, keys=keys))
        two = await second.enter_async_context(replica_at(consul.address, keys=keys))
        await until(lambda: one.leadership.tenure or two.leadership.tenure)
        leads, follower = (first, two) if one.leadership.tenure else (second, one)
        await until(lambda: follower.leadership.record)
        assert follower.leadership.record
        term = follower.leadership.record.term
        await leads.aclose()
        await until(lambda: follower.leadership.tenure)

        assert follower.leadership.record.term == term + 1
