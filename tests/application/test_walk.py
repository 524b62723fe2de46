"""The walk on virtual time: from what a vantage reports to what services read and history holds."""

import asyncio
from collections.abc import Sequence
from itertools import count

import pytest

from controlplane.application.doors import NotLeading
from controlplane.application.ports import Conflict, LogRecord
from controlplane.application.results import Done, Unknown
from tests.application.world import DOCUMENT, DOWN, KEYS, UP, World, fleet_of, move, pause, tenure

pytestmark = pytest.mark.looptime


class GarblingWorld(World):
    """A prober whose reports have something replaced."""

    garbled = (b"sound", b"spoiled")

    async def probe(self) -> None:
        client = self.server.client(clock=self.clock)
        for seq in count(1):
            raw = self.report(seq).to_bytes().replace(*self.garbled)
            await client.put(KEYS.vantage("local", "prober-1"), raw)
            await asyncio.sleep(1)


def active(world: World, group: str) -> str:
    """The plain value of a group; empty while there is none."""
    return (world.value(KEYS.failover_value(group)) or b"").decode()


async def test_a_lost_region_moves_the_group() -> None:
    """A region that is down for the hold-down is left, in one publication that history gets."""
    world = World()
    async with world.settled():
        assert world.active() == "us-east"
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 6)
        await asyncio.sleep(2)

        document = world.document()
        assert (document.revision, document.previous, document.change.kind) == (2, "us-east", "automatic")
        assert "us-east down" in document.change.reason
        rows = await world.journal.page(kind="failover", name="checkout", before=None, limit=10)
        assert [row.revision for row in rows] == [2, 1]
        assert world.value(KEYS.failover_value("checkout")) == b"eu-west"


async def test_a_move_happens_on_time_without_postgresql_and_its_row_follows() -> None:
    """PostgreSQL away delays history alone: the group moves, and the row is there after its return."""
    world = World()
    async with world.settled():
        world.journal.away = world.registry.away = world.tokens.away = True
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 6)
        await asyncio.sleep(60)
        assert world.log_revisions() == [1, 2]
        world.journal.away = world.registry.away = world.tokens.away = False
        await asyncio.sleep(35)

        rows = await world.journal.page(kind="failover", name="checkout", before=None, limit=10)
        assert [row.revision for row in rows] == [2, 1]


async def test_a_pause_binds_from_the_moment_it_is_confirmed() -> None:
    """While the fleet is paused nothing moves; at the end of the pause the automation resumes."""
    world = World()
    async with world.settled() as replica:
        result = await replica.doors.operations.pause(pause(world, 30))
        assert isinstance(result, Done)
        world.health["us-east"] = DOWN
        await asyncio.sleep(20)
        assert world.active() == "us-east"
        (group,) = replica.doors.queries.status().groups
        assert (group.state, group.code) == ("blocked", "fleet_paused")
        assert "INC-1 test" in group.reason
        await world.until(lambda: world.active() == "eu-west", 12)


async def test_a_pause_that_lands_before_the_publication_stops_it() -> None:
    """A pause between the decision and its transaction refuses the transaction: nothing moves."""
    world = World()
    async with world.settled() as replica:
        client = world.clients[0]
        client.latency_seconds = 0.2
        world.health["us-east"] = DOWN
        await world.until(lambda: replica.loop.since["checkout"][0] == "activating", 10)
        world.server.edit(
            KEYS.pause,
            b'{"groups":{"checkout":{"by":"bob","reason":"hold","until":"2027-01-01T00:00:00Z"}},"regions":{}}',
        )
        await asyncio.sleep(10)

        assert world.active() == "us-east"
        assert replica.loop.since["checkout"][0] == "blocked"


