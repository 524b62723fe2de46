"""Leadership: one at a time, kept through an outage of Consul, taken over from the silent."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from controlplane.application.leadership import Leadership
from controlplane.application.ports import CheckIndex
from controlplane.application.publication import Guard
from controlplane.application.results import Refused
from tests.application.publications import KEYS, STORE, document, founded, publication, publisher
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStoreClient

pytestmark = pytest.mark.looptime


def replica(client: FakeStoreClient, holder: str) -> Leadership:
    return Leadership(
        client,
        KEYS,
        FakeClock(),
        holder,
        api=f"http://{holder}",
        identity=lambda: STORE,
        term_floor=lambda: 0,
    )


@asynccontextmanager
async def running(*replicas: Leadership):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run()) for one in replicas]
        yield tasks
        for task in tasks:
            task.cancel()


def leaders(*replicas: Leadership) -> list[str]:
    return [one.holder for one in replicas if one.tenure]


async def test_a_vacant_lease_is_taken_by_one() -> None:
    """Of two replicas that start together, one leads with term 1 and the other follows it."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a, b):
        await asyncio.sleep(3)

        assert len(leaders(a, b)) == 1
        assert {a.record.term if a.record else 0, b.record.term if b.record else 0} == {1}


async def test_a_rising_beat_keeps_the_leader() -> None:
    """A leader that renews is never taken over."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a):
        await asyncio.sleep(1)
        async with running(b):
            await asyncio.sleep(60)

            assert leaders(a, b) == ["a"]
            assert a.record
            assert a.record.beat > 50


async def test_a_dead_leader_is_followed_by_the_next_term() -> None:
    """A follower takes over about five seconds after the last beat, with the next term."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a) as (leading,):
        await asyncio.sleep(1)
        async with running(b):
            await asyncio.sleep(10)
            leading.cancel()
            await asyncio.sleep(6)

            assert b.tenure
            assert b.tenure.term == 2


async def test_a_released_lease_is_taken_at_once() -> None:
    """A clean stop hands over within one look, without waiting for silence."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a):
        await asyncio.sleep(1)
    async with running(b):
        await asyncio.sleep(2)
        await a.release()
        await asyncio.sleep(1)

        assert leaders(a, b) == ["b"]
        assert b.tenure
        assert b.tenure.term == 2


async def test_an_outage_of_consul_changes_no_leader() -> None:
    """After ten seconds without Consul the same replica leads, with the same term."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a):
        await asyncio.sleep(1)
        async with running(b):
            await asyncio.sleep(2)
            server.go_away()
            await asyncio.sleep(10)
            server.come_back()
            await asyncio.sleep(10)

            assert leaders(a, b) == ["a"]
            assert a.tenure
            assert a.tenure.term == 1


async def test_a_frozen_consul_changes_no_leader() -> None:
    """A Consul that hangs for a minute and then takes up everything late leaves the leader in place."""
    server = founded()
    a, b = replica(server.client(), "a"), replica(server.client(), "b")
    async with running(a):
        await asyncio.sleep(1)
        async with running(b):
            await asyncio.sleep(2)
            server.freeze()
            await asyncio.sleep(60)
            assert a.renewed_seconds() > 2
            server.thaw()
            await asyncio.sleep(10)

            assert leaders(a, b) == ["a"]
            assert a.tenure
            assert a.tenure.term == 1
            assert a.renewed_seconds() <= 2


async def test_a_deposed_leader_steps_down_and_its_write_is_refused() -> None:
    """Who lost the term cannot publish: its transaction fails by the term, and it follows."""
    server = founded()
    client_a = server.client()
    a, b = replica(client_a, "a"), replica(server.client(), "b")
    async with running(a):
        await asyncio.sleep(1)
        tenure = a.tenure
        assert tenure
        client_a.freeze()
        async with running(b):
            await asyncio.sleep(7)
            assert b.tenure
            assert b.tenure.term == 2
            client_a.thaw()
            writer = await publisher(client_a, FakeClock())
            guard = Guard(
                CheckIndex(KEYS.term, tenure.term_index), "leadership_lost", "another replica leads"
            )
            result = await writer.publish(publication(document(), guards=(guard,)), identity=STORE)
            await asyncio.sleep(3)

            assert result == Refused("leadership_lost", "another replica leads")
            assert leaders(a, b) == ["b"]


async def test_a_term_that_went_back_is_led_anew_above_the_known_one() -> None:
    """When Consul goes back to a lower term, the leader steps down and leads anew above the highest known."""
    server = founded()
    a = replica(server.client(), "a")
    a.term_floor = lambda: 7
    async with running(a):
        await asyncio.sleep(2)
        assert a.record
        assert a.record.term == 8
        server.edit(KEYS.term, b"3")
        await asyncio.sleep(10)

        assert leaders(a) == ["a"]
        assert a.record.term == 9


async def test_another_store_is_not_led_by_the_former_leader() -> None:
    """In a wiped and founded-again store the former leader steps down."""
    server = founded()
    identity: list[str | None] = [STORE]
    a = replica(server.client(), "a")
    a.identity = lambda: identity[0]
    async with running(a):
        await asyncio.sleep(2)
        server.wipe()
        identity[0] = None
        await asyncio.sleep(5)

        assert a.tenure is None


async def test_nobody_leads_a_store_without_a_number_of_terms() -> None:
    """A term that is no number is left alone, and nobody leads."""
    server = founded()
    server.edit(KEYS.term, b"many")
    a = replica(server.client(), "a")
    async with running(a):
        await asyncio.sleep(3)

        assert a.tenure is None


async def test_an_unreadable_leader_key_is_waited_out() -> None:
    """A leader key of a stranger counts as silent after four seconds, and is then replaced."""
    server = founded()
    server.edit(KEYS.leader, b"\xff")
    a = replica(server.client(), "a")
    async with running(a):
        await asyncio.sleep(7)

        assert a.tenure


async def test_a_lost_renewal_is_recognised_as_ours() -> None:
    """A renewal whose answer was lost is read back, and the lease goes on without a change."""
    server = founded()
    a = replica(server.client(), "a")
    async with running(a):
        await asyncio.sleep(1.5)
        server.lose_answers(below=KEYS.leader)
        await asyncio.sleep(5)

        assert a.tenure
        assert a.tenure.term == 1
        assert a.renewed_seconds() <= 1.5


async def test_a_release_that_gets_no_answer_is_no_error() -> None:
    """A clean stop ends, also while Consul is away."""
    server = founded()
    a = replica(server.client(), "a")
    async with running(a):
        await asyncio.sleep(1)
        server.go_away()
        await a.release()
        await a.release()

        assert a.tenure is None
