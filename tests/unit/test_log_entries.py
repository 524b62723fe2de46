"""Log entries: what is written ahead is read back, and what is none says so."""

import json
from dataclasses import replace

import pytest

from controlplane.contract.documents import Change, ChangeKind, canonical
from controlplane.contract.log_entries import Abandoned, LogEntry, LogEntryError, digest, parse_log_entry
from controlplane.contract.switches import SwitchChange, SwitchChangeKind

AT = "2026-01-12T09:31:07.412Z"
ENTRY = LogEntry(
    kind="failover",
    name="checkout",
    revision=17,
    term=3,
    change=Change("01J", ChangeKind.MANUAL, "alice", "INC-1", AT),
    before=None,
    after={"active": "eu-west"},
    explanation={"gates": {}},
    sha256=digest(b"the document"),
    trace_id=None,
)
FLIP = replace(
    ENTRY,
    kind="switches",
    change=SwitchChange("01J", SwitchChangeKind.FLIP, "alice", "INC-1", AT, None),
    before={"recs": None},
    trace_id="f" * 32,
)
GIVEN_UP = Abandoned("01J", "controlplane", "no answer", AT)


def changed(entry: LogEntry | Abandoned, **fields: object) -> bytes:
    return canonical(json.loads(entry.to_bytes()) | fields)


@pytest.mark.parametrize("entry", [ENTRY, FLIP, GIVEN_UP], ids=["failover", "switches", "abandoned"])
def test_an_entry_is_read_as_it_was_written(entry: LogEntry | Abandoned) -> None:
    """Entries of every kind come back from their bytes."""
    assert parse_log_entry(entry.to_bytes()) == entry


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "JSONDecodeError"),
        (b"[]", "TypeError"),
        (b"[" * 100_000, "RecursionError"),
        (b"{}", "KeyError"),
        (changed(ENTRY, revision="17"), "an integer"),
        (changed(ENTRY, name=None), "a text is wanted"),
        (changed(ENTRY, after=[]), "an object is wanted"),
        (changed(ENTRY, before="nothing"), "an object is wanted"),
        (changed(ENTRY, change="by alice"), "TypeError"),
        (changed(FLIP, change={"kind": "manual"}), "KeyError"),
        (changed(GIVEN_UP, abandoned=7), "a text is wanted"),
    ],
)
def test_what_is_no_entry_is_refused_with_the_reason(raw: bytes, words: str) -> None:
    """Bytes that are no log entry are refused, and the text says why."""
    with pytest.raises(LogEntryError, match=words):
        parse_log_entry(raw)