async def test_nothing_moves_on_consuls_return_without_new_evidence() -> None:
    """What was seen before an outage of Consul is forgotten: the hold-down starts again on its return."""
    world = World()
    async with world.settled() as replica:
        world.health["us-east"] = DOWN
        await asyncio.sleep(1.5)
        world.server.go_away()
        world.health["us-east"] = UP
        await asyncio.sleep(60)
        term = tenure(replica).term
        world.server.come_back()
        await asyncio.sleep(20)

        assert world.active() == "us-east"
        assert tenure(replica).term == term


async def test_an_outage_is_seen_while_a_document_waits_to_be_compared_with_the_log() -> None:
    """A document that changed just before Consul went away keeps no picture from before the outage."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.5
        index = world.server.edit(DOCUMENT, (world.value(DOCUMENT) or b"").replace(b"us-east", b"eu-west"))
        await world.until(lambda: replica.mirror.view().index(DOCUMENT) == index)
        world.server.go_away()
        await asyncio.sleep(10)

        assert any("Consul last answered" in freeze for freeze in replica.doors.queries.status().freezes)


async def test_a_write_without_answer_is_withdrawn_and_decided_anew() -> None:
    """A move whose answer is late is abandoned; the next carries the next number, the late one is void."""
    world = World()
    async with world.settled():
        world.server.late_commit(below=KEYS.documents("failover"))
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 10)
        late = world.server.release()
        await asyncio.sleep(5)

        assert [type(answer).__name__ for answer in late] == ["Rejected"]
        assert world.log_revisions() == [1, 2, 3]
        document = world.document()
        assert document.revision == 3
        rows = await world.journal.page(kind="failover", name="checkout", before=None, limit=10)
        assert [row.change_kind for row in rows] == ["automatic", "abandoned", "apply"]


async def test_a_second_replica_takes_over_and_moves() -> None:
    """When the leader dies, the follower leads with the next term and does what is due."""
    world = World()
    async with world.settled() as first:
        second = world.replica()
        async with world.running(second):
            await asyncio.sleep(5)
            assert second.leadership.tenure is None
            world.clients[0].go_away()
            world.health["us-east"] = DOWN
            await world.until(lambda: world.active() == "eu-west", 20)

            assert world.document().term == 2
            assert first.leadership.renewed_seconds() > 2


async def test_a_follower_sends_people_to_the_leader() -> None:
    """A replica that does not lead names the leader's address instead of moving or planning."""
    world = World()
    async with world.settled():
        second = world.replica()
        async with world.running(second):
            await asyncio.sleep(3)
            with pytest.raises(NotLeading) as refused:
                await second.doors.operations.move(move("eu-west"))
            assert refused.value.leader_api == "http://here"
            with pytest.raises(NotLeading):
                await second.doors.operations.plan("checkout", "eu-west")
            picture = second.doors.queries.status()
            assert not picture.leader.ours
            assert not any("lead" in freeze for freeze in picture.freezes)


async def test_a_follower_foretells_what_the_leader_would_do() -> None:
    """Both replicas show the same future: that one of them does not lead says nothing of the fleet."""
    world = World()
    async with world.settled() as leader:
        second = world.replica()
        async with world.running(second):
            await asyncio.sleep(5)
            ours, theirs = leader.doors.queries.status(), second.doors.queries.status()

    assert theirs.leader.holder == ours.leader.holder
    assert [group.forecasts for group in theirs.groups] == [group.forecasts for group in ours.groups]
    assert [group.flags for group in theirs.groups] == [()]


async def test_a_wiped_store_is_founded_again_above_every_known_number() -> None:
    """After a wipe the group's document comes back where history has it, one above every number ever used."""
    world = World()
    async with world.settled() as replica:
        await replica.doors.operations.move(move("eu-west"))
        await asyncio.sleep(3)
        identity, term = replica.standing.identity, tenure(replica).term
        world.server.wipe()
        await asyncio.sleep(20)

        assert replica.standing.identity != identity
        assert tenure(replica).term > term
        document = world.document()
        assert (document.revision, document.active, document.change.kind) == (3, "eu-west", "repair")


