"""What a replica makes of acknowledgements, in virtual time: k of n, alarms, and the next number."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from controlplane.application.confirm_views import ConfirmationView
from controlplane.application.confirming import AHEAD_SECONDS
from controlplane.application.replica import Replica
from controlplane.application.results import Done
from controlplane.contract.documents import DocumentKind
from controlplane.domain.acknowledgement import AckClass, Finding, InForce, in_force
from controlplane.domain.confirmation import Tally
from controlplane.domain.report import VantageReport
from tests.application.world import DOCUMENT, DOWN, KEYS, World, move
from tests.unit.domain.tallies import counted

pytestmark = pytest.mark.looptime

ROSTER = {"us-1": "us-east", "us-2": "us-east", "eu-1": "eu-west", "eu-2": "eu-west"} | {
    "ap-1": "ap-south",
    "ap-2": "ap-south",
}
OFFLINE = Finding(AckClass.OFFLINE, text="timeout: late")
NACK = Finding(AckClass.NACK, 1, "refuses 2, no region")
FAILOVER, SWITCHES = DocumentKind.FAILOVER, DocumentKind.SWITCHES
TITLE, SWITCHES_TITLE = "failover/checkout", "switches/checkout"
SWITCH_DOCUMENT = KEYS.document(SWITCHES, "checkout")


class HeardWorld(World):
    """A world whose prober reports what readers say."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, Mapping[str, Finding]] = {TITLE: {}}
        """By document: who does not confirm it."""
        self.late: InForce | None = None
        """The failover document as the prober saw it last, where that is not the present one."""

    def report(self, seq: int) -> VantageReport:
        return replace(super().report(seq), acks={title: self.tally(title) for title in self.words})

    def tally(self, title: str) -> Tally:
        kind, _, name = title.partition("/")
        document = in_force(DocumentKind(kind), name, self.value(f"{KEYS.prefix}{title}") or b"")
        if self.value(f"{KEYS.prefix}{title}") is None:
            document = InForce(DocumentKind(kind), name)
        if self.late and title == TITLE:
            document = self.late
        confirmed = Finding(AckClass.CONFIRMED, document.revision)
        words = self.words[title]
        found = [(name, region, words.get(name, confirmed)) for name, region in ROSTER.items()]
        return counted(document, found, [0.3, 0.8])


def ahead(*names: str, revision: int = 5) -> dict[str, Finding]:
    return {name: Finding(AckClass.AHEAD, revision) for name in names}


def shown(replica: Replica, title: str = TITLE) -> ConfirmationView:
    views = replica.doors.queries.status().confirmations
    return next(view for view in views if f"{view.kind}/{view.name}" == title)


def alarms(replica: Replica) -> list[str]:
    return [text for text in replica.doors.queries.status().alarms if ", Consul holds " in text]


async def test_k_of_n_is_shown_with_names_and_times():
    """The status says who has applied what is in force, how fast, and what the others say."""
    world = HeardWorld()
    async with world.settled() as replica:
        assert (shown(replica).confirmed, shown(replica).instances) == (6, 6)
        assert replica.doors.queries.status().confirmations == (shown(replica),)

        world.words[TITLE] = {"us-1": OFFLINE, "eu-1": NACK}
        await asyncio.sleep(2)
        view = shown(replica)
        assert (view.confirmed, view.counts) == (4, {"nack": 1, "offline": 1, "confirmed": 4})
        assert [(one.instance, one.region, one.ack, one.text, one.vantage) for one in view.stragglers] == [
            ("eu-1", "eu-west", "nack", "refuses 2, no region", "local"),
            ("us-1", "us-east", "offline", "timeout: late", "local"),
        ]
        assert view.took is not None
        assert (view.took.p50_ms, view.took.max_ms) == (300, 800)
        assert alarms(replica) == []


async def test_nothing_is_known_of_a_revision_that_the_prober_has_not_seen():
    """What a vantage says of a former revision is not said of the present one."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.late = in_force(FAILOVER, "checkout", world.value(DOCUMENT) or b"")
        assert isinstance(await replica.doors.operations.move(move("eu-west")), Done)
        await asyncio.sleep(2)
        view = shown(replica)
        assert (view.revision, view.confirmed, view.counts, view.vantages) == (2, 0, {}, ())
        world.late = None
        await asyncio.sleep(2)
        assert (shown(replica).confirmed, shown(replica).vantages) == (6, ("local",))


async def test_regions_in_maintenance_are_no_part_of_n():
    """Who is in maintenance is not waited for."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = {"us-1": OFFLINE, "us-2": OFFLINE}
        maintenance = (
            b'{"groups":{},"regions":{"us-east":{"by":"bob","reason":"x","until":"2027-01-01T00:00:00Z"}}}'
        )
        world.server.edit(KEYS.pause, maintenance)
        await asyncio.sleep(2)
        assert (shown(replica).confirmed, shown(replica).instances, shown(replica).stragglers) == (4, 4, ())


