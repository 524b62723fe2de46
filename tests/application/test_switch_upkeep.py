"""What the leader does for switches by itself: definitions, ends, plain values."""

import asyncio
from datetime import timedelta

import pytest

from controlplane.application.results import Done
from controlplane.domain.switches import Verb
from tests.application.switch_world import (
    SWITCH_FLEET,
    SWITCH_LINES,
    SWITCHES,
    SwitchWorld,
    done,
    flip,
    restore,
    shown_switch,
)
from tests.application.world import FLEET, KEYS
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.looptime

DAY = timedelta(days=1)
OTHER_NORMAL = SWITCH_FLEET.replace("normal: true, degraded: false", "normal: false, degraded: true")
OTHER_TYPE = SWITCH_FLEET.replace(
    "type: bool, normal: true, degraded: false", "type: int, normal: 7, degraded: 1"
)
WITHOUT_RECS = FLEET.replace(
    "    checks:", "    switches:\n" + SWITCH_LINES.splitlines()[2] + "\n    checks:"
)


async def apply(replica, fleet: str) -> None:
    await replica.doors.registry.apply(fleet, by="alice", dry_run=False)


async def test_the_first_document_has_every_switch_as_it_is_declared() -> None:
    """After the first apply the switches are there, normal, with their plain values."""
    world = SwitchWorld()
    async with world.switched() as replica:
        document = world.switches()

        assert (document.revision, document.change.kind, document.change.by) == (1, "apply", "controlplane")
        assert {name: one.value for name, one in document.switches.items()} == {"recs": True, "depth": 3}
        assert (world.plain("recs"), world.plain("depth")) == (b"true", b"3")
        assert shown_switch(replica, "depth").degraded == 1
        await asyncio.sleep(10)
        assert world.logged() == [1]


async def test_without_definitions_nothing_is_published() -> None:
    """A replica that leads and was never told a fleet makes no document."""
    world = SwitchWorld()
    replica = world.replica()
    async with world.running(replica):
        await world.until(lambda: replica.leadership.tenure)
        await asyncio.sleep(3)

        assert replica.doors.switches.all().services == ()
        assert world.value(SWITCHES) is None


async def test_a_changed_normal_holds_at_once_or_when_the_switch_is_restored() -> None:
    """A switch at rest follows the definitions; a degraded one keeps its normal until it is restored."""
    world = SwitchWorld()
    async with world.switched() as replica:
        await apply(replica, OTHER_NORMAL)
        await world.until(lambda: world.revision() == 2)
        assert (world.switch().value, world.plain()) == (False, b"false")
        done(await replica.doors.switches.flip(flip()))
        await apply(replica, SWITCH_FLEET)
        await asyncio.sleep(5)
        assert (world.revision(), world.switch().normal, world.switch().value) == (3, False, True)
        assert shown_switch(replica).waiting == "normal True instead of False holds once it is restored"
        done(await replica.doors.switches.flip(restore()))
        await asyncio.sleep(3)

        assert (world.revision(), world.switch().value, world.switch().normal) == (4, True, True)
        assert shown_switch(replica).waiting is None


async def test_a_changed_type_waits_for_whoever_holds_the_switch() -> None:
    """While it is degraded, a switch keeps its type; restored, it has the new one."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(regions=("eu-west",))))
        await apply(replica, OTHER_TYPE)
        await asyncio.sleep(3)
        assert (world.revision(), world.switch().type) == (2, "bool")
        assert shown_switch(replica).waiting == "type int instead of bool holds once it is restored"
        done(await replica.doors.switches.flip(restore(regions=("eu-west",))))

        assert (world.revision(), world.switch().type, world.switch().value) == (3, "int", 7)


async def test_a_removed_switch_is_kept_for_a_day_and_then_goes_with_the_next_change() -> None:
    """Readers of the former definitions find it as retired, worth its normal."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip()))
        await apply(replica, WITHOUT_RECS)
        await world.until(lambda: world.revision() == 3)
        assert (world.switch().state, world.switch().value, world.plain()) == ("retired", True, b"true")
        assert not shown_switch(replica).declared
        world.clock.skew = DAY
        await asyncio.sleep(5)
        assert world.revision() == 3
        done(await replica.doors.switches.flip(flip(switch="depth")))
        await asyncio.sleep(35)

        assert world.switches().switches.keys() == {"depth"}
        assert world.plain() is None


