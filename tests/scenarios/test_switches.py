"""Switches on a real Consul: no flip lost, every loser told, foreign hands noticed, snapshots survived."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest

from controlplane.adapters.consul import ConsulStore
from controlplane.application.replica import Replica
from controlplane.application.results import Act, Done, Refused
from controlplane.application.switch_requests import FlipRequest
from controlplane.contract.documents import DOCUMENT_BYTES_MAX
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchDocument, SwitchState, parse_switches
from controlplane.domain.switches import Flip, Verb
from tests.application.switch_world import SWITCH_FLEET, decide, done, flip, refused
from tests.application.world import FLEET
from tests.fakes.registry import FakeRegistry
from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.scenarios.real_store import replica_at, store_at, until

pytestmark = pytest.mark.services

WRITERS = 50
ROUNDS = 10


@asynccontextmanager
async def switched(
    address: str, keys: Keys, fleet: str = SWITCH_FLEET
) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas on one Consul, both with the first switch document."""
    registry = FakeRegistry()
    async with (
        replica_at(address, keys=keys, registry=registry) as one,
        replica_at(address, keys=keys, registry=registry) as two,
    ):
        await until(lambda: one.leadership.tenure or two.leadership.tenure)
        await one.doors.registry.apply(fleet, by="alice", dry_run=False)
        for replica in (one, two):
            await until(partial(shown, replica))
            await until(partial(informed, replica))
        yield one, two


def informed(replica: Replica) -> bool:
    """Whether a replica has the definitions."""
    return replica.definitions.current().revision > 0


def shown(replica: Replica, revision: int = 1) -> bool:
    """Whether a replica shows this revision of the switches, or a later one."""
    known = replica.switches.sight.known.get("checkout")
    return known is not None and known.document.revision >= revision


def drifted(replica: Replica) -> bool:
    """Whether a replica shows that the switches are not what was published last."""
    return replica.doors.switches.of("checkout").drift is not None


async def read(store: ConsulStore, keys: Keys) -> SwitchDocument:
    """The document as it stands in Consul."""
    entry = await store.get(keys.document("switches", "checkout"), consistent=True)
    assert entry
    return parse_switches(entry.value)


def by(number: int, **more) -> FlipRequest:
    """A flip of one of many writers, each to a share of its own."""
    act = Act(by=f"writer-{number}", reason="INC-1", trace_id="f" * 32)
    return FlipRequest(act=act, service="checkout", flip=Flip("recs", Verb.DEGRADE, percent=number), **more)


async def test_of_fifty_writers_each_either_wins_or_is_told_who_did(consul: ConsulAccess) -> None:
    """With If-Match, every revision is one success, and each loser is told who changed what before it."""
    keys = Keys(consul.prefix)
    async with switched(consul.address, keys) as replicas, store_at(consul.address) as store:
        start = (await read(store, keys)).revision

        async def write(number: int) -> list[Done | Refused]:
            door = replicas[number % 2].doors.switches
            outcomes = []
            for _ in range(3):
                revision = door.of("checkout").revision
                result = await door.flip(by(number, expected_revision=revision))
                assert isinstance(result, Done | Refused), result
                outcomes.append(result)
            return outcomes

        told = [
            result
            for results in await asyncio.gather(*(write(number) for number in range(1, WRITERS + 1)))
            for result in results
        ]
        document = await read(store, keys)
        log = await store.list(keys.document_log("switches", "checkout"), consistent=True)

    published = {result.revision for result in told if isinstance(result, Done)} - {start}
    assert document.revision == start + len(published) == len(log.entries)
    losers = [result for result in told if isinstance(result, Refused)]
    assert losers
    assert {loser.code for loser in losers} == {"revision_changed"}
    assert all("writer-" in loser.text and " changed recs at " in loser.text for loser in losers)


