"""Stories of groups and switches, told from a journal and evaluations in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.application.history_stories import (
    ROWS_PER_LOOK,
    ROWS_SCANNED_MAX,
    Search,
    Stories,
    StoryCursor,
)
from controlplane.application.history_views import StoryView
from controlplane.application.ports import LogRecord, Narrowing
from controlplane.contract.documents import Change, ChangeKind, canonical
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import SwitchChange, SwitchChangeKind
from controlplane.contract.times import rfc3339
from controlplane.domain.history_records import EvaluationRecord, Origin
from tests.fakes.clock import EPOCH
from tests.fakes.history import FakeEvaluations
from tests.fakes.journal import FakeJournal


def record(number: int, *, name: str = "checkout") -> LogRecord:
    """A move, `number` seconds after fake clocks start."""
    change = Change(f"change-{number}", ChangeKind.MANUAL, "alice", "INC-1", at(number))
    return logged("failover", name, number, change, before={}, after={"active": "eu-west"})


def flip(number: int, *, before: dict[str, Any] | None, after: dict[str, Any]) -> LogRecord:
    """A change of switches, `number` seconds after fake clocks start."""
    change = SwitchChange(f"change-{number}", SwitchChangeKind.FLIP, "alice", "INC-1", at(number))
    return logged("switches", "checkout", number, change, before=before, after=after)


def logged(kind: str, name: str, number: int, change: Change | SwitchChange, **contents: Any) -> LogRecord:
    entry = LogEntry(
        kind=kind,
        name=name,
        revision=number,
        term=1,
        change=change,
        explanation={},
        sha256="0" * 64,
        trace_id=None,
        **contents,
    )
    return LogRecord("store-1", kind, name, number, change.id, number, entry.to_bytes())


def at(seconds: float) -> str:
    return rfc3339(EPOCH + timedelta(seconds=seconds))


def why(number: int, code: str = "min_healthy", **more: Any) -> EvaluationRecord:
    return replace(EvaluationRecord("failover", "checkout", at(number), "stay", code, "why"), **more)


@pytest.fixture
def stories() -> Stories:
    return Stories(FakeJournal(), FakeEvaluations())


async def fill(stories: Stories, changes: Sequence[LogRecord], whys: Sequence[EvaluationRecord]) -> None:
    await stories.journal.append(changes)
    await stories.repository.store(Origin("", "control", "boot1"), [*enumerate(whys, 1)])


def outline(story: StoryView) -> list[str]:
    """`c7` for a change, `e7` for an evaluation, by their second."""
    return [
        f"{'c' if entry.change else 'e'}{(datetime.fromisoformat(entry.at) - EPOCH).seconds}"
        for entry in story.entries
    ]


async def test_a_group_is_told_as_one_story(stories: Stories):
    """Moves and the reasons between them stand in one order, newest first, in pages without gap or repeat."""
    await fill(
        stories,
        [*map(record, (1, 5, 6, 9)), record(7, name="cart")],
        [*map(why, (2, 3, 4, 8, 9)), why(5, name="cart"), why(6, kind="switches")],
    )
    whole = await stories.group("checkout", cursor=StoryCursor(), limit=50)
    assert outline(whole) == ["c9", "e9", "e8", "c6", "c5", "e4", "e3", "e2", "c1"]
    assert whole.next_cursor is None

    seen: list[str] = []
    cursor: str | None = "-"
    while cursor:
        page = await stories.group("checkout", cursor=StoryCursor.read(cursor), limit=2)
        seen += outline(page)
        cursor = page.next_cursor
    assert seen == outline(whole)


async def test_history_is_searched_across_documents(stories: Stories):
    """Changes and non-decisions of all documents that match, together or one of them alone, in pages."""
    await fill(stories, [*map(record, (1, 5)), record(7, name="cart")], [*map(why, (2, 6))])

    async def found(**search: Any) -> list[str]:
        view = await stories.find(Search(**search), cursor=StoryCursor(), limit=10)
        return outline(StoryView("", "", view.entries, view.next_cursor))

    assert await found() == ["c7", "e6", "c5", "e2", "c1"]
    assert await found(evaluations=False) == ["c7", "c5", "c1"]
    assert await found(changes=False) == ["e6", "e2"]
    assert await found(name="cart") == ["c7"]
    assert await found(narrowed=Narrowing(by="alice")) == ["c7", "c5", "c1"]
    assert await found(narrowed=Narrowing(since=at(5), until=at(7))) == ["e6", "c5"]
    first = await stories.find(Search(), cursor=StoryCursor(), limit=3)
    assert first.next_cursor is not None
    second = await stories.find(Search(), cursor=StoryCursor.read(first.next_cursor), limit=3)
    assert [entry.at for entry in second.entries] == [at(2), at(1)]


async def test_one_change_is_found_by_its_revision(stories: Stories):
    """A revision names one change; one that nobody published is none."""
    await fill(stories, [record(1), record(7, name="cart")], [])

    found = await stories.change("failover", "cart", 7)

    assert found is not None
    assert (found.change_id, found.revision) == ("change-7", 7)
    assert await stories.change("failover", "checkout", 7) is None


async def test_one_evaluation_is_found_by_its_position(stories: Stories):
    """A position names one evaluation; one that is not taken names none, and no neighbour."""
    await fill(stories, [], [why(1), why(2)])

    found = await stories.evaluation(1)

    assert found is not None
    assert (found.position, found.at) == (1, at(1))
    assert await stories.evaluation(3) is None
    assert await stories.evaluation(0) is None


async def test_a_switch_is_told_by_its_own_changes(stories: Stories):
    """Changes of other switches of the service are left out; what was not told before counts as changed."""
    on, off = {"state": "normal"}, {"state": "degraded"}
    changes = [
        flip(1, before=None, after={"search": on, "cart": on}),
        flip(2, before={"search": on}, after={"search": off}),
        flip(3, before={"cart": on}, after={"cart": off}),
        flip(4, before={"search": off, "cart": off}, after={"search": off, "cart": on}),
        flip(5, before={}, after={"search": on}),
    ]
    await fill(stories, changes, [])
    assert outline(await stories.switch("checkout", "search", before=None, limit=10)) == ["c5", "c2", "c1"]

    first = await stories.switch("checkout", "search", before=None, limit=2)
    assert outline(first) == ["c5", "c2"]
    assert first.next_cursor is not None
    second = await stories.switch("checkout", "search", before=int(first.next_cursor), limit=2)
    assert (outline(second), second.next_cursor) == (["c1"], None)
    assert outline(await stories.switch("checkout", "nobody", before=None, limit=2)) == []


async def test_a_switch_is_looked_for_in_a_bounded_number_of_changes(stories: Stories):
    """Where other switches change all the time, a page ends after some rows and says where to go on."""
    rows = [
        flip(number, before={"cart": number}, after={"cart": number + 1})
        for number in range(2, ROWS_SCANNED_MAX + 10)
    ]
    first = flip(1, before={"search": 1}, after={"search": 2})
    await fill(stories, [first, *rows], [])
    page = await stories.switch("checkout", "search", before=None, limit=5)
    assert (page.entries, page.next_cursor is None) == ([], False)

    assert page.next_cursor is not None
    rest = await stories.switch("checkout", "search", before=int(page.next_cursor), limit=5)
    assert outline(rest) == ["c1"]


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_LOOK, ROWS_PER_LOOK + 1])
async def test_every_change_of_a_switch_is_told(stories: Stories, count: int):
    """However many changes there are, none is left out where one look ends and the next begins."""
    rows = [
        flip(number, before={"search": number}, after={"search": number + 1})
        for number in range(1, count + 1)
    ]
    await fill(stories, rows, [])
    page = await stories.switch("checkout", "search", before=None, limit=2 * ROWS_PER_LOOK)

    assert outline(page) == [f"c{number}" for number in range(count, 0, -1)]
    assert page.next_cursor is None


async def test_evaluations_come_in_pages(stories: Stories):
    """Newest first, of one document or of all, with a cursor while there are more."""
    await fill(stories, [], [why(1), why(2, name="cart"), why(3)])
    page = await stories.evaluations(kind=None, name=None, before=None, limit=2)
    assert [one.at[-6:] for one in page.evaluations] == ["3.000Z", "2.000Z"]
    assert page.next_cursor == "2"
    rest = await stories.evaluations(kind=None, name=None, before=2, limit=2)
    assert ([one.position for one in rest.evaluations], rest.next_cursor) == ([1], None)
    named = await stories.evaluations(kind="failover", name="cart", before=None, limit=2)
    assert [one.position for one in named.evaluations] == [2]


async def test_what_another_program_wrote_is_told_without_contents(stories: Stories):
    """An entry that is not ours is a row of the story all the same."""
    strange = LogRecord("store-1", "failover", "checkout", 1, "x", 1, canonical({"no": "entry"}))
    gone = LogRecord(
        "store-1",
        "failover",
        "checkout",
        2,
        "y",
        2,
        canonical({"abandoned": "y", "at": "", "by": "controlplane", "reason": "no answer"}),
    )
    await stories.journal.append([strange, gone])
    story = await stories.group("checkout", cursor=StoryCursor(), limit=5)

    assert [entry.change.change_kind for entry in story.entries if entry.change] == [
        "abandoned",
        "unreadable",
    ]
    assert all(entry.change.after is None for entry in story.entries if entry.change)