async def test_the_document_of_a_removed_service_ends_empty() -> None:
    """Documents are never deleted: what a removed service had is retired for a day, then gone."""
    world = SwitchWorld()
    async with world.switched() as replica:
        await apply(replica, FLEET)
        await world.until(lambda: world.revision() == 2)
        assert {one.state for one in world.switches().switches.values()} == {"retired"}
        world.clock.skew = DAY
        await asyncio.sleep(5)
        assert (world.revision(), dict(world.switches().switches)) == (3, {})
        await asyncio.sleep(60)
        assert world.revision() == 3
        await apply(replica, SWITCH_FLEET)
        await world.until(lambda: world.revision() == 4)

        assert world.switch().state == "normal"


async def test_a_first_document_waits_for_postgresql_and_says_so() -> None:
    """History knows the numbers: without it no first document is made, and that is an alarm."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.journal.away = True
        await apply(
            replica, SWITCH_FLEET.replace("groups:", f"  - {{name: late, switches: [{LATE}]}}\ngroups:")
        )
        await asyncio.sleep(0.6)
        (alarm,) = replica.doors.queries.status().alarms
        assert alarm.startswith("the first switch document of late waits: PostgreSQL")
        world.registry.away = True
        await asyncio.sleep(10)
        (alarm,) = replica.doors.queries.status().alarms
        assert "PostgreSQL knows the numbers" in alarm
        assert world.value(KEYS.document("switches", "late")) is None
        world.journal.away = world.registry.away = False
        await world.until(lambda: world.value(KEYS.document("switches", "late")))
        await asyncio.sleep(1)

        assert replica.doors.queries.status().alarms == ()


LATE = "{name: late, type: int, normal: 1, degraded: 0}"


async def test_definitions_that_are_behind_publish_nothing() -> None:
    """Where the store names definitions that this replica does not have, it brings nothing in line."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.registry.away = True
        world.server.edit(KEYS.registry, b"9")
        entry = world.server.peek(KEYS.registry)
        replica.switches.upkeep.aligning._followed.clear()
        await asyncio.sleep(5)

        assert entry
        assert world.logged() == [1]


async def test_definitions_too_large_for_their_document_are_an_alarm() -> None:
    """Where the declared switches do not fit 128 KiB, the former document stays and people are told."""
    lines = "\n".join(
        f"      - {{name: s-{number}, type: string, normal: {'x' * 4000}, degraded: ''}}"
        for number in range(20)
    )
    world = SwitchWorld()
    async with world.switched() as replica:
        await apply(replica, FLEET.replace("    checks:", f"    switches:\n{lines}\n    checks:"))
        await asyncio.sleep(5)
        (alarm,) = replica.doors.queries.status().alarms
        assert "at most 131072 are allowed; the largest is s-" in alarm
        assert world.revision() == 1
        await apply(replica, SWITCH_FLEET)
        await asyncio.sleep(2)

        assert replica.doors.queries.status().alarms == ()


async def test_an_end_is_written_back_when_it_comes() -> None:
    """Exactly at its end, and without PostgreSQL, what was degraded becomes normal."""
    world = SwitchWorld()
    async with world.switched() as replica:
        end = world.ahead(60.123)
        done(await replica.doors.switches.flip(flip(expires_at=end)))
        done(
            await replica.doors.switches.flip(
                flip(switch="depth", regions=("eu-west",), expires_at=world.ahead(90))
            )
        )
        world.journal.away = world.registry.away = True
        await world.until(lambda: world.switch().state == "normal", 61)
        assert timedelta(0) <= world.clock.now() - end < timedelta(seconds=0.1)
        assert (world.switches().change.kind, world.plain()) == ("expiry", b"true")
        assert world.switches().change.reason == "the end of recs has come"
        await world.until(lambda: not world.switch("depth").regions, 31)