async def test_an_empty_store_is_founded_only_while_postgresql_answers() -> None:
    """Without PostgreSQL nobody knows the numbers: an empty prefix stays empty, and that is said."""
    world = World()
    world.registry.away = world.journal.away = True
    replica = world.replica()
    async with world.running(replica):
        await asyncio.sleep(10)
        assert world.server.peek(KEYS.term) is None
        readiness = replica.doors.queries.readiness()
        assert not readiness.ready
        assert "no store is founded" in readiness.checks["store"]
        world.registry.away = world.journal.away = False
        await world.until(lambda: world.server.peek(KEYS.term), 20)


async def test_two_identities_are_a_persons_business() -> None:
    """A prefix with two identities is left alone, and the alarm names both."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.store("second"), b"{}")
        await asyncio.sleep(5)

        assert replica.leadership.tenure is None
        assert "2 identities" in replica.doors.queries.status().alarms[0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"not json", "not JSON"),
        (b'{"schema":"controlplane.failover/9"}', "this program reads"),
    ],
)
async def test_a_document_of_a_stranger_is_shown_and_never_built_upon(value: bytes, words: str) -> None:
    """A document that cannot be read needs an operator; the automation leaves it alone."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(DOCUMENT, value)
        world.health["us-east"] = DOWN
        await asyncio.sleep(10)

        (group,) = replica.doors.queries.status().groups
        assert group.state == "needs_operator"
        assert words in group.reason
        assert world.value(DOCUMENT) == value


async def test_a_document_that_went_back_waits_for_a_person() -> None:
    """A lower revision than one that was in force stops the automation of that group."""
    world = World()
    async with world.settled() as replica:
        first = world.server.peek(DOCUMENT)
        await replica.doors.operations.move(move("eu-west"))
        await asyncio.sleep(1)
        assert first
        world.server.edit(first.key, first.value)
        await asyncio.sleep(5)

        (group,) = replica.doors.queries.status().groups
        assert group.state == "needs_operator"
        assert "went back to revision 1" in group.reason


async def test_a_document_under_the_wrong_name_is_refused() -> None:
    """A document of another group under this group's key is a fault, not an instruction."""
    world = World()
    async with world.settled() as replica:
        entry = world.server.peek(DOCUMENT)
        assert entry
        world.server.edit(entry.key, entry.value.replace(b'"group":"checkout"', b'"group":"catalog"'))
        await asyncio.sleep(3)

        (group,) = replica.doors.queries.status().groups
        assert "is that of group 'catalog'" in group.reason


async def test_a_document_deleted_behind_historys_back_comes_back_as_the_log_has_it() -> None:
    """A document that vanishes before its last move has a row comes back where that move took it."""
    world = World()
    async with world.settled() as replica:
        append = world.journal.append
        copied = asyncio.Event()

        async def late(records: Sequence[LogRecord]) -> Sequence[Conflict]:
            await copied.wait()
            return await append(records)

        world.journal.append = late  # type: ignore[method-assign]
        await replica.doors.operations.move(move("eu-west"))
        world.server.delete(DOCUMENT)
        await world.until(world.published)
        copied.set()

        assert (world.active(), world.document().revision) == ("eu-west", 3)


async def test_no_group_moves_by_what_was_seen_long_ago() -> None:
    """Where Consul answers slowly, a group whose region came back meanwhile stays where it is."""
    world = World()
    async with world.settled() as replica:
        world.services = [f"checkout-{number}" for number in range(1, 7)]
        await replica.doors.registry.apply(fleet_of(6), by="alice", dry_run=False)
        await world.until(lambda: active(world, "checkout-6"))
        await asyncio.sleep(5)
        world.health["us-east"] = DOWN
        await world.until(lambda: replica.loop.since["checkout-6"][0] == "suspect", 10)
        world.clients[0].latency_seconds = 0.4
        await world.until(lambda: active(world, "checkout-1") == "eu-west", 10)
        world.health["us-east"] = UP
        await asyncio.sleep(15)

        assert active(world, "checkout-6") == "us-east"


