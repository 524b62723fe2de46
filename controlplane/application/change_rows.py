"""Owns how an entry of the write-ahead log becomes a row of history, and how a row is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.application.ports import ChangeRow, LogRecord
from controlplane.application.views import ChangeView
from controlplane.contract.log_entries import Abandoned, LogEntry, LogEntryError, parse_log_entry

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


def change_view(row: ChangeRow) -> ChangeView:
    """A row of history as it is shown; what another program wrote has no contents."""
    before, after, explanation = _contents(row.body)
    return ChangeView(
        position=row.position,
        kind=row.kind,
        name=row.name,
        revision=row.revision,
        change_id=row.change_id,
        change_kind=row.change_kind,
        by=row.by,
        reason=row.reason,
        at=row.at,
        trace_id=row.trace_id,
        before=before,
        after=after,
        explanation=explanation,
    )


def _contents(
    body: bytes,
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None, Mapping[str, Any]]:
    try:
        entry = parse_log_entry(body)
    except LogEntryError:
        return None, None, {}
    if isinstance(entry, LogEntry):
        return entry.before, entry.after, entry.explanation
    return None, None, {}
