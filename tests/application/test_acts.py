"""What people ask for: done, refused with what is allowed, or unknown; never in between."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest

from controlplane.application.ports import Entry, Failure, LogRecord, Rejected, StoreUnavailable
from controlplane.application.publication import refusal
from controlplane.application.restraining import UNANSWERED_MAX, Restrainer
from controlplane.application.results import Done, Refused, Unknown
from controlplane.contract.log_entries import Abandoned
from controlplane.contract.times import rfc3339
from controlplane.domain.restraint import Restraint, Restraints
from tests.application.publications import document, publication
from tests.application.world import DOCUMENT, DOWN, FLEET, KEYS, World, act, move, pause, resume
from tests.fakes.store import FakeStoreClient

pytestmark = pytest.mark.looptime


async def test_a_person_moves_a_group() -> None:
    """A move by hand is published with the person, the reason and the trace id, and history has them."""
    world = World()
    async with world.settled() as replica:
        result = await replica.doors.operations.move(move("eu-west"))
        await asyncio.sleep(2)

        assert isinstance(result, Done)
        assert result.revision == 2
        (row, _) = await replica.doors.queries.changes(kind="failover", name="checkout", before=None, limit=5)
        assert (row.by, row.reason, row.trace_id, row.change_kind) == (
            "alice",
            "INC-1 test",
            "f" * 32,
            "manual",
        )
        assert row.before
        assert row.after
        assert (row.before["active"], row.after["active"]) == ("us-east", "eu-west")
        assert row.explanation["plan_hash"]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (move("eu-west", group="nothing"), "unknown_group", "allowed: checkout"),
        (move("mars"), "unknown_region", "its regions are us-east, eu-west, ap-south"),
        (move("us-east"), "already_active", "active in us-east already"),
        (move("eu-west", expected_revision=7), "revision_changed", "is at revision 1, not 7"),
    ],
)
async def test_a_move_that_cannot_be_is_refused_with_what_is_allowed(request_, code: str, words: str) -> None:
    """A refused move names the reason, and nothing has changed."""
    world = World()
    async with world.settled() as replica:
        result = await replica.doors.operations.move(request_)

        assert isinstance(result, Refused)
        assert result.code == code
        assert words in result.text
        assert world.log_revisions() == [1]


async def test_a_failing_gate_is_overridden_by_name_alone() -> None:
    """A move into a region that is down is refused, unless the gate is overridden by its name."""
    world = World()
    async with world.settled() as replica:
        world.health["eu-west"] = DOWN
        await asyncio.sleep(3)
        plan = await replica.doors.operations.plan("checkout", "eu-west")
        assert [gate.name for gate in plan.gates if not gate.ok] == ["target_healthy"]
        refused = await replica.doors.operations.move(move("eu-west"))
        assert isinstance(refused, Refused)
        assert refused.code == "gate_failed"
        assert "target_healthy" in refused.text
        done = await replica.doors.operations.move(move("eu-west", overrides=("target_healthy",)))
        await asyncio.sleep(2)

        assert isinstance(done, Done)
        (row, *_) = await replica.doors.queries.changes(kind=None, name=None, before=None, limit=5)
        assert row.explanation["overrides"] == ["target_healthy"]


async def test_the_same_act_asked_twice_is_done_once() -> None:
    """An idempotency key makes a retry answer what the first try did."""
    world = World()
    async with world.settled() as replica:
        first = await replica.doors.operations.move(move("eu-west", act=act(key="k-1")))
        second = await replica.doors.operations.move(move("eu-west", act=act(key="k-1")))

        assert isinstance(first, Done)
        assert isinstance(second, Done)
        assert (first.change_id, first.revision) == (second.change_id, second.revision)
        assert world.log_revisions() == [1, 2]


async def test_a_key_that_moved_elsewhere_is_refused() -> None:
    """Nobody is told that traffic is where it is not."""
    world = World()
    async with world.settled() as replica:
        await replica.doors.operations.move(move("eu-west", act=act(key="k-1")))
        second = await replica.doors.operations.move(move("ap-south", act=act(key="k-1")))

        assert isinstance(second, Refused)
        assert second.code == "idempotency_key_reused"
        assert world.active() == "eu-west"


async def test_a_key_that_did_something_else_is_a_new_act() -> None:
    """Entries of other acts, and entries of strangers, are passed over when a retry is looked for."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.log("failover", "checkout", 900), b"stranger")
        result = await replica.doors.operations.move(move("eu-west", act=act(key="k-1")))

        assert isinstance(result, Done)
        assert result.revision == 901


