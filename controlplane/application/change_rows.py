"""Owns how an entry of the write-ahead log becomes a row of history."""

import re
from dataclasses import dataclass

from controlplane.application.ports import LogRecord
from controlplane.contract.log_entries import Abandoned, LogEntryError, parse_log_entry

ABANDONED = "abandoned"
"""The `change_kind` of a revision that no publication can have any more."""
UNREADABLE = "unreadable"
"""The `change_kind` of an entry that another program wrote; its body is kept."""

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What people look for in history, taken out of an entry's body."""

    change_kind: str
    by: str
    reason: str
    at: str
    trace_id: str | None = None


def facts_of(record: LogRecord) -> ChangeFacts:
    """The facts of an entry, as text that a database takes. Never raises: an entry must not stop history."""
    try:
        entry = parse_log_entry(record.body)
    except LogEntryError as error:
        return ChangeFacts(UNREADABLE, "", storable(str(error)), "")
    if isinstance(entry, Abandoned):
        return ChangeFacts(ABANDONED, storable(entry.by), storable(entry.reason), storable(entry.at))
    change = entry.change
    return ChangeFacts(
        change_kind=change.kind.value,
        by=storable(change.by),
        reason=storable(change.reason),
        at=storable(change.at),
        trace_id=None if entry.trace_id is None else storable(entry.trace_id),
    )


def storable(text: str) -> str:
    """A text without what PostgreSQL cannot hold: NUL and unpaired surrogates become U+FFFD."""
    return _NOT_STORABLE.sub("\ufffd", str(text))
