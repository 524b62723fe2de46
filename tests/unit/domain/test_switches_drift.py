"""What stands under a document's key, compared with what was published; and a document told from history."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.documents import Change, ChangeKind
from controlplane.contract.log_entries import digest
from controlplane.domain.switch_drift import Drift, Published, judge
from controlplane.domain.switch_replay import replayed
from controlplane.domain.switches import Flip, flipped
from tests.unit.domain.switch_worlds import (
    DEFINITIONS,
    DEGRADED,
    NORMAL,
    definition,
    document,
    entry,
    flips,
    ground,
    switch,
    two,
)

FIFTH, SIXTH = (document(two(recs=switch(state)), number) for state, number in ((DEGRADED, 5), (NORMAL, 6)))
SUMS = {one.revision: digest(one.to_bytes()) for one in (FIFTH, SIXTH)}


def found(raw: bytes | None, sums: dict[int, str], known: int) -> Drift | None:
    return judge("checkout", raw, Published(sums, known)).drift


@pytest.mark.parametrize(
    ("raw", "sums", "known", "code", "words"),
    [
        (SIXTH.to_bytes(), {6: "0" * 64}, 6, "foreign_edit", "not those of revision 6"),
        (document({}, 7).to_bytes(), SUMS, 6, "foreign_edit", "revision 7 was never published"),
        (FIFTH.to_bytes(), SUMS, 6, "foreign_edit", "set back to revision 5; 6 was published last"),
        (b"{}", SUMS, 6, "foreign_edit", "cannot be read"),
        (SIXTH.to_bytes().replace(b'"checkout"', b'"other"'), SUMS, 6, "foreign_edit", "service other"),
        (None, SUMS, 6, "foreign_edit", "was deleted; revision 6"),
        (FIFTH.to_bytes(), {5: SUMS[5]}, 6, "document_went_back", "back to revision 5; 6 was in force"),
        (None, {}, 6, "document_lost", "gone with its log; revision 6"),
    ],
)
def test_what_was_not_published_last_is_noticed(
    raw: bytes | None, sums: dict[int, str], known: int, code: str, words: str
):
    """A foreign edit, a store that went back and a lost store are told apart by the log."""
    drift = found(raw, sums, known)

    assert drift
    assert drift.code == code
    assert words in drift.text


@pytest.mark.parametrize(
    ("raw", "sums", "known"),
    [
        (SIXTH.to_bytes(), SUMS, 0),
        (SIXTH.to_bytes(), SUMS, 6),
        (SIXTH.to_bytes(), {6: SUMS[6]}, 5),
        (None, {}, 0),
    ],
)
def test_what_was_published_last_is_sound(raw: bytes | None, sums: dict[int, str], known: int):
    """The newest entry's bytes are sound, and so is nothing where nothing was."""
    assert found(raw, sums, known) is None


def test_what_can_be_read_is_kept_beside_the_verdict():
    """A foreign document that can be read can be adopted."""
    judgement = judge("checkout", document({}, 7).to_bytes(), Published(SUMS, 6))

    assert judgement.standing == document({}, 7)
    assert judge("checkout", b"{}", Published(SUMS, 6)).standing is None


@given(st.lists(flips(("recs", "more")), max_size=6))
def test_a_history_tells_its_document(history: list[Flip]):
    """From the entries of all revisions the last document comes back, byte for byte."""
    switches = two(more=switch())
    told = [entry(None, document(switches, 1))]
    for number, flip in enumerate(history, 2):
        after = flipped(switches, flip, ground(declared=[*DEFINITIONS, definition("more")]))
        told.append(entry(switches, document(after, number)))
        switches = after

    assert replayed(reversed(told)) == document(switches, len(told))


def test_a_history_with_a_hole_tells_nothing():
    """What does not have the sum of its entry is not the document."""
    first, second, third = (
        document(switches, number)
        for number, switches in enumerate((two(), two(recs=switch(DEGRADED)), two(new=switch())), 1)
    )
    entries = [entry(None, first), entry(first.switches, second), entry(second.switches, third)]

    assert replayed(reversed(entries)) == third
    assert replayed([entries[2], entries[1]]) is None
    assert replayed([]) is None


def test_a_history_of_something_else_tells_nothing():
    """Entries of another kind, or with contents that are no switches, are not built upon."""
    good = entry(None, document(two(), 1))
    change = Change("c", ChangeKind.MANUAL, "alice", "r", "2026-01-12T09:31:07.412Z")

    assert replayed([replace(good, kind="failover")]) is None
    assert replayed([replace(good, change=change)]) is None
    assert replayed([replace(good, after={"recs": {}})]) is None


def test_a_dropped_switch_stays_dropped_when_its_document_is_told():
    """A name that only the side before has is gone."""
    one, other = document({"recs": switch(), "old": switch()}, 1), document({"recs": switch()}, 2)

    assert replayed([entry(one.switches, other), entry(None, one)]) == other