async def test_a_move_while_consul_is_away_is_refused_within_three_seconds() -> None:
    """Nothing is sent to a Consul that does not answer, and that is what is said."""
    world = World()
    async with world.settled() as replica:
        world.server.freeze()
        asked = world.clock.monotonic()
        result = await replica.doors.operations.move(move("eu-west"))

        assert isinstance(result, Refused)
        assert result.code == "consul_unavailable"
        assert world.clock.monotonic() - asked <= 3
        world.server.thaw()
        await asyncio.sleep(5)
        assert world.active() == "us-east"


async def test_a_move_without_answer_is_unknown_and_shown_as_such() -> None:
    """A move that was sent and not answered is unknown, shown as such, and settled on Consul's return."""
    world = World()
    async with world.settled() as replica:
        client = world.clients[0]
        client.latency_seconds = 0.1
        client.late_commit(writes=1, below=KEYS.documents("failover"))
        moving = asyncio.create_task(replica.doors.operations.move(move("eu-west")))
        await world.until(lambda: replica.publisher.pending, 1)
        world.server.freeze()
        result = await moving
        assert isinstance(result, Unknown)
        (text,) = replica.doors.queries.status().unsettled
        assert "may still take effect" in text
        again = await replica.doors.operations.move(move("ap-south"))
        assert isinstance(again, Refused)
        world.server.thaw()
        await asyncio.sleep(5)
        assert replica.doors.queries.status().unsettled == ()