@pytest.mark.parametrize("key", [KEYS.pause, KEYS.budget])
async def test_an_absent_restraint_or_budget_freezes_before_a_move_is_due(key: str) -> None:
    """A key that somebody deleted freezes at once, so that nobody is told of a move that would not happen."""
    world = World()
    async with world.settled() as replica:
        world.server.delete(key)
        await asyncio.sleep(5)

        assert any("cannot be read" in freeze for freeze in replica.doors.queries.status().freezes)


@pytest.mark.parametrize("key", [KEYS.registry, KEYS.term])
@pytest.mark.parametrize("value", [b"9" * 5_000, b"1" + b"0" * 12, b"\xb2"])
async def test_a_number_that_is_none_stops_no_replica(key: str, value: bytes) -> None:
    """Digits beyond every number in use are as good as none: every part of the replica goes on."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(key, value)
        await asyncio.sleep(10)

        assert replica.doors.queries.status().groups
        assert replica.numbering.term < 10


async def test_an_identity_that_was_deleted_is_asked_for_and_nothing_spins() -> None:
    """Without the key that names a store nobody writes, and the alarm says which key to put back."""
    world = World()
    async with world.settled() as replica:
        world.server.delete(KEYS.store(str(replica.standing.identity)))
        await asyncio.sleep(3)
        tried = len(world.server.evaluated)
        await asyncio.sleep(3)

        assert len(world.server.evaluated) - tried < 40
        assert f"{KEYS.store(str(replica.standing.identity))} is gone" in str(replica.standing.alarm)
        world.server.edit(KEYS.store(str(replica.standing.identity)), b"{}")
        await asyncio.sleep(3)
        assert replica.leadership.renewed_seconds() < 2


@pytest.mark.parametrize("key", [KEYS.pause, KEYS.budget])
async def test_an_unreadable_restraint_or_budget_freezes(key: str) -> None:
    """Bytes that cannot be read never mean "no pause" or "nothing spent"."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(key, b"{")
        world.health["us-east"] = DOWN
        await asyncio.sleep(10)

        assert world.active() == "us-east"
        assert any("cannot be read" in freeze for freeze in replica.doors.queries.status().freezes)


async def test_an_unreadable_report_is_an_alarm() -> None:
    """A report that is no report votes for nothing and is shown by its key."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.vantage("local", "stranger"), b"[]")
        await asyncio.sleep(3)

        assert any("local/stranger" in alarm for alarm in replica.doors.queries.status().alarms)


@pytest.mark.parametrize(("sound", "spoiled"), [(b'"down":2', b'"down":2.0'), (b"0.0", b"NaN")])
async def test_a_report_that_cannot_be_trusted_moves_nothing(sound: bytes, spoiled: bytes) -> None:
    """A vantage whose counts or whose lag are no numbers abstains, and ignorance moves nothing."""
    world = GarblingWorld()
    async with world.settled() as replica:
        world.garbled = (sound, spoiled)
        world.health["us-east"] = DOWN
        await asyncio.sleep(10)

        assert world.active() == "us-east"
        assert any("local/prober-1" in alarm for alarm in replica.doors.queries.status().alarms)


async def test_a_clean_stop_hands_over_at_once() -> None:
    """A replica that is stopped copies what has no row yet and lets the lease go."""
    world = World()
    replica = world.replica()
    async with world.running(replica):
        await world.until(lambda: replica.leadership.tenure)
    await replica.close()
    second = world.replica()
    async with world.running(second):
        await asyncio.sleep(2)

        assert second.leadership.tenure


async def test_a_clean_stop_settles_what_has_no_answer() -> None:
    """A publication without answer is settled before the process ends."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.1
        world.server.late_commit(below=DOCUMENT)
        moving = asyncio.create_task(replica.doors.operations.move(move("eu-west")))
        await world.until(lambda: replica.publisher.pending, 2)
        world.server.freeze()
        assert isinstance(await moving, Unknown)
    world.server.thaw()
    await replica.close()

    assert not replica.publisher.pending


async def test_an_automatic_move_without_answer_is_spent_and_settled_once() -> None:
    """While a move of the automation has no answer, its group waits and its unit of the budget is spent."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.4
        world.server.late_commit(below=DOCUMENT)
        world.health["us-east"] = DOWN
        await world.until(lambda: replica.publisher.pending, 10)
        world.server.freeze()
        await asyncio.sleep(5)
        (group,) = replica.doors.queries.status().groups
        assert (group.state, group.code) == ("activating", "unsettled")
        situation = replica.observer.situation(replica.mirror.view())
        assert situation.budget
        assert len(situation.budget.moves) == 1
        world.server.thaw()
        await world.until(lambda: world.active() == "eu-west", 30)
        await asyncio.sleep(5)

        assert world.log_revisions() == [1, 2, 3]


async def test_a_consul_that_goes_away_in_the_middle_breaks_the_cycle_off() -> None:
    """A read that fails between decision and publication ends that cycle: nothing is sent."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.2
        world.health["us-east"] = DOWN
        await world.until(lambda: replica.loop.since["checkout"][0] == "activating", 10)
        world.clients[0].go_away()
        await asyncio.sleep(3)

        assert world.active() == "us-east"


async def test_two_replicas_found_one_store() -> None:
    """Of two replicas that find the same empty prefix at the same moment, one founds it."""
    world = World()
    one, two = world.replica(), world.replica()
    for client in world.clients:
        client.latency_seconds = 0.05
    async with world.running(one, two):
        await world.until(lambda: one.standing.identity and two.standing.identity)

        assert one.standing.identity == two.standing.identity


async def test_who_steps_down_while_renewing_does_not_lead_again() -> None:
    """A renewal that comes back after its leader stepped down changes nothing."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.4
        beat = replica.leadership.record
        assert beat
        await world.until(lambda: replica.leadership.record != beat, 5)
        await asyncio.sleep(1.1)
        replica.leadership.step_down("a test says so")
        await asyncio.sleep(0.5)

        assert replica.leadership.tenure is None


async def test_numbers_at_the_limit_leave_the_rest_of_the_walk_alone() -> None:
    """A document whose numbers are used up cannot be moved; the loop goes on and says so."""
    world = World()
    async with world.settled() as replica:
        world.server.edit(KEYS.log("failover", "checkout", 10**12 - 1), b"{}")
        world.health["us-east"] = DOWN
        await asyncio.sleep(10)

        assert world.active() == "us-east"
        assert replica.leadership.tenure


async def test_a_term_that_was_deleted_is_asked_for() -> None:
    """Where no term can begin nobody leads, and that is an alarm until the key is put back."""
    world = World()
    async with world.settled() as replica:
        world.server.delete(KEYS.term)
        await asyncio.sleep(10)
        assert any("nobody leads" in alarm for alarm in replica.doors.queries.status().alarms)
        world.server.edit(KEYS.term, b"1")
        await asyncio.sleep(10)

        assert tenure(replica).term == 2
        assert not replica.doors.queries.status().alarms


async def test_a_budget_that_is_spoiled_before_the_publication_stops_it() -> None:
    """A ring of moves that cannot be read any more when its transaction is due: nothing moves."""
    world = World()
    async with world.settled() as replica:
        world.clients[0].latency_seconds = 0.2
        world.health["us-east"] = DOWN
        await world.until(lambda: replica.loop.since["checkout"][0] == "activating", 10)
        world.server.edit(KEYS.budget, b"{")
        await asyncio.sleep(10)

        assert world.active() == "us-east"
        assert any("budget" in freeze for freeze in replica.doors.queries.status().freezes)
