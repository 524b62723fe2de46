"""What people do with switches: done once, refused with the reason, or unknown; nobody's flip is lost."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from controlplane.application.ports import Committed, DatabaseUnavailable, Operation, Rejected
from controlplane.application.results import Act, Refused, Unknown
from controlplane.contract.documents import canonical
from controlplane.contract.log_entries import Abandoned
from controlplane.domain.leadership import LeaderRecord
from controlplane.domain.switches import Verb
from tests.application.switch_world import (
    SWITCH_FLEET,
    SWITCHES,
    SwitchWorld,
    done,
    flip,
    refused,
    restore,
    shown,
    shown_switch,
    undo,
)
from tests.application.world import FLEET, KEYS, act
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStoreClient

pytestmark = pytest.mark.looptime

BOB = Act(by="bob", reason="INC-2 other", trace_id="e" * 32)


async def test_a_flip_is_in_force_logged_shown_and_in_history() -> None:
    """One publication: document, plain value, log entry with the entries that changed, view and row."""
    world = SwitchWorld()
    async with world.switched() as replica:
        result = done(await replica.doors.switches.flip(flip(expires_at=world.ahead(3600))))

        assert result.revision == world.revision() == 2
        assert result.text.startswith("checkout/recs is degraded (false) until 2026-01-12T10:30:")
        assert (world.switch().state, world.switch().value, world.plain()) == ("degraded", False, b"false")
        assert world.switches().change.by == "alice"
        view = shown_switch(replica)
        assert (view.state, view.degraded, view.owner, view.declared) == ("degraded", False, "growth", True)
        assert view.changed
        assert (view.changed.by, view.changed.kind) == ("alice", "flip")
        await asyncio.sleep(2)
        (row, first) = await replica.doors.queries.changes(
            kind="switches", name="checkout", before=None, limit=9
        )
        assert (row.by, row.reason, row.trace_id, row.change_kind) == (
            "alice",
            "INC-1 test",
            "f" * 32,
            "flip",
        )
        assert row.before
        assert row.after
        assert row.before.keys() == row.after.keys() == {"recs"}
        assert (row.before["recs"]["state"], row.after["recs"]["state"]) == ("normal", "degraded")
        assert row.explanation == {"verb": "degrade", "switch": "recs", "regions": []}
        assert (first.before, first.change_kind) == (None, "apply")


async def test_a_degraded_switch_is_restored_and_forced() -> None:
    """Each verb publishes what it says, for the base entry and for regions."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip(percent=25)))
        assert (world.switch().percent, world.plain()) == (25, b"true")
        forced = done(await door.flip(flip(Verb.FORCE, regions=("eu-west",))))
        assert "forced normal (true) in eu-west" in forced.text
        done(await door.flip(restore(regions=("eu-west",))))
        done(await door.flip(restore()))

        assert (world.switch().state, world.switch().percent, world.plain()) == ("normal", 100, b"true")
        assert world.logged() == [1, 2, 3, 4, 5]


async def test_what_is_so_already_is_done_and_publishes_nothing() -> None:
    """A flip that changes nothing is done at the revision that stands."""
    world = SwitchWorld()
    async with world.switched() as replica:
        result = done(await replica.doors.switches.flip(restore()))

        assert (result.revision, result.text) == (1, "checkout/recs is normal (true); it was so already")
        assert world.logged() == [1]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (flip(service="nothing"), "unknown_service", "`controlplane switch list` shows"),
        (flip(switch="nothing"), "unknown_switch", "allowed: depth, recs"),
        (flip(regions=("mars",)), "unknown_region", "allowed: ap-south, eu-west, us-east"),
        (flip(value="x"), "value_not_allowed", "type bool"),
        (restore(percent=5), "flip_not_allowed", "percent goes with degrade"),
        (flip(expected_revision=9), "revision_changed", "at revision 1, 9 is not there yet"),
    ],
)
async def test_a_flip_that_cannot_be_is_refused_with_what_is_allowed(request_, code: str, words: str) -> None:
    """A refused flip names the reason, and nothing has changed."""
    world = SwitchWorld()
    async with world.switched() as replica:
        assert words in refused(await replica.doors.switches.flip(request_), code)
        assert world.logged() == [1]