async def test_numbers_that_are_used_up_refuse() -> None:
    """A revision at the limit of numbers refuses the move and says who must look."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.log("failover", "checkout", 10**12 - 1), b"{}")
        result = await replica.doors.operations.move(move("eu-west"))

        assert isinstance(result, Refused)
        assert result.code == "revisions_exhausted"


async def test_a_region_in_maintenance_is_no_target() -> None:
    """Maintenance of a region keeps the automation out of it until it is lifted."""
    world = World()
    async with world.settled() as replica:
        started = await replica.doors.operations.pause(pause(world, 600, "region", "eu-west"))
        assert isinstance(started, Done)
        await asyncio.sleep(1)
        (restraint,) = replica.doors.queries.status().restraints
        assert (restraint.scope, restraint.name, restraint.by) == ("region", "eu-west", "alice")
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "ap-south", 10)
        lifted = await replica.doors.operations.resume(resume("region", "eu-west"))
        await asyncio.sleep(1.5)

        assert isinstance(lifted, Done)
        assert replica.doors.queries.status().restraints == ()


@pytest.mark.parametrize(
    ("scope", "name", "seconds", "code"),
    [
        ("group", "nothing", 60, "unknown_group"),
        ("region", "mars", 60, "unknown_region"),
        ("fleet", "checkout", 60, "unknown_fleet"),
        ("fleet", None, -5, "restraint_not_allowed"),
        ("fleet", None, 31 * 86400, "restraint_not_allowed"),
    ],
)
async def test_a_pause_that_cannot_be_is_refused(
    scope: str, name: str | None, seconds: float, code: str
) -> None:
    """A pause of an unknown scope, or without a possible end, is refused and changes nothing."""
    world = World()
    async with world.settled() as replica:
        before = world.server.peek(KEYS.pause)
        result = await replica.doors.operations.pause(pause(world, seconds, scope, name))

        assert isinstance(result, Refused)
        assert result.code == code
        assert world.server.peek(KEYS.pause) == before


async def test_a_confirmed_pause_outlives_a_release_that_got_no_answer() -> None:
    """A release that arrives late, after the same pause was confirmed again, no longer takes effect."""
    world = World()
    async with world.settled() as replica:
        asked = pause(world, 600)
        await replica.doors.operations.pause(asked)
        world.server.late_commit(below=KEYS.pause)
        assert isinstance(await replica.doors.operations.resume(resume()), Unknown)
        assert isinstance(await replica.doors.operations.pause(asked), Done)
        world.server.release()
        await asyncio.sleep(1)

        assert b"fleet" in (world.value(KEYS.pause) or b"")


@pytest.mark.parametrize("fault", ["lose_answers", "late_commit"])
async def test_a_pause_without_answer_is_settled_without_anybody(fault: str) -> None:
    """A pause whose answer was lost is sent again until Consul answers, shown meanwhile, in force at last."""
    world = World()
    async with world.settled() as replica:
        getattr(world.server, fault)(3, below=KEYS.pause)
        asked = pause(world, 600)
        assert isinstance(await replica.doors.operations.pause(asked), Unknown)
        (told,) = replica.doors.queries.status().unsettled
        assert told.startswith(f"the fleet is restrained until {rfc3339(asked.until)}: no answer from Consul")
        await asyncio.sleep(5)

        assert replica.doors.queries.status().unsettled == ()
        assert b"fleet" in (world.value(KEYS.pause) or b"")
        before = world.server.peek(KEYS.pause)
        world.server.release()
        await asyncio.sleep(1)
        assert world.server.peek(KEYS.pause) == before


async def test_a_release_without_answer_yields_to_whoever_came_after() -> None:
    """What was sent and got no answer is not sent over a later word: a pause confirmed since then stands."""
    world = World()
    async with world.settled() as replica:
        asked = pause(world, 600)
        await replica.doors.operations.pause(asked)
        world.server.late_commit(2, below=KEYS.pause)
        assert isinstance(await replica.doors.operations.resume(resume()), Unknown)
        world.clients[0].go_away()
        other = world.replica()
        async with world.running(other):
            await world.until(lambda: other.standing.identity)
            assert isinstance(await other.doors.operations.pause(asked), Unknown)
            assert isinstance(await other.doors.operations.pause(asked), Done)
            world.clients[0].come_back()
            await world.until(lambda: not replica.doors.queries.status().unsettled)

        assert b"fleet" in (world.value(KEYS.pause) or b"")


async def test_of_two_words_without_answer_the_last_one_holds() -> None:
    """A pause and its release, neither of which was answered, end as the release says."""
    world = World()
    async with world.settled() as replica:
        world.server.late_commit(10, below=KEYS.pause)
        world.clients[0].latency_seconds = 0.1
        for asked in (
            replica.doors.operations.pause(pause(world, 600)),
            replica.doors.operations.resume(resume()),
        ):
            assert isinstance(await asked, Unknown)
        await asyncio.sleep(10)
        world.server.release()
        await asyncio.sleep(1)

        assert replica.doors.queries.status().restraints == ()


async def test_no_more_restraints_wait_for_an_answer_than_can_be_overseen() -> None:
    """While many restraints wait for an answer of Consul, one more is refused, and says for what it waits."""
    world = World()
    async with world.settled() as replica:
        world.server.late_commit(1_000, below=KEYS.pause)
        asked = pause(world, 600)
        for _ in range(UNANSWERED_MAX):
            assert isinstance(await replica.doors.operations.pause(asked), Unknown)
        result = await replica.doors.operations.pause(asked)

        assert isinstance(result, Refused)
        assert (result.code, "may still take effect" in result.text) == ("unsettled", True)


async def test_a_clean_stop_settles_a_pause_that_has_no_answer() -> None:
    """A pause without answer is settled before the process ends, as a publication is."""
    world = World()
    async with world.settled() as replica:
        world.server.late_commit(below=KEYS.pause)
        assert isinstance(await replica.doors.operations.pause(pause(world, 600)), Unknown)
    await replica.close()

    assert b"fleet" in (world.value(KEYS.pause) or b"")


async def test_a_pause_that_nobody_waits_for_any_more_is_settled_all_the_same() -> None:
    """Whoever asked is gone, the request may be there: it is known to be open until Consul has answered."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.2
        asking = asyncio.create_task(replica.doors.operations.pause(pause(world, 600)))
        await asyncio.sleep(0.3)
        asking.cancel()
        await asyncio.wait([asking])
        assert replica.doors.queries.status().unsettled
        await asyncio.sleep(2)

        assert replica.doors.queries.status().unsettled == ()
        assert b"fleet" in (world.value(KEYS.pause) or b"")


async def test_a_pause_of_a_stranger_is_not_overwritten() -> None:
    """Where the pause key cannot be read, a pause is refused instead of replacing what stands there."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.pause, b"by hand")
        result = await replica.doors.operations.pause(pause(world, 60))

        assert isinstance(result, Refused)
        assert result.code == "restraint_not_allowed"


async def test_pauses_without_consul_are_refused_or_unknown() -> None:
    """A pause is refused where nothing could be sent, and unknown where the answer was lost."""
    world = World()
    async with world.settled() as replica:
        world.server.lose_answers(below=KEYS.pause)
        unknown = await replica.doors.operations.pause(pause(world, 60))
        assert isinstance(unknown, Unknown)
        world.server.delete(KEYS.pause)
        absent = await replica.doors.operations.pause(pause(world, 60))
        assert isinstance(absent, Refused)
        assert "is absent" in absent.text
        world.server.go_away()
        refused = await replica.doors.operations.pause(pause(world, 60))
        assert isinstance(refused, Refused)
        assert refused.code == "consul_unavailable"


async def test_a_pause_before_the_store_is_known_is_refused() -> None:
    """Before the store is known nothing is restrained, and that is said."""
    world = World()
    replica = world.replica()

    result = await replica.doors.operations.pause(pause(world, 60))

    assert isinstance(result, Refused)
    assert "not known" in result.text


async def test_two_pauses_at_once_are_both_kept() -> None:
    """Pauses written at the same moment do not replace one another."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.05
        await asyncio.gather(
            replica.doors.operations.pause(pause(world, 60)),
            replica.doors.operations.pause(pause(world, 60, "group", "checkout")),
            replica.doors.operations.pause(pause(world, 60, "region", "ap-south")),
        )
        await asyncio.sleep(2)

        scopes = {restraint.scope for restraint in replica.doors.queries.status().restraints}
        assert scopes == {"fleet", "group", "region"}


