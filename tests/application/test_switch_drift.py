"""Documents that are not what was published last: noticed, held, adopted, enforced, repaired."""

import asyncio
from dataclasses import replace

import pytest

from controlplane.application.ports import DatabaseUnavailable, LogRecord
from controlplane.contract.log_entries import Abandoned
from controlplane.contract.switches import Switch, SwitchState
from tests.application.switch_world import (
    SWITCH_FLEET,
    SWITCHES,
    SwitchWorld,
    decide,
    done,
    flip,
    refused,
    restore,
    shown,
    undo,
)
from tests.application.world import FLEET, KEYS, act
from tests.fakes.store import FakeStoreClient

pytestmark = pytest.mark.looptime


AT = "2026-01-12T09:30:00.000Z"


def record(world: SwitchWorld, revision: int) -> LogRecord:
    """A log entry as the journaller takes it up."""
    entry = world.server.peek(KEYS.log("switches", "checkout", revision))
    assert entry
    return LogRecord(
        "store", "switches", "checkout", revision, f"c-{revision}", entry.create_index, entry.value
    )


def degraded_by_hand(world: SwitchWorld) -> dict[str, Switch]:
    hand = replace(world.switch(), state=SwitchState.DEGRADED, value=False)
    return {**world.switches().switches, "recs": hand}


async def test_a_foreign_edit_is_noticed_shown_and_held() -> None:
    """Within 5 s people are told; nothing is overwritten, neither by flips, ends nor definitions."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip(expires_at=world.ahead(20))))
        raw = world.edit(revision=9, switches=degraded_by_hand(world))
        await asyncio.sleep(5)
        view = shown(replica)
        assert view.drift
        assert (view.drift.code, view.drift.text) == ("foreign_edit", "revision 9 was never published")
        assert (view.revision, view.switches[1].name) == (2, "recs")
        (alarm,) = replica.doors.queries.status().alarms
        assert "`controlplane switch adopt checkout`" in alarm
        text = refused(await door.flip(restore()), "foreign_edit")
        assert "revision 9 was never published" in text
        assert "`controlplane switch enforce checkout`" in text
        refused(await door.undo(undo(2)), "foreign_edit")
        await replica.doors.registry.apply(FLEET, by="alice", dry_run=False)
        await asyncio.sleep(60)

        assert world.value(SWITCHES) == raw
        assert shown(replica).drift == view.drift


async def test_a_foreign_edit_is_adopted_with_a_new_number() -> None:
    """What stands there becomes a revision like any other, with its difference in the log."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        world.edit(
            revision=9, switches={**world.switches().switches, "recs": replace(world.switch(), percent=5)}
        )
        await asyncio.sleep(1)
        result = done(await replica.doors.switches.resolve(decide("adopt", act=act(key="k"))))
        again = done(await replica.doors.switches.resolve(decide("adopt", act=act(key="k"))))
        await asyncio.sleep(2)

        assert (result.revision, again.revision) == (10, 10)
        assert (world.switch().percent, world.plain()) == (5, b"true")
        assert shown(replica).drift is None
        assert replica.doors.queries.status().alarms == ()
        (row, *_) = await replica.doors.queries.changes(kind="switches", name=None, before=None, limit=1)
        assert row.before
        assert (row.change_kind, row.by, list(row.before)) == ("repair", "alice", ["recs"])
        assert row.explanation == {"drift": "revision 9 was never published", "policy": "adopt"}
        done(await replica.doors.switches.flip(restore()))


async def test_a_foreign_edit_is_undone_by_enforcing_what_was_published_last() -> None:
    """The last published content comes back above the number that the foreign hand wrote."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(switch="depth")))
        world.edit(revision=9, switches=degraded_by_hand(world))
        result = done(await replica.doors.switches.resolve(decide("enforce")))

        assert (result.revision, world.switch().state, world.switch("depth").state) == (
            10,
            "normal",
            "degraded",
        )


@pytest.mark.parametrize("raw", [b"not json", b'{"schema":"controlplane.switches/9"}'])
async def test_what_cannot_be_read_is_enforced_and_never_adopted(raw: bytes) -> None:
    """Bytes of a stranger are no switches: only what was published last can be put back."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.edit(SWITCHES, raw)
        await asyncio.sleep(1)
        text = refused(await replica.doors.switches.resolve(decide("adopt")), "not_adoptable")
        assert "cannot be read" in text
        done(await replica.doors.switches.resolve(decide("enforce")))

        assert (world.revision(), world.switch().state) == (2, "normal")


