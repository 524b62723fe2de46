"""Promises of processes behind one address: what they say together is what the furthest behind says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.client.siblings import Siblings
from controlplane.contract.applied import Applied, AppliedState, render
from controlplane.contract.documents import DocumentKind


def applied(revision: int, state: AppliedState = AppliedState.OK, name: str = "checkout") -> Applied:
    return Applied(
        kind=DocumentKind.SWITCHES,
        name=name,
        revision=revision,
        sum="0" * 8 if revision else "",
        state=state,
    )


@pytest.fixture
def siblings(tmp_path: Path) -> Iterator[list[Siblings]]:
    several = [Siblings(tmp_path / "processes") for _ in range(3)]
    yield several
    for one in several:
        one.leave()


def test_the_lowest_revision_is_said(siblings):
    """Whoever is asked, the answer is the entry of the process that is furthest behind."""
    for one, revision in zip(siblings, (42, 41, 43), strict=True):
        one.say([applied(revision)])
    for one, revision in zip(siblings, (42, 41, 43), strict=True):
        assert one.lowest([applied(revision)]) == [applied(41)]


@pytest.mark.parametrize("worse", [AppliedState.NACK, AppliedState.STALE, AppliedState.ABSENT])
def test_of_equal_revisions_the_worse_state_is_said(siblings, worse):
    """A process that refuses or does not know speaks for all at the same revision."""
    siblings[1].say([applied(42, worse)])
    assert siblings[0].lowest([applied(42)]) == [applied(42, worse)]


def test_documents_are_told_apart(siblings):
    """Each document has its own lowest, and what only another process follows is said as well."""
    siblings[1].say([applied(1, name="catalog"), applied(43)])
    assert siblings[0].lowest([applied(42)]) == [applied(42), applied(1, name="catalog")]


def test_who_leaves_counts_no_more(siblings, tmp_path):
    """After `leave` neither the voice nor the file is there."""
    siblings[1].say([applied(1)])
    siblings[1].leave()
    assert siblings[0].lowest([applied(42)]) == [applied(42)]
    assert [*(tmp_path / "processes").iterdir()] == []


def test_the_dead_count_no_more(siblings, tmp_path):
    """A file that nobody holds locked is what a dead process left: it is ignored and removed."""
    siblings[0].say([applied(42)])
    left = tmp_path / "processes" / "4711-dead"
    left.write_text(render([applied(1)]))
    assert siblings[0].lowest([applied(42)]) == [applied(42)]
    assert not left.exists()


def test_saying_the_same_again_writes_nothing(siblings, tmp_path):
    """Only what has changed is written, and the newest word is the one that counts."""
    siblings[1].say([applied(1)])
    (path,) = (tmp_path / "processes").iterdir()
    first = path.stat().st_ino
    siblings[1].say([applied(1)])
    assert path.stat().st_ino == first
    siblings[1].say([applied(2)])
    assert siblings[0].lowest([applied(3)]) == [applied(2)]


def test_what_is_no_acknowledgement_is_passed_over(siblings, tmp_path):
    """Somebody else's file in the folder harms nobody, even if it is locked."""
    siblings[0].say([applied(42)])
    siblings[1].say([applied(41)])
    for path in (tmp_path / "processes").iterdir():
        path.write_text("no header at all")
    assert siblings[2].lowest([applied(43)]) == [applied(43)]


def test_a_folder_that_refuses_costs_only_the_others(tmp_path, caplog):
    """Where nothing can be written the process says what it knows itself, and why not more."""
    (tmp_path / "file").write_bytes(b"")
    one = Siblings(tmp_path / "file")
    one.say([applied(42)])
    assert one.lowest([applied(42)]) == [applied(42)]
    assert "are not told" in caplog.text


def test_a_fork_does_not_speak_for_its_parent(siblings):
    """A forked child neither holds its parent's word alive nor takes it away."""
    siblings[1].say([applied(41)])
    pid = os.fork()
    if pid == 0:
        siblings[1].leave()
        os._exit(0)
    os.waitpid(pid, 0)
    assert siblings[0].lowest([applied(42)]) == [applied(41)]