async def test_a_removed_group_is_retired_and_comes_back_where_it_was() -> None:
    """Documents are never deleted: a removed group is retired, and returns where it was."""
    world = World()
    async with world.settled() as replica:
        await replica.doors.operations.move(move("eu-west"))
        without = FLEET[: FLEET.index("groups:")]
        await replica.doors.registry.apply(without, by="alice", dry_run=False)
        await world.until(lambda: world.document().state == "retired", 10)
        assert world.document().revision == 3
        assert world.value(KEYS.failover_value("checkout")) == b""
        await replica.doors.registry.apply(FLEET, by="alice", dry_run=False)
        await world.until(lambda: world.document().state == "active", 10)

        assert (world.document().revision, world.active()) == (4, "eu-west")


async def test_a_new_region_stands_in_the_document() -> None:
    """When a group's regions change, its document lists them, and the active one stays."""
    world = World()
    async with world.settled() as replica:
        fewer = FLEET.replace("regions: [us-east, eu-west, ap-south],", "regions: [us-east, eu-west],")
        await replica.doors.registry.apply(fewer, by="alice", dry_run=False)
        await world.until(lambda: world.document().revision == 2, 10)

        assert set(world.document().weights) == {"us-east", "eu-west"}
        assert world.active() == "us-east"


async def test_a_plain_value_changed_by_hand_is_put_right() -> None:
    """The plain value follows the document within thirty seconds, whoever changed it."""
    world = World()
    async with world.settled():
        world.server.edit(KEYS.failover_value("checkout"), b"mars")
        await asyncio.sleep(35)

        assert world.value(KEYS.failover_value("checkout")) == b"us-east"


async def test_a_commit_that_was_not_announced_is_announced_later() -> None:
    """Definitions committed by a process that died before saying so are in force within seconds."""
    world = World()
    async with world.settled() as replica:
        fleet = (await world.registry.load()).fleet
        await world.registry.replace(fleet, expected=1, by="somebody who died")
        await asyncio.sleep(8)

        assert replica.registry.current().revision == 2
        assert world.value(KEYS.registry) == b"2"


async def test_definitions_that_are_behind_freeze() -> None:
    """Where the store names definitions that nobody can fetch, nothing moves by itself."""
    world = World()
    async with world.settled() as replica:
        world.registry.away = True
        world.server.edit(KEYS.registry, b"9")
        world.health["us-east"] = DOWN
        await asyncio.sleep(15)

        assert world.active() == "us-east"
        assert any("definitions are at revision 1" in text for text in replica.doors.queries.status().freezes)