async def test_where_nothing_is_wrong_there_is_nothing_to_decide() -> None:
    """Adopting what was published last is refused: it stands there already."""
    world = SwitchWorld()
    async with world.switched() as replica:
        refused(await replica.doors.switches.resolve(decide("adopt")), "no_drift")
        refused(await replica.doors.switches.resolve(decide("enforce", service="nothing")), "no_drift")


async def test_a_deleted_document_is_enforced() -> None:
    """Deleting a document is a foreign edit, too; readers keep theirs, and it comes back when asked."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        world.server.delete(SWITCHES)
        await asyncio.sleep(5)
        drift = shown(replica).drift
        assert drift
        assert drift.text == "it was deleted; revision 2 was published last"
        refused(await replica.doors.switches.resolve(decide("adopt")), "not_adoptable")
        done(await replica.doors.switches.resolve(decide("enforce")))

        assert (world.revision(), world.switch().state) == (3, "degraded")


async def test_a_replica_that_restarted_enforces_from_log_and_history() -> None:
    """Without memory the last document is told from the log, and what the log lacks from PostgreSQL."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(percent=5)))
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
    world.server.delete(KEYS.log("switches", "checkout", 1))
    world.edit(switches={}, revision=3)
    second = world.replica()
    async with world.running(second):
        await world.until(lambda: second.leadership.tenure)
        await asyncio.sleep(3)
        world.journal.away = True
        refused(await second.doors.switches.resolve(decide("enforce")), "nothing_known")
        world.journal.away = False
        done(await second.doors.switches.resolve(decide("enforce")))

    assert (world.revision(), world.switch().state, world.switch("depth").state) == (4, "degraded", "normal")


async def test_the_log_alone_tells_a_document_while_postgresql_is_away() -> None:
    """A restarted replica enforces without PostgreSQL where the log reaches back to the first document."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        saved = replica.ports.definitions_cache.load()
    world.edit(switches={})
    world.journal.away = world.registry.away = world.tokens.away = True
    second = world.replica()
    assert saved
    second.ports.definitions_cache.save(saved)
    async with world.running(second):
        await world.until(lambda: second.leadership.tenure)
        await asyncio.sleep(2)
        done(await second.doors.switches.resolve(decide("enforce")))

    assert (world.switch().state, world.revision()) == ("degraded", 3)


async def test_a_restored_snapshot_is_published_over_within_fifteen_seconds() -> None:
    """Consul went back: the last known document is published again above its number, without PostgreSQL."""
    world = SwitchWorld()
    async with world.switched() as replica:
        snapshot = world.server.snapshot()
        done(await replica.doors.switches.flip(flip()))
        done(await replica.doors.switches.flip(flip(switch="depth")))
        await asyncio.sleep(3)
        world.journal.away = world.registry.away = True
        world.server.restore(snapshot)
        await world.until(lambda: world.revision() == 4, 15)

        assert (world.switch().state, world.switch("depth").state) == ("degraded", "degraded")
        change = world.switches().change
        assert (change.kind, change.reason) == ("repair", "Consul went back to revision 1; 3 was in force")
        await asyncio.sleep(3)
        assert shown(replica).drift is None
        done(await replica.doors.switches.flip(restore()))


async def test_while_consul_is_behind_flips_are_refused() -> None:
    """Until the last known document is there again, nothing is built upon the older one."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            snapshot = world.server.snapshot()
            done(await one.doors.switches.flip(flip()))
            await asyncio.sleep(1)
            one.leadership.step_down("a test says so")
            world.server.restore(snapshot)
            text = refused(await two.doors.switches.flip(flip(switch="depth")), "document_went_back")
            await world.until(lambda: two.doors.queries.status().alarms, 5)
            (alarm,) = two.doors.queries.status().alarms

    assert "Consul went back to revision 1" in text
    assert "the leader publishes them again as soon as it can tell them" in alarm


