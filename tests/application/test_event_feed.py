"""What a control plane tells its readers, on fakes and in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from controlplane.application.event_facts import Fact, differences
from controlplane.application.event_feed import (
    DRAWN_APART_SECONDS,
    LINGER_SECONDS,
    LOOK_EVERY_SECONDS,
    REST_PER_PICTURE,
    EventFeed,
)
from controlplane.application.events import Event, EventHub, EventKind
from controlplane.application.replica import Replica
from controlplane.domain.report import VantageReport
from controlplane.domain.switches import Verb
from tests.application.switch_world import SWITCH_FLEET, SwitchWorld, flip
from tests.application.world import DOWN, move, pause, resume
from tests.fakes.clock import FakeClock
from tests.fakes.doors import NOTHING
from tests.web.pictures import GOOD

pytestmark = pytest.mark.looptime

FAST_SECONDS = 0.5
"""A change is told within this, where it wakes somebody."""


class FollowedWorld(SwitchWorld):
    """A world with switches and a prober that names who fails."""

    failing: tuple[str, ...] = ()

    def report(self, seq: int) -> VantageReport:
        report = super().report(seq)
        return VantageReport(
            vantage=report.vantage,
            prober=report.prober,
            boot=report.boot,
            seq=report.seq,
            members=report.members,
            registry=report.registry,
            cells=report.cells,
            failing=self.failing,
        )

    @asynccontextmanager
    async def followed(self) -> AsyncIterator["Followed"]:
        """One replica that leads and is quiet, and a reader of its events."""
        async with self.switched(SWITCH_FLEET) as replica, asyncio.TaskGroup() as group:
            probing = group.create_task(self.probe())
            await self.until(self.published)
            await asyncio.sleep(5)
            followed = Followed(replica)
            following = group.create_task(followed.follow())
            await asyncio.sleep(0.1)
            try:
                yield followed
            finally:
                probing.cancel()
                following.cancel()


@dataclass
class Followed:
    """A replica, and what a reader heard of it."""

    replica: Replica
    heard: list[Event] = field(default_factory=list)

    async def follow(self) -> None:
        with self.replica.doors.events.open(None, ()) as reader:
            while True:
                self.heard += await reader.read(60)

    async def next(self, kind: EventKind, name: str = "") -> Any:
        """The data of the first such event; it must come soon."""
        async with asyncio.timeout(FAST_SECONDS):
            while not (found := [one for one in self.heard if (one.kind, one.name) == (kind, name)]):  # noqa: ASYNC110 - what is waited for is anything at all
                await asyncio.sleep(0.01)
        return found[0].data


async def test_a_quiet_control_plane_says_nothing():
    """Time that passes, reports that repeat, renewals of the lease: none of it is news."""
    async with FollowedWorld().followed() as followed:
        await asyncio.sleep(120)

    assert followed.heard == []


async def test_a_flip_is_told_with_its_author_and_reason():
    """As soon as it is published here: which document, which revision, who and why."""
    async with FollowedWorld().followed() as followed:
        await followed.replica.doors.switches.flip(flip(Verb.DEGRADE))
        told = await followed.next(EventKind.DOCUMENT, "switches/checkout")

    assert (told["kind"], told["name"], told["revision"]) == ("switches", "checkout", 2)
    assert (told["change"]["kind"], told["change"]["by"], told["change"]["reason"]) == (
        "flip",
        "alice",
        "INC-1 test",
    )


async def test_a_flip_of_another_replica_is_told_here():
    """It arrives through the store, and is news to the readers of every replica."""
    world = FollowedWorld()
    async with world.followed() as followed:
        other = world.replica()
        async with world.running(other):
            await asyncio.sleep(3)
            await other.doors.switches.flip(flip(Verb.DEGRADE))

            assert await followed.next(EventKind.DOCUMENT, "switches/checkout")


async def test_a_foreign_edit_is_an_alarm():
    """What was changed past the control plane reaches readers as a sentence."""
    world = FollowedWorld()
    async with world.followed() as followed:
        world.edit(revision=9)
        told = await followed.next(EventKind.ALARM)

    assert "the switches of checkout" in told["alarms"][0]


async def test_a_move_is_told_as_document_and_group():
    """The document in force, and the group whose active region it changed."""
    async with FollowedWorld().followed() as followed:
        await followed.replica.doors.operations.move(move("eu-west"))
        document = await followed.next(EventKind.DOCUMENT, "failover/checkout")
        group = await followed.next(EventKind.GROUP, "checkout")

    assert (document["revision"], document["change"]["kind"]) == (2, "manual")
    assert group["active"] == "eu-west"
    assert group["regions"]["us-east"] == {"verdict": "up", "ready": True}


async def test_an_outage_is_told_step_by_step():
    """Cells, instances, the states of the group and the move itself, without one event for time alone."""
    world = FollowedWorld()
    async with world.followed() as followed:
        world.health["us-east"], world.failing = DOWN, ("us-1", "us-2")
        await world.until(lambda: world.active() == "eu-west")
        await asyncio.sleep(5)

    cell = next(one for one in followed.heard if one.name == "checkout/us-east")
    failing = next(one for one in followed.heard if one.name == "us-1")
    states = [one.data["state"] for one in followed.heard if one.kind is EventKind.GROUP]
    assert (cell.data["down"], cell.data["up"]) == (2, 0)
    assert failing.data == {"instance": "us-1", "failing": True, "vantages": ["local"]}
    assert {"evaluating", "cooldown"} & set(states)
    assert len(states) < 8


async def test_an_instance_that_recovers_is_told_with_empty_data():
    """What is no more is said, too."""
    world = FollowedWorld()
    async with world.followed() as followed:
        world.failing = ("us-1",)
        await asyncio.sleep(2)
        world.failing = ()
        await asyncio.sleep(2)

    assert [one.data.get("failing") for one in followed.heard if one.name == "us-1"] == [True, None]


async def test_a_restraint_is_told_when_it_begins_and_ends():
    """By scope, with who and why; empty once it is lifted."""
    world = FollowedWorld()
    async with world.followed() as followed:
        await followed.replica.doors.operations.pause(pause(world, 60, "group", "checkout"))
        told = await followed.next(EventKind.RESTRAINT, "group/checkout")
        await followed.replica.doors.operations.resume(resume("group", "checkout"))
        await asyncio.sleep(1)

    assert (told["by"], told["reason"]) == ("alice", "INC-1 test")
    assert [one.data for one in followed.heard if one.kind is EventKind.RESTRAINT][1:] == [{}]


async def test_definitions_and_confirmations_are_told():
    """A fleet that was applied has a revision; a document that it changed is to be confirmed anew."""
    async with FollowedWorld().followed() as followed:
        text = SWITCH_FLEET.replace(
            "{name: depth, type: int, normal: 3", "{name: depth, type: int, normal: 4"
        )
        await followed.replica.doors.registry.apply(text, by="alice", dry_run=False)
        await asyncio.sleep(3)
        registry = await followed.next(EventKind.REGISTRY)
        confirmation = await followed.next(EventKind.CONFIRMATION, "switches/checkout")

    assert registry == {"revision": 2}
    assert (confirmation["revision"], confirmation["instances"]) == (2, 6)


async def test_what_wakes_nobody_is_told_all_the_same():
    """Consul falls silent: the leader, the dependency and the vantages are told by the slow look."""
    world = FollowedWorld()
    async with world.followed() as followed:
        world.server.go_away()
        await world.until(lambda: any(one.name == "consul" for one in followed.heard))
        told = [one for one in followed.heard if one.kind is EventKind.DEPENDENCY]

    assert [(one.name, one.data) for one in told] == [("consul", {"answers": False})]


async def test_nothing_is_drawn_while_nobody_reads():
    """For a while the place of a reader that left is kept; then looking ends, and the place is lost."""
    world = FollowedWorld()
    async with world.switched() as replica:
        drawn = counted(replica)
        with replica.doors.events.open(None, ()) as reader:
            await asyncio.sleep(1)
        place = reader.last_id
        await asyncio.sleep(LINGER_SECONDS / 2)
        with replica.doors.events.open(place, ()) as back:
            assert await back.read(0.1) == ()
        await asyncio.sleep(LINGER_SECONDS + 2 * LOOK_EVERY_SECONDS)
        before = len(drawn)
        await asyncio.sleep(10)

        assert len(drawn) == before
        with replica.doors.events.open(place, ()) as late:
            assert [event.kind for event in await late.read(1)] == [EventKind.RESET]


async def test_much_at_once_costs_few_pictures():
    """However often something stirs, a picture is drawn a few times per second."""
    async with FollowedWorld().followed() as followed:
        drawn = counted(followed.replica)
        for _ in range(500):
            followed.replica.events.wake()
            await asyncio.sleep(0.01)

    assert 5 < len(drawn) <= 5 / DRAWN_APART_SECONDS


async def test_a_slow_picture_is_drawn_less_often():
    """What a picture takes is a small share of the time, however large the fleet is."""
    clock = SlowClock()
    drawn: list[float] = []

    def status():
        drawn.append(clock.monotonic())
        clock.spend(0.02)
        return NOTHING

    feed = EventFeed(EventHub("01HOME", clock), clock, status, dict)
    running = asyncio.create_task(feed.run())
    with feed.open(None, ()):
        for _ in range(1_000):
            feed.wake()
            await asyncio.sleep(0.01)
    running.cancel()

    assert len(drawn) <= 10 / (0.02 * REST_PER_PICTURE)


class SlowClock(FakeClock):
    """Goes on by what a test spends, too."""

    spent = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.spent

    def spend(self, seconds: float) -> None:
        self.spent += seconds


async def test_the_end_of_the_process_ends_its_readers():
    """The door closes, and nobody waits."""
    async with FollowedWorld().followed() as followed:
        followed.replica.doors.events.close()
        with followed.replica.doors.events.open(None, ()) as reader:
            await reader.read(60)

            assert reader.ended


async def test_a_follower_learns_who_leads():
    """When another replica takes over, readers of every replica hear its name and term."""
    world = FollowedWorld()
    async with world.followed() as followed:
        followed.replica.leadership.step_down("a test")
        told = await followed.next(EventKind.LEADER)

    assert told["ours"] is False


async def test_what_stirs_nothing_is_told_by_the_slow_look():
    """A dependency that fell silent, a group without a document: looked at once a second, woken or not."""
    change = {"id": "change-1", "kind": "apply", "by": "alice", "reason": "first", "at": GOOD.as_of}
    document = {"revision": 1, "change": change}
    pictures = [replace(GOOD, groups=(replace(GOOD.groups[0], document=document),))]
    clock = FakeClock()
    feed = EventFeed(EventHub("01HOME", clock), clock, lambda: pictures[-1], dict)
    running = asyncio.create_task(feed.run())
    with feed.open(None, ()) as reader:
        await asyncio.sleep(10)
        without = replace(GOOD.groups[0], document=None)
        pictures.append(replace(GOOD, database_available=False, groups=(without,)))
        started = clock.monotonic()
        told = await reader.read(60)
        assert clock.monotonic() - started <= LOOK_EVERY_SECONDS
    running.cancel()

    assert [(one.kind, one.name, one.data) for one in told] == [
        (EventKind.DEPENDENCY, "postgresql", {"answers": False}),
        (EventKind.DOCUMENT, f"failover/{GOOD.groups[0].name}", {}),
    ]


def test_how_long_something_lasts_is_no_news():
    """A sentence that differs in its seconds alone is the same news; any other number is another one."""
    lasting, longer = ({("group", "a"): Fact({"reason": f"down for {s} s"})} for s in (1.0, 2.5))
    more = {("group", "a"): Fact({"reason": "down for 2.5 s from 3 vantages", "alarms": ("1 s",)})}

    assert list(differences(lasting, longer)) == []  # type: ignore[arg-type]
    assert len(list(differences(longer, more))) == 1  # type: ignore[arg-type]


def counted(replica: Replica) -> list[float]:
    """The times at which pictures are drawn from now on."""
    drawn: list[float] = []
    look = replica.events.status

    def status():
        drawn.append(asyncio.get_running_loop().time())
        return look()

    replica.events.status = status
    return drawn