async def test_a_registry_number_that_nobody_applied_names_its_remedy() -> None:
    """A number written by hand freezes, says what ends that, and an apply of the same file does end it."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.registry, b"900")
        world.health["us-east"] = DOWN
        await asyncio.sleep(15)
        behind = [text for text in replica.doors.queries.status().freezes if "registry is at 900" in text]
        assert "`controlplane apply` of the same file goes above it" in behind[0]
        assert world.active() == "us-east"

        applied = await replica.doors.registry.apply(FLEET, by="alice", dry_run=False)
        assert applied.revision == 901
        await world.until(lambda: world.active() == "eu-west", 15)
        assert replica.doors.queries.status().freezes == ()


async def test_readiness_says_what_is_missing() -> None:
    """A replica is ready once definitions, Consul and the store are known; PostgreSQL is said beside."""
    world = World()
    fresh = world.replica()
    readiness = fresh.doors.queries.readiness()
    assert not readiness.ready
    assert readiness.checks["consul"] == "never answered"
    assert readiness.checks["definitions"] == "not loaded"
    async with world.settled() as replica:
        assert replica.doors.queries.readiness().ready
        world.registry.away = True
        world.server.go_away()
        await asyncio.sleep(10)
        gone = replica.doors.queries.readiness()

        assert not gone.ready
        assert gone.checks["consul"].startswith("last answered")
        assert gone.checks["database"] == "does not answer"


async def test_a_pause_that_others_keep_changing_is_refused() -> None:
    """After five tries against others a pause says so instead of trying for ever."""

    class Contended(FakeStoreClient):
        async def get(self, key: str, *, consistent: bool = False) -> Entry | None:
            entry = await super().get(key, consistent=consistent)
            world.server.edit(key, Restraints(groups={f"g-{next(numbers)}": restraint}).to_bytes())
            return entry

    world, numbers = World(), count()
    async with world.settled() as replica:
        restraint = Restraint(world.clock.now() + timedelta(minutes=1), "bob", "busy")
        store = Contended(world.server, clock=world.clock)
        fleet = replica.registry.current().fleet
        restrainer = Restrainer(
            store, KEYS, world.clock, world.identifiers, lambda: replica.standing.identity, lambda: fleet
        )
        result = await restrainer.pause(pause(world, 60))

        assert isinstance(result, Refused)
        assert result.code == "contended"


async def test_the_picture_names_vantages_that_never_reported() -> None:
    """A vantage of the fleet file without any prober is shown with the reason."""
    world = World()
    listed = "vantages: [{name: local, region: us-east}, {name: eu-1, region: eu-west}]\nservices:"
    async with world.settled() as replica:
        await replica.doors.registry.apply(FLEET.replace("services:", listed, 1), by="alice", dry_run=False)
        await asyncio.sleep(5)
        status = replica.doors.queries.status()
        assert replica.doors.queries.status().groups[0].forecasts

        (missing,) = [one for one in status.vantages if one.vantage == "eu-1"]
        assert not missing.votes
        assert missing.age_seconds is None
        assert any("too few" in freeze or "can be trusted" in freeze for freeze in status.freezes)


async def test_history_shows_what_it_cannot_read() -> None:
    """An abandoned revision and a row of a stranger are rows without content."""
    world = World()
    async with world.settled() as replica:
        marker = Abandoned("c", "controlplane", "no answer", "2026-01-12T09:31:07.412Z").to_bytes()
        stranger = LogRecord("s", "failover", "checkout", 77, "x", 999, b"by hand")
        await world.journal.append([LogRecord("s", "failover", "checkout", 76, "c", 998, marker), stranger])
        rows = await replica.doors.queries.changes(kind=None, name=None, before=None, limit=2)

        assert [(row.revision, row.before, row.after) for row in rows] == [(77, None, None), (76, None, None)]


async def test_a_first_document_waits_for_postgresql() -> None:
    """Without PostgreSQL nobody knows whether a group had a document: its first one waits."""
    world = World()
    async with world.settled() as replica:
        world.journal.away = world.registry.away = True
        await asyncio.sleep(8)
        world.server.delete(DOCUMENT)
        await asyncio.sleep(8)
        assert not world.published()
        world.journal.away = world.registry.away = False
        await world.until(world.published, 30)

        assert world.document().revision == 2
        assert replica.leadership.tenure


async def test_a_first_document_passes_over_abandoned_rows() -> None:
    """What history last published is looked for behind revisions that were abandoned."""
    world = World()
    async with world.settled():
        marker = Abandoned("c", "controlplane", "no answer", "2026-01-12T09:31:07.412Z").to_bytes()
        await world.journal.append([LogRecord("s", "failover", "checkout", 5, "c", 998, marker)])
        world.server.delete(DOCUMENT)
        world.server.edit(KEYS.failover_value("checkout"), b"")
        await world.until(world.published, 10)

        assert (world.document().revision, world.active()) == (6, "us-east")


async def test_announcing_never_lowers_the_registry() -> None:
    """A revision below the one that is announced leaves the key alone; an unreadable key is replaced."""
    world = World()
    async with world.settled() as replica:
        await replica.definitions.announce(0)
        assert world.value(KEYS.registry) == b"1"
        replica.numbering.see_term(0)
        assert replica.numbering.term >= 1


async def test_nothing_is_announced_before_the_store_is_known() -> None:
    """A revision cannot be announced to a store that nobody knows."""
    replica = World().replica()
    with pytest.raises(StoreUnavailable, match="not known yet"):
        await replica.definitions.announce(1)


def test_a_refusal_without_an_operation_says_so() -> None:
    """Where Consul names no operation, or one that was not sent, the refusal claims no reason."""
    draft = publication(document())
    for failures in ((), (Failure(99, "what?"),)):
        refused = refusal(draft, KEYS, "store-1", Rejected(failures))
        assert refused.code == "rejected"