async def test_two_people_on_two_switches_never_refuse_each_other(consul: ConsulAccess) -> None:
    """Without If-Match, flips of two switches of one service on two replicas all succeed."""
    keys = Keys(consul.prefix)
    async with switched(consul.address, keys) as (one, two), store_at(consul.address) as store:
        start = (await read(store, keys)).revision
        for percent in range(1, ROUNDS + 1):
            results = await asyncio.gather(
                one.doors.switches.flip(flip(percent=percent)),
                two.doors.switches.flip(flip(switch="depth", percent=percent)),
            )
            assert [type(result) for result in results] == [Done, Done], results
        document = await read(store, keys)

    assert document.revision == start + 2 * ROUNDS
    assert {switch.percent for switch in document.switches.values()} == {ROUNDS}


async def test_a_hand_in_consul_is_noticed_and_held_until_somebody_decides(
    consul: ConsulAccess, consul_binary: Path
) -> None:
    """`consul kv put` on a document is an alarm everywhere; nothing is built upon it; adopting ends it."""
    keys = Keys(consul.prefix)
    key = keys.document("switches", "checkout")
    async with switched(consul.address, keys) as (one, two), store_at(consul.address) as store:
        document = await read(store, keys)
        hand = replace(document.switches["recs"], state=SwitchState.DEGRADED, value=False)
        raw = replace(document, revision=7, switches={**document.switches, "recs": hand}).to_bytes()
        command = [consul_binary, "kv", "put", f"-http-addr={consul.address}", key, raw.decode()]
        await asyncio.to_thread(partial(subprocess.run, command, check=True, capture_output=True))
        for replica in (one, two):
            await until(partial(drifted, replica))
            refused(await replica.doors.switches.flip(flip(switch="depth")), "foreign_edit")
        done(await two.doors.switches.resolve(decide("adopt")))
        await until(lambda: not drifted(one))
        adopted = await read(store, keys)
        done(await one.doors.switches.flip(flip(Verb.RESTORE)))

    assert (adopted.revision, adopted.switches["recs"].state) == (8, "degraded")


async def test_a_restored_snapshot_is_published_over(own_consul: OwnConsul) -> None:
    """After `consul snapshot restore` the last switches are there again, above every number given out."""
    keys = Keys()
    url = f"http://{own_consul.address}/v1/snapshot"
    async with (
        switched(own_consul.address, keys) as (one, two),
        store_at(own_consul.address) as store,
        httpx.AsyncClient(timeout=30) as client,
    ):
        snapshot = (await client.get(url)).content
        done(await one.doors.switches.flip(flip()))
        done(await two.doors.switches.flip(flip(switch="depth")))
        for replica in (one, two):
            await until(partial(shown, replica, 3))
        (await client.put(url, content=snapshot)).raise_for_status()
        revisions: list[int] = []
        async with asyncio.timeout(60):
            while not revisions or revisions[-1] < 4:
                revisions.append((await read(store, keys)).revision)
                await asyncio.sleep(0.1)
        document = await read(store, keys)

    assert set(revisions) <= {1, 3, 4}
    assert (document.change.kind, document.change.by) == ("repair", "controlplane")
    assert {switch.state for switch in document.switches.values()} == {"degraded"}


async def test_the_largest_change_fits_one_transaction(consul: ConsulAccess) -> None:
    """A document of nearly 128 KiB in which everything changes is published, logged and readable."""
    keys = Keys(consul.prefix)
    lines = "\n".join(
        f"      - {{name: s-{number}, type: string, normal: {'x' * 3900}, degraded: ''}}"
        for number in range(16)
    )
    fleet = FLEET.replace("    checks:", f"    switches:\n{lines}\n    checks:")
    async with switched(consul.address, keys, fleet) as (one, two), store_at(consul.address) as store:
        await one.doors.registry.apply(fleet.replace("x" * 3900, "y" * 3900), by="alice", dry_run=False)
        await until(partial(shown, two, 2))
        document = await read(store, keys)
        log = await store.get(keys.log("switches", "checkout", 2), consistent=True)

    assert DOCUMENT_BYTES_MAX * 0.95 < len(document.to_bytes()) <= DOCUMENT_BYTES_MAX
    assert log
    assert len(log.value) > 60 * 1024
