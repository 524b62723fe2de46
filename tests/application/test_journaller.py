"""Journalling: every entry becomes one row, clashes are shown, and only what is safely stored is pruned."""

import asyncio
from datetime import timedelta

import pytest

from controlplane.application.journaller import PRUNE_PER_TRANSACTION_MAX, Journaller, Leading
from tests.application.publications import KEYS, STORE, document, founded, publication, publisher
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime


class Desk:
    """A store with three published revisions, a history, and a journaller that leads."""

    def __init__(self) -> None:
        self.server: FakeStore = founded()
        self.client = self.server.client()
        self.clock = FakeClock()
        self.journal = FakeJournal()
        self.leads = True
        term = self.server.peek(KEYS.term)
        assert term
        self.term_index = term.modify_index
        self.journaller = self.another()

    def another(self) -> Journaller:
        """One more journaller on the same store and history."""
        return Journaller(self.client, self.journal, KEYS, self.clock, self._leading, timedelta(hours=24))

    async def publish(self, revisions: int) -> None:
        """Publish this many revisions."""
        writer = await publisher(self.client, self.clock)
        for revision in range(1, revisions + 1):
            before = self.server.peek(KEYS.document("failover", "checkout"))
            index = before.modify_index if before else 0
            await writer.publish(
                publication(document(revision, change_id=f"c-{revision}"), index=index), identity=STORE
            )

    async def rows(self) -> list[int]:
        """The revisions in history, newest first."""
        return [row.revision for row in await self.journal.page(kind=None, name=None, before=None, limit=500)]

    def logged(self) -> list[str]:
        """The log keys that are left."""
        return [key for key in sorted(self.server.data.entries) if key.startswith(KEYS.logs)]

    def age(self, hours: float) -> None:
        """Let wall-clock time pass: the documents of these tests are dated 2026-01-12 09:31."""
        self.clock.skew = timedelta(hours=hours)

    def _leading(self) -> Leading | None:
        return Leading(STORE, self.term_index) if self.leads else None


async def test_entries_become_rows_in_the_order_of_their_publication() -> None:
    """Each log entry is one row, and copying again adds none."""
    desk = Desk()
    await desk.publish(3)
    await desk.journaller.copy()
    await desk.journaller.copy()
    await desk.another().copy()

    assert await desk.rows() == [3, 2, 1]
    assert desk.journaller.behind == 0


async def test_a_replica_that_does_not_lead_copies_nothing() -> None:
    """Copying is the leader's work."""
    desk = Desk()
    desk.leads = False
    await desk.publish(1)
    await desk.journaller.copy()

    assert await desk.rows() == []


async def test_what_was_published_while_postgresql_was_away_is_copied_on_its_return() -> None:
    """An outage of history or store delays rows and loses none."""
    desk = Desk()
    running = asyncio.create_task(desk.journaller.run())
    desk.journal.away = True
    await desk.publish(2)
    await asyncio.sleep(40)
    assert desk.journaller.behind == 2
    desk.server.go_away()
    desk.journal.away = False
    await asyncio.sleep(40)
    desk.server.come_back()
    await asyncio.sleep(40)
    running.cancel()

    assert await desk.rows() == [2, 1]


async def test_a_journaller_that_begins_to_lead_catches_up() -> None:
    """A replica that takes over copies what the former leader left."""
    desk = Desk()
    desk.leads = False
    running = asyncio.create_task(desk.journaller.run())
    await desk.publish(2)
    await asyncio.sleep(5)
    assert await desk.rows() == []
    desk.leads = True
    await asyncio.sleep(5)
    running.cancel()

    assert await desk.rows() == [2, 1]


async def test_another_change_under_the_same_number_is_an_alarm() -> None:
    """When Consul went back and a number was used again, both are named and nothing is swallowed."""
    desk = Desk()
    await desk.publish(1)
    await desk.journaller.copy()
    desk.server.delete(KEYS.log("failover", "checkout", 1))
    other = publication(document(1, change_id="other"))
    desk.server.edit(KEYS.log("failover", "checkout", 1), other.log_entry)
    await desk.journaller.copy()

    (alarm,) = desk.journaller.alarms
    assert "revision 1 is change other in Consul and c-1 in history" in alarm
    assert desk.journaller.behind == 1
    desk.age(1000)
    await desk.journaller.copy()
    assert desk.logged() == [KEYS.log("failover", "checkout", 1)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (KEYS.logs + "notes", b"{}"),
        (KEYS.log("failover", "checkout", 7), b"by hand"),
        (KEYS.log("failover", "checkout", 7), b'{"abandoned":"x","by":"b","reason":"r","at":"yesterday"}'),
    ],
)
async def test_a_strangers_entry_is_named_and_left_alone(key: str, value: bytes) -> None:
    """What this program did not write below `log/` is shown, and neither copied nor deleted."""
    desk = Desk()
    desk.server.edit(key, value)
    await desk.journaller.copy()

    assert desk.journaller.alarms == (f"{key} is not a log entry of this program; it stays where it is",)
    assert await desk.rows() == []
    assert desk.server.peek(key)


async def test_many_strangers_are_one_alarm() -> None:
    """However much somebody leaves below `log/`, the other alarms can still be read."""
    desk = Desk()
    for number in range(3):
        desk.server.edit(f"{KEYS.logs}notes-{number}", b"{}")
    await desk.journaller.copy()

    (alarm,) = desk.journaller.alarms
    assert (
        alarm == f"{KEYS.logs}notes-0 and 2 more are no log entries of this program; they stay where they are"
    )


async def test_old_entries_with_rows_are_pruned_but_for_the_last() -> None:
    """An entry is deleted once it is stored and old; the highest of a document says where numbers go on."""
    desk = Desk()
    await desk.publish(3)
    desk.age(23)
    await desk.journaller.copy()
    assert len(desk.logged()) == 3
    desk.age(25)
    await desk.journaller.copy()

    assert desk.logged() == [KEYS.log("failover", "checkout", 3)]


async def test_an_old_entry_without_its_row_stays() -> None:
    """What history lost, a standby that was behind for one, is copied again before it is pruned."""
    desk = Desk()
    await desk.publish(2)
    await desk.journaller.copy()
    desk.journal = desk.journaller.journal = FakeJournal()
    desk.age(25)
    await desk.journaller.copy()
    assert len(desk.logged()) == 2
    await desk.another().copy()

    assert await desk.rows() == [2, 1]
    assert desk.logged() == [KEYS.log("failover", "checkout", 2)]


async def test_pruning_is_bounded_and_goes_on() -> None:
    """Many old entries are deleted a transaction's worth at a time."""
    desk = Desk()
    await desk.publish(PRUNE_PER_TRANSACTION_MAX + 11)
    desk.age(25)
    await desk.journaller.copy()
    assert len(desk.logged()) == 11
    await desk.journaller.copy()

    assert len(desk.logged()) == 1


async def test_a_deposed_leader_prunes_nothing() -> None:
    """Pruning checks the term: what a deposed leader would delete stays."""
    desk = Desk()
    await desk.publish(2)
    desk.server.edit(KEYS.term, b"5")
    desk.age(25)
    await desk.journaller.copy()

    assert len(desk.logged()) == 2


async def test_the_entries_of_another_store_get_no_rows_in_the_name_of_this_one() -> None:
    """Where the store was replaced a moment ago, what its log holds now is not taken for the former one's."""
    desk = Desk()
    await desk.publish(2)
    desk.server.delete(KEYS.store(STORE))
    await desk.journaller.copy()

    assert await desk.rows() == []