async def test_a_silent_vantage_is_not_believed():
    """When its prober is gone, nothing is known of any document."""
    world = HeardWorld()
    async with world.settled() as replica:
        assert shown(replica).confirmed == 6
    async with world.running(other := world.replica()):
        await asyncio.sleep(5)
        assert (shown(other).confirmed, shown(other).vantages) == (0, ())


async def test_readers_that_know_more_hold_automatic_moves_back():
    """Two instances above Consul: an alarm, no automatic move, and a person's move lies above both."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = ahead("eu-1", "eu-2", "ap-1", "ap-2")
        await asyncio.sleep(AHEAD_SECONDS + 2)
        (alarm,) = alarms(replica)
        assert alarm == (
            "failover/checkout: ap-1, ap-2, eu-1 and 1 more hold revision 5, Consul holds revision 1: "
            "it went back, or was edited; a person must say which is right"
        )
        world.health["us-east"] = DOWN
        await asyncio.sleep(20)
        assert world.active() == "us-east"
        (group,) = replica.doors.queries.status().groups
        assert (group.state, group.code, group.reason) == ("needs_operator", "document_fault", alarm)

        assert isinstance(await replica.doors.operations.move(move("eu-west")), Done)
        assert (world.document().revision, world.active()) == (6, "eu-west")
        world.words[TITLE] = {}
        await asyncio.sleep(2)
        assert alarms(replica) == []
        assert replica.doors.queries.status().groups[0].code != "document_fault"


async def test_one_instance_alone_is_not_believed():
    """A single reader that says it knows more is shown; it moves no number and holds nothing back."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = ahead("eu-1")
        await asyncio.sleep(AHEAD_SECONDS + 2)
        (alarm,) = alarms(replica)
        assert "eu-1 holds revision 5, Consul holds revision 1; not believed without a second" in alarm
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 10)
        assert world.document().revision == 2


async def test_a_huge_number_is_not_believed():
    """10,000 and more above Consul is an alarm and nothing to number by, however many say it."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = ahead("eu-1", "eu-2", "ap-1", revision=10_001)
        await asyncio.sleep(AHEAD_SECONDS + 2)
        (alarm,) = alarms(replica)
        assert "Consul holds revision 1; not believed, 10000 or more above" in alarm
        assert isinstance(await replica.doors.operations.move(move("eu-west")), Done)
        assert world.document().revision == 2


async def test_other_bytes_under_the_same_number_are_told_apart():
    """Equal numbers with another sum are a document that readers do not have."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = ahead("eu-1", "eu-2", revision=1)
        await asyncio.sleep(AHEAD_SECONDS + 2)
        (alarm,) = alarms(replica)
        assert "eu-1, eu-2 hold other bytes under revision 1, Consul holds revision 1: it went" in alarm


async def test_a_moment_ahead_is_no_alarm():
    """A reader may hear of a publication before the prober does."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[TITLE] = ahead("eu-1", "eu-2")
        await asyncio.sleep(1.2)
        world.words[TITLE] = {}
        for _ in range(40):
            await asyncio.sleep(0.1)
            assert alarms(replica) == []


async def test_switches_are_confirmed_alike():
    """Switch documents are counted with groups; readers that know more of them hold no group back."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.server.edit(SWITCH_DOCUMENT, b'{"revision":3}')
        world.words[SWITCHES_TITLE] = ahead("eu-1", "eu-2")
        await asyncio.sleep(AHEAD_SECONDS + 2)
        view = shown(replica, SWITCHES_TITLE)
        assert (view.revision, view.confirmed, view.instances) == (3, 4, 6)
        assert any(text.startswith(SWITCHES_TITLE) for text in alarms(replica))
        world.health["us-east"] = DOWN
        await world.until(lambda: world.active() == "eu-west", 10)
        assert replica.numbering.above(SWITCHES, "checkout", [3]) == 6


async def test_what_readers_hold_of_a_lost_document_is_known():
    """Where the document is gone, its readers say that it was there, and from which number to go on."""
    world = HeardWorld()
    async with world.settled() as replica:
        world.words[SWITCHES_TITLE] = ahead("eu-1", "eu-2", revision=7)
        await asyncio.sleep(AHEAD_SECONDS + 2)
        view = shown(replica, SWITCHES_TITLE)
        assert (view.revision, view.counts["ahead"]) == (0, 2)
        assert any(
            text.endswith(
                "hold revision 7, Consul holds no document: it went back, or was edited; "
                "a person must say which is right"
            )
            for text in alarms(replica)
        )
        assert replica.numbering.above(SWITCHES, "checkout", [0]) == 8
