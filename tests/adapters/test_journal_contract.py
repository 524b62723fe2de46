"""What every `Journal` keeps, on one in memory and on the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from controlplane.adapters.postgres.journal import RECORDS_PER_STATEMENT_MAX, PostgresJournal
from controlplane.application.ports import Conflict, Journal, LogRecord, Narrowing
from controlplane.contract.documents import Change, ChangeKind
from controlplane.contract.log_entries import Abandoned, LogEntry, parse_log_entry
from tests.adapters.postgres_contract import BOTH, opened
from tests.fakes.journal import FakeJournal


@pytest.fixture(params=BOTH)
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    async with opened(request, fake=FakeJournal, real=PostgresJournal) as journal:
        yield journal


def record(
    revision: int, *, change: str | None = None, name: str = "checkout", index: int | None = None
) -> LogRecord:
    change_id = change or f"{name}-{revision}"
    entry = LogEntry(
        kind="failover",
        name=name,
        revision=revision,
        term=3,
        change=Change(
            id=change_id,
            kind=ChangeKind.AUTOMATIC,
            by="controlplane",
            reason="us-east down",
            at="2026-01-12T09:31:07.412Z",
        ),
        before=None,
        after={"active": "eu-west"},
        explanation={},
        sha256="0" * 64,
        trace_id="4bf92f35",
    )
    return LogRecord(
        store="store-1",
        kind="failover",
        name=name,
        revision=revision,
        change_id=change_id,
        create_index=index or sum(name.encode()) * 10_000 + revision,
        body=entry.to_bytes(),
    )


async def revisions(journal: Journal, *, kind: str | None = None, name: str | None = None) -> list[int]:
    page = await journal.page(kind=kind, name=name, before=None, limit=1_000)
    return [row.revision for row in page]


async def test_a_record_becomes_a_row(journal: Journal):
    """A row has the entry's facts in columns and its body to the byte."""
    assert await journal.append([record(17)]) == []
    (row,) = await journal.page(kind=None, name=None, before=None, limit=10)

    assert (row.store, row.kind, row.name, row.revision) == ("store-1", "failover", "checkout", 17)
    assert (row.change_id, row.change_kind, row.by, row.reason) == (
        "checkout-17",
        "automatic",
        "controlplane",
        "us-east down",
    )
    assert (row.at, row.trace_id, row.create_index) == (
        "2026-01-12T09:31:07.412Z",
        "4bf92f35",
        record(17).create_index,
    )
    assert row.body == record(17).body


async def test_an_abandoned_revision_is_a_row(journal: Journal):
    """A revision that was given up is told in history, with who gave it up and why."""
    body = Abandoned("change-9", "controlplane", "no answer", "2026-01-12T09:31:08.000Z").to_bytes()
    await journal.append([replace(record(18), change_id="change-9", body=body)])
    (row,) = await journal.page(kind=None, name=None, before=None, limit=10)

    assert (row.change_id, row.change_kind, row.by, row.reason) == (
        "change-9",
        "abandoned",
        "controlplane",
        "no answer",
    )
    assert (row.at, row.trace_id) == ("2026-01-12T09:31:08.000Z", None)


async def test_appending_again_is_harmless(journal: Journal):
    """The same records, in whatever batches, make one row each."""
    records = [record(n) for n in range(1, RECORDS_PER_STATEMENT_MAX + 50)]
    assert await journal.append(records[:10]) == []
    assert await journal.append(records) == []
    assert await journal.append([*records, *records]) == []

    assert await revisions(journal) == [one.revision for one in reversed(records)]


async def test_nothing_is_appended_to_nothing(journal: Journal):
    """An empty batch is no error."""
    assert await journal.append([]) == []
    assert await journal.stored([]) == []


async def test_another_change_under_the_same_revision_is_a_conflict(journal: Journal):
    """A revision that history knows as another change is told, and the row stays as it was."""
    await journal.append([record(17), record(18)])
    other = record(18, change="other", index=77)

    assert await journal.append([record(17), other, record(19)]) == [Conflict(other, "checkout-18")]
    assert await revisions(journal) == [19, 18, 17]
    assert [row.change_id for row in await journal.page(kind=None, name=None, before=19, limit=1)] != [
        "other"
    ]


async def test_two_changes_of_one_revision_in_one_batch_conflict(journal: Journal):
    """The first of a batch wins, the second is told."""
    other = record(17, change="other", index=77)

    assert await journal.append([record(17), other]) == [Conflict(other, "checkout-17")]