async def test_who_looked_at_an_older_revision_is_told_who_was_first() -> None:
    """With an expected revision, the loser is told every change since: who, which switches, when, why."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip(switch="depth", act=BOB, expected_revision=1)))
        for percent in range(1, 7):
            done(await door.flip(flip(switch="depth", act=BOB, percent=percent)))
        text = refused(await door.flip(flip(expected_revision=6)), "revision_changed")
        assert "are at revision 8, not 6: bob changed depth at 2026-01-12T09:30:" in text
        assert "(INC-2 other); bob changed depth" in text
        assert "and 2 more" in refused(await door.flip(flip(expected_revision=1)), "revision_changed")

        done(await door.flip(flip(expected_revision=8)))


async def test_two_people_on_two_switches_both_succeed() -> None:
    """On two replicas at the same moment, nobody's flip is lost and nobody is refused."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            world.server.latency_seconds = 0.05
            results = await asyncio.gather(
                one.doors.switches.flip(flip()),
                two.doors.switches.flip(flip(switch="depth", act=BOB)),
                one.doors.switches.flip(flip(switch="depth", regions=("eu-west",))),
            )

    assert {type(result).__name__ for result in results[:2]} == {"Done"}
    assert (world.switch("recs").state, world.switch("depth").state) == ("degraded", "degraded")


async def test_two_people_on_one_switch_do_not_overwrite_each_other() -> None:
    """On two replicas at the same moment, the second is told who changed this switch meanwhile."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            world.server.latency_seconds = 0.05
            results = await asyncio.gather(
                one.doors.switches.flip(flip(percent=10)), two.doors.switches.flip(flip(percent=20, act=BOB))
            )

    (loser,) = [result for result in results if isinstance(result, Refused)]
    assert "recs of checkout was changed meanwhile: " in refused(loser, "switch_changed")
    assert world.revision() == 2


async def test_who_loses_every_race_is_refused_in_the_end() -> None:
    """After five tries against others a flip says so instead of trying for ever."""

    class Contended(FakeStoreClient):
        async def transact(self, operations: Sequence[Operation]) -> Committed | Rejected:
            if any(operation.key == SWITCHES for operation in operations):
                registry = world.server.peek(KEYS.registry)
                assert registry
                world.server.edit(KEYS.registry, b"9" if registry.value != b"9" else b"8")
            return await super().transact(operations)

    world = SwitchWorld()
    async with world.switched() as replica:
        actions = replica.switches.door.actions
        client = Contended(world.server, clock=world.clock)
        await client.get(KEYS.term, consistent=True)
        replica.publisher.store = client
        text = refused(await actions.flip(flip()), "contended")

        assert "5 times" in text


async def test_the_same_flip_asked_twice_is_done_once_on_any_replica() -> None:
    """An idempotency key makes a retry answer what the first try did, whoever is asked."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            first = done(await one.doors.switches.flip(flip(act=act(key="k-1"), expected_revision=1)))
            done(await one.doors.switches.flip(restore()))
            again = done(await two.doors.switches.flip(flip(act=act(key="k-1"), expected_revision=1)))

    assert (first.change_id, first.revision) == (again.change_id, again.revision)
    assert world.switch().state == "normal"


@pytest.mark.parametrize(
    "other",
    [
        {"switch": "depth"},
        {"verb": Verb.FORCE},
        {"regions": ("eu-west",)},
        {"value": True},
        {"percent": 5},
    ],
)
async def test_a_key_that_was_used_for_something_else_is_refused(other: dict[str, Any]) -> None:
    """Nobody is told that it is done because something else was done under the same key."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip(act=act(key="INC-1"))))
        text = refused(await door.flip(flip(act=act(key="INC-1"), **other)), "idempotency_key_reused")
        undoing = refused(await door.undo(undo(2, act=act(key="INC-1"))), "idempotency_key_reused")

    assert "switches/checkout revision 2" in text
    assert undoing == text
    assert world.revision() == 2


async def test_nothing_is_flipped_while_the_log_is_full() -> None:
    """Above 64 MiB of log a flip is refused on every replica, with that reason."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            one.journaller.log_bytes = 65 * 1024 * 1024
            await asyncio.sleep(0.4)
            one.journaller.log_bytes = 65 * 1024 * 1024
            two.leadership.record = LeaderRecord("h", 1, "", log_bytes=65 * 1024 * 1024)
            text = refused(await two.doors.switches.flip(flip()), "history_full")

    assert "no switch is flipped until PostgreSQL has taken it up" in text


async def test_the_leader_tells_how_full_the_log_is() -> None:
    """The size of the log stands in the leader's record, for every replica to read."""
    world = SwitchWorld()
    async with world.switched() as one:
        two = world.replica()
        async with world.running(two):
            await asyncio.sleep(3)
            assert one.journaller.log_bytes > 0
            assert two.leadership.record
            assert two.leadership.record.log_bytes == one.journaller.log_bytes