async def test_a_new_machine_learns_from_history_that_consul_went_back() -> None:
    """A replica without memory and files compares Consul with PostgreSQL, and repairs from there."""
    world = SwitchWorld()
    async with world.switched() as replica:
        snapshot = world.server.snapshot()
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
    world.server.restore(snapshot)
    world.reopened()
    second = world.replica()
    async with world.running(second):
        await world.until(lambda: world.revision() == 3, 20)

    assert world.switch().state == "degraded"
    assert world.switches().change.kind == "repair"


async def test_what_nobody_can_tell_waits_for_a_person() -> None:
    """Where neither memory nor history has the newer document, the older one stays until it is adopted."""
    world = SwitchWorld()
    async with world.switched() as replica:
        snapshot = world.server.snapshot()
        world.journal.away = True
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(1)
    world.server.restore(snapshot)
    world.journal.away = False
    second = world.replica()
    async with world.running(second):
        await world.until(lambda: second.leadership.tenure)
        await asyncio.sleep(20)
        drift = shown(second).drift
        assert drift
        assert drift.code == "document_went_back"
        assert world.revision() == 1
        done(await second.doors.switches.resolve(decide("adopt")))
        await asyncio.sleep(2)
        assert shown(second).drift is None

    assert (world.revision(), world.switch().state) == (3, "normal")


async def test_a_wiped_store_gets_its_switches_again() -> None:
    """After a wipe the document comes back as it was, above every known number, once PostgreSQL answers."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
        world.server.wipe()
        await world.until(lambda: world.value(SWITCHES), 30)

        assert (world.revision(), world.switch().state, world.plain()) == (3, "degraded", b"false")
        assert world.switches().change.kind == "repair"


async def test_a_lost_document_waits_for_postgresql() -> None:
    """An absent document is created only while history knows the numbers."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
        world.journal.away = world.registry.away = True
        await asyncio.sleep(10)
        for key in (SWITCHES, *(KEYS.log("switches", "checkout", number) for number in (1, 2))):
            world.server.delete(key)
        await asyncio.sleep(20)
        drift = shown(replica).drift
        assert drift
        assert drift.code == "document_lost"
        assert world.value(SWITCHES) is None
        world.journal.away = world.registry.away = False
        await world.until(lambda: world.value(SWITCHES), 30)

    assert (world.revision(), world.switch().state) == (3, "degraded")


async def test_a_lost_document_that_nobody_knows_begins_as_it_is_declared() -> None:
    """Where history is gone, too, the switches begin anew, above the number that the file kept."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
    for key in (SWITCHES, *(KEYS.log("switches", "checkout", number) for number in (1, 2))):
        world.server.delete(key)
    world.journal.rows.clear()
    second = world.replica()
    async with world.running(second):
        await world.until(lambda: world.value(SWITCHES), 30)

    assert (world.revision(), world.switch().state) == (3, "normal")


async def test_history_that_breaks_off_is_asked_again() -> None:
    """PostgreSQL that goes away in the middle delays what needs it, and stops nothing."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        await asyncio.sleep(3)
        recovery = replica.switches.recovery
        recovery._learned.clear()
        world.journal.away = True
        with pytest.raises(DatabaseUnavailable):
            await recovery.learn_all()
        snapshot = world.server.snapshot()
        done(await replica.doors.switches.flip(flip(switch="depth")))
        world.server.restore(snapshot)
        await world.until(lambda: world.revision() == 4, 15)

    assert world.switch("depth").state == "degraded"


async def test_a_publication_between_two_requests_is_no_drift() -> None:
    """Document and log are two requests; what lies between them is read again, not alarmed about."""

    class Between(FakeStoreClient):
        async def list(self, prefix: str, *, consistent: bool = False):
            if prefix == KEYS.document_log("switches", "checkout") and left:
                done(await replica.doors.switches.flip(flip(percent=left.pop())))
            return await super().list(prefix, consistent=consistent)

    world, left = SwitchWorld(), [1, 2]
    async with world.switched() as replica:
        client = Between(world.server, clock=world.clock)
        reader = replace(replica.switches.reader, store=client)
        reading = await reader.read("checkout")
        assert reading.drift is None
        assert reading.document
        assert reading.document.revision == 3
        left.extend([3, 4, 5, 6, 7, 8])
        assert (await reader.read("checkout")).drift


