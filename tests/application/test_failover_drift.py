"""A failover document that is not what was published: held, shown, and decided by a person."""

import asyncio

import pytest

from controlplane.application.doors import NotLeading
from controlplane.application.results import Done, GroupDriftRequest, Refused
from tests.application.world import DOCUMENT, DOWN, KEYS, World, act, move

pytestmark = pytest.mark.looptime


def decide(policy: str) -> GroupDriftRequest:
    return GroupDriftRequest(act(), "checkout", policy)


def edited(world: World, former: bytes, new: bytes) -> None:
    world.server.edit(DOCUMENT, (world.value(DOCUMENT) or b"").replace(former, new))


@pytest.mark.parametrize(
    ("former", "new"),
    [
        (b'"active":"us-east"', b'"active":"ap-south"'),
        (b'"revision":1', b'"revision":9'),
    ],
)
async def test_a_foreign_edit_is_held_and_shown(former: bytes, new: bytes) -> None:
    """A document changed by hand is noticed within seconds, never built upon, and its values are left."""
    world = World()
    async with world.settled() as replica:
        edited(world, former, new)
        world.health["us-east"] = DOWN
        await asyncio.sleep(40)

        (group,) = replica.doors.queries.status().groups
        assert group.state == "needs_operator"
        assert "somebody else wrote it" in group.reason
        assert world.value(KEYS.failover_value("checkout")) == b"us-east"
        refused = await replica.doors.operations.move(move("eu-west"))
        assert isinstance(refused, Refused)


@pytest.mark.parametrize("entry", [b"{", b'{"abandoned":"x","at":"","by":"","reason":""}'])
async def test_a_document_that_no_log_entry_vouches_for_is_held(entry: bytes) -> None:
    """Where the log has nothing readable of a revision, or gave it up, its document is a stranger's."""
    world = World()
    async with world.settled() as replica:
        raw = world.value(DOCUMENT) or b""
        world.server.edit(KEYS.log("failover", "checkout", 1), entry)
        world.server.edit(DOCUMENT, raw + b" ")
        await asyncio.sleep(5)

        (group,) = replica.doors.queries.status().groups
        assert group.state == "needs_operator"
        assert "somebody else wrote it" in group.reason


@pytest.mark.parametrize(("policy", "active"), [("adopt", "ap-south"), ("enforce", "us-east")])
async def test_a_person_says_which_is_right(policy: str, active: str) -> None:
    """Adopting publishes what stands there, enforcing what was published; either above every number."""
    world = World()
    async with world.settled() as replica:
        edited(world, b'"active":"us-east"', b'"active":"ap-south"')
        edited(world, b'"revision":1', b'"revision":9')
        await asyncio.sleep(3)
        result = await replica.doors.operations.resolve(decide(policy))
        await asyncio.sleep(3)

        assert isinstance(result, Done)
        assert (world.active(), world.document().change.kind) == (active, "repair")
        assert world.document().revision > 1
        assert world.value(KEYS.failover_value("checkout")) == active.encode()
        (group,) = replica.doors.queries.status().groups
        assert group.state != "needs_operator"


async def test_a_document_that_was_set_back_is_enforced() -> None:
    """An older document put back by hand is held, and what was in force is published again above it."""
    world = World()
    async with world.settled() as replica:
        first = world.value(DOCUMENT) or b""
        await replica.doors.operations.move(move("eu-west"))
        await asyncio.sleep(1)
        world.server.edit(DOCUMENT, first)
        await asyncio.sleep(3)
        assert "went back" in replica.doors.queries.status().groups[0].reason
        await replica.doors.operations.resolve(decide("enforce"))
        await asyncio.sleep(1)

        assert (world.active(), world.document().revision) == ("eu-west", 3)


@pytest.mark.parametrize(
    ("value", "policy", "code"),
    [
        (None, "adopt", "no_drift"),
        (b"{", "adopt", "not_readable"),
        (b'"active":"mars"', "adopt", "not_adoptable"),
        (b'"group":"catalog"', "adopt", "not_adoptable"),
    ],
)
async def test_what_cannot_be_decided_is_refused(value: bytes | None, policy: str, code: str) -> None:
    """Where nothing is wrong, or what stands there makes no sense, a decision is refused with the reason."""
    world = World()
    async with world.settled() as replica:
        if value == b"{":
            world.server.edit(DOCUMENT, value)
        elif value:
            field = value.split(b":")[0]
            edited(world, field + (b':"us-east"' if b"active" in field else b':"checkout"'), value)
        await asyncio.sleep(3)
        result = await replica.doors.operations.resolve(decide(policy))

        assert isinstance(result, Refused)
        assert result.code == code


async def test_without_its_parts_a_decision_is_refused() -> None:
    """Without PostgreSQL, numbers or anything published, a decision is refused and changes nothing."""
    world = World()
    async with world.settled() as replica:
        edited(world, b'"active":"us-east"', b'"active":"ap-south"')
        await asyncio.sleep(3)
        world.journal.away = True
        away = await replica.doors.operations.resolve(decide("enforce"))
        world.journal.away = False
        world.server.edit(KEYS.log("failover", "checkout", 10**12 - 1), b"{}")
        exhausted = await replica.doors.operations.resolve(decide("adopt"))
        world.server.delete(KEYS.log("failover", "checkout", 1))
        world.journal.rows.clear()
        nothing = await replica.doors.operations.resolve(decide("enforce"))

        codes = [result.code for result in (away, exhausted, nothing) if isinstance(result, Refused)]
        assert codes == ["not_answered", "revisions_exhausted", "nothing_published"]
        replica.leadership.step_down("a test says so")
        with pytest.raises(NotLeading):
            await replica.doors.operations.resolve(decide("adopt"))