async def test_without_consul_a_flip_is_refused_or_unknown_within_three_seconds() -> None:
    """Nothing is sent to a Consul that does not answer; what was sent and not answered is unknown."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.freeze()
        asked = world.clock.monotonic()
        refused(await replica.doors.switches.flip(flip()), "consul_unavailable")
        assert world.clock.monotonic() - asked <= 3
        world.server.thaw()
        await asyncio.sleep(2)
        client = world.clients[0]
        client.latency_seconds = 0.1
        client.late_commit(below=SWITCHES)
        flipping = asyncio.create_task(replica.doors.switches.flip(flip()))
        await world.until(lambda: replica.publisher.pending, 1)
        world.server.freeze()
        assert isinstance(await flipping, Unknown)
        assert shown(replica).unsettled
        world.server.thaw()
        await asyncio.sleep(5)
        client.release()

        assert not shown(replica).unsettled
        done(await replica.doors.switches.flip(flip()))


async def test_before_the_store_is_known_nothing_is_flipped() -> None:
    """A replica that does not know which store answers publishes nothing."""
    world = SwitchWorld()
    async with world.switched() as replica:
        replica.standing.identity = None
        text = refused(await replica.switches.door.actions.flip(flip()), "consul_unavailable")

        assert "not known" in text


async def test_numbers_that_are_used_up_refuse_a_flip() -> None:
    """A revision at the limit of numbers refuses the flip and says who must look."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.edit(KEYS.log("switches", "checkout", 10**12 - 1), b"{}")
        refused(await replica.doors.switches.flip(flip()), "revisions_exhausted")


async def test_an_end_cannot_be_set_by_a_clock_that_is_wrong() -> None:
    """A replica whose clock is off Consul's promises no end; without one it flips."""
    world = SwitchWorld()
    world.server.clock = FakeClock()
    async with world.switched() as replica:
        world.clock.skew = timedelta(seconds=600)
        await asyncio.sleep(1)
        text = refused(await replica.doors.switches.flip(flip(expires_at=world.ahead(60))), "clock_tilt")
        assert "+600.0 s off Consul's" in text
        done(await replica.doors.switches.flip(flip()))


async def test_switches_that_would_not_fit_their_document_are_refused_by_name() -> None:
    """A flip beyond 128 KiB is refused before it is sent, with the largest switch."""
    lines = [
        "      - {name: note, type: string, normal: '', degraded: ''}",
        *(
            f"      - {{name: s-{number}, type: string, normal: {'x' * 4000}, degraded: ''}}"
            for number in range(15)
        ),
        f"      - {{name: big, type: string, normal: {'x' * 4080}, degraded: ''}}",
    ]
    fleet = FLEET.replace("    checks:", "    switches:\n" + "\n".join(lines) + "\n    checks:")
    world = SwitchWorld()
    async with world.switched(fleet) as replica:
        text = refused(
            await replica.doors.switches.flip(flip(switch="note", value="y" * 4000)), "document_too_large"
        )

    assert "at most 131072 are allowed; the largest is big with 8" in text


async def test_more_values_than_fit_one_transaction_follow_at_once() -> None:
    """Beyond forty switches the plain values come in further transactions, under the same document."""
    lines = "\n".join(
        f"      - {{name: s-{number}, type: int, normal: {number}, degraded: 0}}" for number in range(130)
    )
    fleet = FLEET.replace("    checks:", f"    switches:\n{lines}\n    checks:")
    world = SwitchWorld()
    async with world.switched(fleet):
        assert [world.plain(f"s-{number}") for number in (0, 64, 129)] == [b"0", b"64", b"129"]
        values = [
            operations
            for operations, _ in world.server.evaluated
            if any(operation.key == KEYS.switch_value("checkout", "s-129") for operation in operations)
        ]
        assert len(values) == 1
        assert SWITCHES in {operation.key for operation in values[0]}


async def test_values_that_could_not_follow_are_put_right_later() -> None:
    """Where Consul goes away between the document and the rest of the values, the leader completes them."""
    lines = "\n".join(
        f"      - {{name: s-{number}, type: int, normal: {number}, degraded: 0}}" for number in range(60)
    )
    fleet = FLEET.replace("    checks:", f"    switches:\n{lines}\n    checks:")
    world = SwitchWorld()
    world.server.late_commit(below=KEYS.switch_value("checkout", "s-59"))
    async with world.switched(fleet):
        await asyncio.sleep(35)

        assert world.plain("s-59") == b"59"
        assert world.plain("s-9") == b"9"