async def test_an_older_reading_teaches_nothing() -> None:
    """What was read before a publication of one's own does not overwrite what is known of it."""
    world = SwitchWorld()
    async with world.switched() as replica:
        older = await replica.switches.reader.read("checkout")
        done(await replica.doors.switches.flip(flip()))
        replica.switches.sight.take(older)

        assert shown(replica).revision == 2


async def test_two_replicas_show_the_same() -> None:
    """What one replica published, the other shows within a moment, with its author."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            done(await one.doors.switches.flip(flip()))
            await asyncio.sleep(0.2)
            assert shown(two) == shown(one)
            assert two.doors.switches.all().services == one.doors.switches.all().services
            await one.doors.registry.apply(
                SWITCH_FLEET.replace("normal: 3", "normal: 4"), by="a", dry_run=False
            )
            await asyncio.sleep(10)
            assert shown(two).switches == shown(one).switches


async def test_a_document_that_somebody_made_up_and_took_away_leaves_no_trace() -> None:
    """A foreign document of a service without switches is an alarm for as long as it stands there."""
    world = SwitchWorld()
    ghost = KEYS.document("switches", "ghost")
    async with world.switched() as replica:
        world.server.edit(ghost, (world.value(SWITCHES) or b"").replace(b'"checkout"', b'"ghost"'))
        await asyncio.sleep(1)
        assert [view.service for view in replica.doors.switches.all().services] == ["checkout", "ghost"]
        replica.switches.sight.look_again("ghost")
        await asyncio.sleep(1)
        (alarm,) = replica.doors.queries.status().alarms
        assert "ghost" in alarm
        world.server.delete(ghost)
        await asyncio.sleep(1)

        assert replica.doors.queries.status().alarms == ()
        assert [view.service for view in replica.doors.switches.all().services] == ["checkout"]


async def test_a_look_that_consul_breaks_off_is_taken_again() -> None:
    """Where Consul goes away between the news and its judgement, the judgement follows."""
    world = SwitchWorld()
    async with world.switched() as replica:
        client = world.clients[0]
        client.latency_seconds = 0.2
        await asyncio.sleep(4)
        world.edit(revision=9)
        await asyncio.sleep(0.15)
        client.go_away()
        await asyncio.sleep(1)
        assert shown(replica).drift is None
        client.come_back()
        await asyncio.sleep(5)

        assert shown(replica).drift


async def test_entries_of_strangers_tell_nothing_of_switches() -> None:
    """Abandoned, unreadable and misplaced entries are passed over, in the log and in history."""
    world = SwitchWorld()
    async with world.switched() as replica:
        key = KEYS.log("switches", "checkout", 1)
        failover = (world.value(key) or b"").replace(b'"kind":"switches"', b'"kind":"failover"')
        world.server.edit(KEYS.log("switches", "checkout", 2), Abandoned("c", "b", "r", AT).to_bytes())
        world.server.edit(KEYS.log("switches", "checkout", 3), b'{"change":{"at":"x"}}')
        moved = failover.replace(b'"kind":"apply"', b'"kind":"manual"').replace(b',"playbook":null', b"")
        world.server.edit(KEYS.log("switches", "checkout", 4), moved)
        await world.journal.append([record(world, number) for number in (2, 3)])
        await asyncio.sleep(3)
        replica.switches.recovery._learned.clear()
        replica.switches.sight.look_again("checkout")
        await asyncio.sleep(3)

        assert shown(replica).drift
        recovery = replace(replica.switches.recovery, pages_max=1)
        assert await recovery.published("checkout", 1)
        assert await recovery.published("checkout", 2) is None
        assert await replace(recovery, pages_max=0).published("checkout", 1) is None