async def test_another_entry_at_the_same_index_is_a_conflict(journal: Journal):
    """A store that went back gives an index out twice: told, not swallowed."""
    await journal.append([record(17, index=500)])
    later = record(18, index=500)

    assert await journal.append([later]) == [Conflict(later, "checkout-17")]


async def test_another_store_has_its_own_history(journal: Journal):
    """A new store counts from the beginning, and both histories are kept."""
    await journal.append([record(17)])

    assert await journal.append([replace(record(17, change="new"), store="store-2")]) == []
    assert await revisions(journal) == [17, 17]


async def test_only_what_stands_there_counts_as_stored(journal: Journal):
    """A record is stored when its row has the same change id; only then may it be pruned."""
    await journal.append([record(1), record(2)])
    asked = [record(1), record(2, change="other"), record(3)]

    assert await journal.stored(asked) == [record(1)]


async def test_the_highest_revision_is_of_any_store(journal: Journal):
    """Numbers go on above everything ever journalled for a document."""
    assert await journal.highest_revision("failover", "checkout") == 0
    await journal.append([record(17), replace(record(4), store="store-2"), record(99, name="cart")])

    assert await journal.highest_revision("failover", "checkout") == 17
    assert await journal.highest_revision("switches", "checkout") == 0


async def test_pages_go_backwards(journal: Journal):
    """Pages follow the order of appending, newest first, and filter by kind and name."""
    await journal.append([record(1), record(7, name="cart"), record(2), record(3)])
    first = await journal.page(kind="failover", name="checkout", before=None, limit=2)
    second = await journal.page(kind="failover", name="checkout", before=first[-1].position, limit=2)

    assert [row.revision for row in (*first, *second)] == [3, 2, 1]
    assert await revisions(journal, name="cart") == [7]
    assert await revisions(journal, kind="switches") == []


async def test_history_is_narrowed_where_it_is_kept(journal: Journal):
    """Kind of change, author, a part of the reason, a stretch of time and a revision narrow a page."""

    def of(revision: int, **changes: Any) -> LogRecord:
        entry = parse_log_entry(record(revision).body)
        assert isinstance(entry, LogEntry)
        assert isinstance(entry.change, Change)
        return replace(
            record(revision), body=replace(entry, change=replace(entry.change, **changes)).to_bytes()
        )

    await journal.append(
        [
            of(1, at="2026-01-12T09:00:00.000Z"),
            of(
                2, at="2026-01-12T10:00:00.000Z", by="alice", kind=ChangeKind.MANUAL, reason="INC-48_21 drain"
            ),
            of(3, at="2026-01-12T11:00:00.000Z", by="alice", reason="100% of INC-4721"),
        ]
    )

    async def found(**narrowed: Any) -> list[int]:
        page = await journal.page(kind=None, name=None, before=None, limit=10, narrowed=Narrowing(**narrowed))
        return [row.revision for row in page]

    assert await found() == [3, 2, 1]
    assert await found(what="manual") == [2]
    assert await found(by="alice") == [3, 2]
    assert await found(by="alice", what="automatic") == [3]
    assert await found(reason="inc-4") == [3, 2]
    assert await found(reason="48_2") == [2]
    assert await found(reason="%") == [3]
    assert await found(reason="a\x00b") == []
    assert await found(since="2026-01-12T10:00:00.000Z") == [3, 2]
    assert await found(until="2026-01-12T10:00:00.000Z") == [1]
    assert await found(revision=2) == [2]


async def test_no_entry_stops_history(journal: Journal):
    """What another program wrote, or what no database can hold as text, is a row all the same."""
    strange = [
        replace(record(1), body=b"\xff\x00 not JSON"),
        replace(record(2, change="a\x00b"), body=record(2).body.replace(b"us-east", b"us\\u0000\\ud800east")),
    ]
    assert await journal.append(strange) == []
    assert await journal.stored(strange) == strange
    rows = await journal.page(kind=None, name=None, before=None, limit=10)

    assert [(row.change_kind, row.change_id, row.reason) for row in rows][:1] == [
        ("automatic", "a\ufffdb", "us\ufffd\ufffdeast down")
    ]
    assert (rows[1].change_kind, rows[1].body) == ("unreadable", b"\xff\x00 not JSON")


async def test_two_journallers_at_once_make_one_row_each(journal: Journal):
    """A change of leader may leave two at work; nothing is written twice, nothing is taken for a conflict."""
    records = [record(n) for n in range(1, 60)]
    results = await asyncio.gather(*(journal.append(records) for _ in range(3)))

    assert results == [[], [], []]
    assert sorted(await revisions(journal)) == [one.revision for one in records]