async def test_an_undo_takes_a_flip_back() -> None:
    """The switch is as it was, in a revision of its own that says what it undoes."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip(percent=25)))
        done(await door.flip(flip(switch="depth")))
        result = done(await door.undo(undo(2)))
        await asyncio.sleep(2)

        assert (result.revision, world.switch().state, world.switch("depth").state) == (
            4,
            "normal",
            "degraded",
        )
        assert world.switches().change.kind == "rollback"
        (row, *_) = await replica.doors.queries.changes(kind="switches", name=None, before=None, limit=1)
        assert row.explanation == {"undoes": 2}
        done(await door.undo(undo(4)))
        assert (world.switch().state, world.switch().percent) == ("degraded", 25)


async def test_an_undo_over_a_later_change_is_refused_with_its_author() -> None:
    """What somebody has changed since is not taken back with it."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip()))
        done(await door.flip(flip(percent=5, act=BOB)))
        text = refused(await door.undo(undo(2)), "switch_changed")
        assert "recs has changed since: bob changed recs at" in text
        assert "is at revision" not in text
        refused(await door.undo(undo(3, expected_revision=2)), "revision_changed")
        assert world.revision() == 3


@pytest.mark.parametrize(
    ("revision", "code", "words"),
    [
        (1, "not_undoable", "follows the definitions"),
        (7, "unknown_revision", "was never in force"),
        (90, "unknown_revision", "was never in force"),
        (91, "unknown_revision", "was never in force"),
    ],
)
async def test_what_was_not_done_by_anybody_is_not_undone(revision: int, code: str, words: str) -> None:
    """What follows the definitions, was never published or was abandoned is refused by name."""
    world = SwitchWorld()
    async with world.switched() as replica:
        world.server.edit(KEYS.log("switches", "checkout", 90), Abandoned("c", "b", "r", "a").to_bytes())
        world.server.edit(KEYS.log("switches", "checkout", 91), b"stranger")
        assert words in refused(await replica.doors.switches.undo(undo(revision)), code)


async def test_an_old_change_is_undone_from_history() -> None:
    """What the log no longer has is looked up in PostgreSQL; without it, that is what is missing."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip()))
        for percent in range(1, 250):
            done(await door.flip(flip(switch="depth", percent=1 + percent % 100)))
        await asyncio.sleep(5)
        world.server.delete(KEYS.log("switches", "checkout", 2))
        world.journal.away = True
        with pytest.raises(DatabaseUnavailable):
            await door.undo(undo(2))
        world.journal.away = False
        done(await door.undo(undo(2)))

        assert world.switch().state == "normal"


async def test_an_undo_from_an_entry_that_somebody_spoiled_is_refused() -> None:
    """An entry whose contents are no switches is not built upon."""
    world = SwitchWorld()
    async with world.switched() as replica:
        door = replica.doors.switches
        done(await door.flip(flip()))
        key = KEYS.log("switches", "checkout", 2)
        entry = world.value(key) or b""
        start = entry.index(b'"before":')
        spoiled = entry[:start] + entry[start:].replace(b'"type":"bool"', b'"type":"bold"', 1)
        world.server.edit(key, spoiled)

        assert "cannot be read" in refused(await door.undo(undo(2)), "not_undoable")


async def test_a_change_larger_than_the_log_takes_leaves_the_former_content_out() -> None:
    """A change of very many large values is logged with what it brought, and says what it left out."""
    lines = "\n".join(
        f"      - {{name: s-{number}, type: string, normal: {'x' * 3000}, degraded: ''}}"
        for number in range(20)
    )
    fleet = FLEET.replace("    checks:", f"    switches:\n{lines}\n    checks:")
    world = SwitchWorld()
    async with world.switched(fleet) as replica:
        other = fleet.replace("x" * 3000, "y" * 3000)
        await replica.doors.registry.apply(other, by="alice", dry_run=False)
        await world.until(lambda: world.revision() == 2)
        await asyncio.sleep(2)

        (row, *_) = await replica.doors.queries.changes(kind="switches", name=None, before=None, limit=1)
        assert row.before == {}
        assert row.after
        assert len(row.after) == 20
        assert row.explanation["before_left_out"]
        assert len(canonical(row.after)) < 160 * 1024


async def test_a_service_without_switches_has_no_document() -> None:
    """Nothing is published for it, nothing shown, and looking for it is a KeyError."""
    world = SwitchWorld()
    without = SWITCH_FLEET.replace("groups:", "  - {name: plain}\ngroups:")
    async with world.switched(without) as replica:
        await asyncio.sleep(3)

        assert world.value(KEYS.document("switches", "plain")) is None
        assert [view.service for view in replica.doors.switches.all().services] == ["checkout"]
        with pytest.raises(KeyError):
            replica.doors.switches.of("plain")
