"""Why nothing was moved, from the decision into history: on fakes and virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.application.history_evaluations import RECORDS_WAITING_MAX, EvaluationKeeper
from controlplane.application.history_whys import REPEATS_SECONDS, Whys
from controlplane.application.ports import DatabaseUnavailable, SpoolUnavailable
from controlplane.application.publication import Publication
from controlplane.application.results import Done, Refused, Unknown
from controlplane.contract.documents import Change, ChangeKind
from controlplane.contract.log_entries import Abandoned
from controlplane.domain.failover import GroupState
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import Origin
from tests.application.publications import document, publication
from tests.application.world import DOWN, UP, World, pause
from tests.fakes.clock import EPOCH, FakeClock
from tests.fakes.history import FakeEvaluations
from tests.fakes.spool import FakeSpool
from tests.unit.domain.worlds import World as Situations

pytestmark = pytest.mark.looptime

REFUSED = Refused("document_changed", "failover/checkout was changed by somebody else meanwhile")
UNKNOWN = Unknown("change-1", "Consul gave no final answer")


def told(world: World) -> list[tuple[str, str, str]]:
    """State before, state after and code of every evaluation, the oldest first."""
    return [(row.before, row.state, row.code) for row in world.evaluations.rows]


async def test_a_move_is_told_with_what_led_to_it():
    """Suspicion, the move and the rest after it are rows, each with its inputs."""
    world = World()
    async with world.settled():
        before = len(world.evaluations.rows)
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 6)
        await asyncio.sleep(5)
        rows = world.evaluations.rows[before:]

    assert [(row.before, row.state) for row in rows] == [
        ("steady", "suspect"),
        ("suspect", "activating"),
        ("activating", "cooldown"),
    ]
    assert {row.outcome for row in rows} == {"stay", "move"}
    assert all(row.inputs["group"] == "checkout" for row in rows)


async def test_what_is_down_and_not_moved_is_told_with_the_reason():
    """A region that is down while a pause holds is a row; when the reason changes there is another one."""
    world = World()
    async with world.settled() as replica:
        await replica.doors.operations.pause(pause(world, 30))
        world.health["us-east"] = DOWN
        await asyncio.sleep(10)
        world.health["eu-west"] = world.health["ap-south"] = DOWN
        await asyncio.sleep(10)
        world.health |= dict.fromkeys(world.health, UP)
        await asyncio.sleep(10)
        found = told(world)

    blocked = [code for _, state, code in found if state == GroupState.BLOCKED]
    assert blocked[0] == "fleet_paused"
    assert len(set(blocked)) > 1
    assert found[-1][1] in {"steady", "cooldown"}
    assert len(found) < 12, "nothing is said again and again"


async def test_a_fall_that_is_over_in_time_is_told():
    """A region that comes back within the hold-down was suspected, and nothing followed."""
    world = World()
    async with world.settled():
        world.health["us-east"] = DOWN
        await asyncio.sleep(1.5)
        world.health["us-east"] = UP
        await asyncio.sleep(5)
        states = [(before, state) for before, state, _ in told(world)]

    assert states[-2:] in (
        [("steady", "suspect"), ("suspect", "steady")],
        [("cooldown", "suspect"), ("suspect", "cooldown")],
    )


async def test_an_outage_of_postgresql_delays_and_loses_none():
    """What was decided meanwhile is stored afterwards, in order and once."""
    world = World()
    async with world.settled():
        before = len(told(world))
        world.evaluations.away = True
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 6)
        await asyncio.sleep(300)
        world.evaluations.away = False
        await asyncio.sleep(60)
        states = [state for _, state, _ in told(world)[before:]]

    assert states[:2] == ["suspect", "activating"]
    assert "cooldown" in states


async def test_of_two_replicas_the_leader_tells():
    """Both see the same, and it is written once; after a change of leader the other one goes on."""
    world = World()
    async with world.settled(), world.running(world.replica()):
        await asyncio.sleep(5)
        before = len(told(world))
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 6)
        await asyncio.sleep(5)
        states = [state for _, state, _ in told(world)[before:]]

    assert states.count("suspect") == 1


def evaluated(*healths: str) -> tuple[Situations, list[list[tuple[str, str, str]]]]:
    """What is worth recording of a second of each health of the first region, one after the other."""
    world, whys = Situations(), Whys()
    found = []
    for health in healths:
        world.set(health, world.situation().definitions.fleet.regions[0].name)
        records = whys.of_evaluation(world.step())
        found.append([(one.before, one.state, one.outcome) for one in records])
    return world, found


def test_a_group_at_peace_is_not_worth_a_word():
    """The first look at a steady group, and every further one, says nothing."""
    _, found = evaluated("up", "up", "up")
    assert found == [[], [], []]


def test_a_new_replica_tells_what_is_not_at_peace():
    """What is suspect, blocked or at fault at the first look is said, with no state before."""
    _, found = evaluated("down", "down", "up")
    assert [len(records) for records in found] == [1, 0, 1]
    assert found[0][0][0] == ""


@pytest.mark.parametrize(
    ("result", "outcome", "code"), [(REFUSED, "refused", "document_changed"), (UNKNOWN, "unknown", "unknown")]
)
def test_a_publication_that_is_not_in_force_is_told(result: Refused | Unknown, outcome: str, code: str):
    """A row says which document, why, who wanted it, and under which change id to look for it."""
    record = Whys().of_publication(publication(document(7)), result, now=EPOCH)

    assert record is not None
    assert (record.kind, record.name, record.outcome, record.code) == ("failover", "checkout", outcome, code)
    assert (record.reason, record.trace_id) == (result.text, "trace-1")
    assert record.inputs == {"by": "controlplane", "change_id": "change-1", "revision": 7}


def by(author: str) -> Publication:
    change = Change("change-9", ChangeKind.MANUAL, author, "INC-1", "2026-01-12T09:31:07.412Z")
    return publication(replace(document(7), change=change))


def test_what_the_automation_tries_again_and_again_is_told_once_in_a_while():
    """The same refusal within a minute is one row; another code, another time, or a person is another row."""
    whys = Whys()

    def said(wanted: Publication, seconds: float, result: Refused | Unknown = REFUSED) -> bool:
        return whys.of_publication(wanted, result, now=EPOCH + timedelta(seconds=seconds)) is not None

    assert [said(by("controlplane"), 0), said(by("controlplane"), 0.1)] == [True, False]
    assert said(by("controlplane"), 0.2, UNKNOWN)
    assert said(by("controlplane"), REPEATS_SECONDS)
    assert [said(by("alice"), 61), said(by("alice"), 61.1)] == [True, True]


@pytest.mark.parametrize(
    ("entry", "author"),
    [(b"no entry", ""), (Abandoned("x", "bob", "why", "2026-01-12T09:31:07.412Z").to_bytes(), "bob")],
)
def test_whoever_wrote_the_entry(entry: bytes, author: str):
    """A publication whose entry says nothing of its author is told all the same."""
    record = Whys().of_publication(replace(publication(document()), log_entry=entry), REFUSED, now=EPOCH)

    assert record is not None
    assert (record.inputs["by"], record.trace_id) == (author, None)


class Rig:
    """A keeper on a disk and a PostgreSQL in memory."""

    def __init__(self) -> None:
        self.spool = FakeSpool(Origin("", "control", "boot1"))
        self.repository = FakeEvaluations()
        self.keeper = EvaluationKeeper(self.spool, self.repository, FakeClock(), lambda: True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.keeper.run())
            yield
            task.cancel()

    def refuse(self, count: int = 1) -> None:
        for _ in range(count):
            self.keeper.see_result(by("alice"), REFUSED)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_what_is_done_is_no_evaluation(rig: Rig):
    """A publication that is in force stands in the changes, not here."""
    rig.keeper.see_result(by("alice"), Done("change-9", "in force", 7))
    await rig.keeper.write()
    assert await rig.keeper.store() is False


async def test_a_repeat_of_the_automation_is_not_kept(rig: Rig):
    """What is not worth recording reaches neither disk nor PostgreSQL."""
    for _ in range(3):
        rig.keeper.see_result(by("controlplane"), REFUSED)
    await rig.keeper.write()
    assert len(rig.spool.frames) == 1


async def test_records_are_on_disk_before_they_are_stored(rig: Rig):
    """With PostgreSQL away a record is safe on disk; the disk forgets it only when it is stored."""
    rig.refuse()
    await rig.keeper.write()
    assert rig.spool.synced == 1
    rig.repository.away = True
    with pytest.raises(DatabaseUnavailable):
        await rig.keeper.store()
    assert len(rig.spool.frames) == 1
    rig.repository.away = False
    assert await rig.keeper.store()
    assert rig.spool.frames == []
    assert len(rig.repository.rows) == 1


async def test_a_full_disk_is_waited_for(rig: Rig):
    """What the disk refuses is kept in memory, bounded, and written later; what is beyond is counted."""
    rig.spool.full = True
    async with rig.running():
        rig.refuse(RECORDS_WAITING_MAX + 5)
        await asyncio.sleep(10)
        with pytest.raises(SpoolUnavailable):
            await rig.keeper.write()
        rig.spool.full = False
        await asyncio.sleep(60)
    assert rig.keeper.lost == 5
    assert len(rig.repository.rows) == RECORDS_WAITING_MAX


async def test_a_damaged_record_does_not_stop_the_others(rig: Rig):
    """What is no evaluation is passed over; what stands around it is stored."""
    rig.refuse()
    await rig.keeper.write()
    rig.spool.append(Stream.EVALUATIONS, [b"damaged"])
    rig.refuse()
    await rig.keeper.write()
    while await rig.keeper.store():
        pass
    assert len(rig.repository.rows) == 2
    assert rig.spool.frames == []