async def test_an_end_loses_against_a_persons_flip() -> None:
    """Who extends a degradation at the last moment is not overruled by its former end."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(expires_at=world.ahead(10))))
        await asyncio.sleep(9.9)
        world.server.latency_seconds = 0.3
        result = await replica.doors.switches.flip(flip(expires_at=world.ahead(60)))
        await asyncio.sleep(5)

        done(result)
        assert world.switch().state == "degraded"
        assert world.switches().change.kind == "flip"


async def test_an_end_that_somebody_took_back_meanwhile_is_not_written() -> None:
    """The end is decided from a fresh reading: what was restored already needs no end."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(expires_at=world.ahead(10))))
        ending = replica.switches.upkeep.ending
        stale = replica.switches.sight.known["checkout"]
        done(await replica.doors.switches.flip(restore()))
        await asyncio.sleep(11)
        replica.switches.sight.known["checkout"] = stale
        assert replica.leadership.tenure
        await ending.end(replica.leadership.tenure)

        assert world.revision() == 3


async def test_nothing_ends_by_a_clock_that_is_wrong() -> None:
    """While the leader's clock is off Consul's, it writes no end; readers end by themselves."""
    world = SwitchWorld()
    world.server.clock = FakeClock()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(expires_at=world.ahead(60))))
        world.clock.skew = timedelta(seconds=600)
        await asyncio.sleep(50)
        assert (world.switch().state, world.plain()) == ("degraded", b"false")
        world.clock.skew = timedelta()
        await asyncio.sleep(15)

        assert world.switch().state == "normal"


async def test_a_leader_writes_back_what_ran_out_while_nobody_led() -> None:
    """Ends that came while no control plane ran are written within seconds of its return."""
    world = SwitchWorld()
    async with world.switched() as replica:
        done(await replica.doors.switches.flip(flip(expires_at=world.ahead(60))))
    await asyncio.sleep(120)
    assert world.switch().state == "degraded"
    async with world.running(world.replica()):
        await world.until(lambda: world.switch().state == "normal", 10)


async def test_a_plain_value_changed_by_hand_is_put_right() -> None:
    """The plain values follow the document within thirty seconds; what belongs to no switch goes."""
    world = SwitchWorld()
    async with world.switched():
        world.server.edit(KEYS.switch_value("checkout", "recs"), b"mars")
        world.server.delete(KEYS.switch_value("checkout", "depth"))
        world.server.edit(KEYS.switch_value("checkout", "old"), b"1")
        world.server.edit(KEYS.switch_value("elsewhere", "other"), b"1")
        await asyncio.sleep(35)

        assert (world.plain(), world.plain("depth"), world.plain("old")) == (b"true", b"3", None)
        assert world.value(KEYS.switch_value("elsewhere", "other")) == b"1"


async def test_numbers_that_are_used_up_leave_other_services_alone() -> None:
    """A document without a number left is not aligned; the others are."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.edit(KEYS.log("switches", "checkout", 10**12 - 1), b"{}")
        more = OTHER_NORMAL.replace("groups:", f"  - {{name: other, switches: [{LATE}]}}\ngroups:")
        await apply(replica, more)
        await world.until(lambda: world.value(KEYS.document("switches", "other")))

        assert world.revision() == 1


async def test_the_upkeep_waits_for_consul() -> None:
    """While Consul is away the upkeep goes on trying, and does what is due on its return."""
    world = SwitchWorld()
    async with world.switched() as replica:
        result = await replica.doors.switches.flip(flip(Verb.FORCE, expires_at=world.ahead(20)))
        assert isinstance(result, Done)
        await asyncio.sleep(19)
        world.clients[0].go_away()
        await asyncio.sleep(1.5)
        world.server.edit(SWITCHES, world.value(SWITCHES) or b"")
        world.clients[0].come_back()
        await world.until(lambda: world.switch().state == "normal", 20)
