"""Owns the format of `log/` entries: the write-ahead record that rides in each publication's transaction.

An entry is a change, with the content before and after, its explanation and the document's SHA-256: of a
failover document the whole content, of a switch document the switches that changed, by name. Or it marks a
revision as abandoned: used up by a publication that got no answer and can no longer commit.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from controlplane.contract.documents import Change, DocumentKind, canonical, parse_change
from controlplane.contract.json_fields import DocumentError, integer, text
from controlplane.contract.switches import SwitchChange, parse_switch_change

EXPLANATION_BYTES_MAX = 16 * 1024


class LogEntryError(ValueError):
    """These bytes are not a log entry; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One published revision."""

    kind: str
    name: str
    revision: int
    term: int
    change: Change | SwitchChange
    before: Mapping[str, Any] | None
    """None: there was no document."""
    after: Mapping[str, Any]
    explanation: Mapping[str, Any]
    sha256: str
    """Of the document's bytes, in hex."""
    trace_id: str | None

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(asdict(self))


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A revision that no publication can have any more."""

    change_id: str
    by: str
    reason: str
    at: str

    def to_bytes(self) -> bytes:
        """Canonical JSON: `{"abandoned": change id, "at", "by", "reason"}`."""
        return canonical({"abandoned": self.change_id, "by": self.by, "reason": self.reason, "at": self.at})


def digest(document: bytes) -> str:
    """The `sha256` of a log entry for a document's bytes."""
    return sha256(document).hexdigest()


def parse_log_entry(raw: bytes) -> LogEntry | Abandoned:
    """Read a log entry.

    Raises:
        LogEntryError: not JSON, or not of this form.
    """
    try:
        fields: dict[str, Any] = json.loads(raw)
        return _abandoned(fields) if "abandoned" in fields else _entry(fields)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LogEntryError(f"log entry: {type(error).__name__}: {error}") from error


def _abandoned(fields: Mapping[str, Any]) -> Abandoned:
    return Abandoned(
        change_id=text(fields["abandoned"]),
        by=text(fields["by"]),
        reason=text(fields["reason"]),
        at=text(fields["at"]),
    )


def _entry(fields: Mapping[str, Any]) -> LogEntry:
    parse = parse_switch_change if fields["kind"] == DocumentKind.SWITCHES else parse_change
    return LogEntry(
        kind=text(fields["kind"]),
        name=text(fields["name"]),
        revision=integer(fields["revision"]),
        term=integer(fields["term"]),
        change=parse(fields["change"]),
        before=None if fields["before"] is None else _content(fields["before"]),
        after=_content(fields["after"]),
        explanation=_content(fields["explanation"]),
        sha256=text(fields["sha256"]),
        trace_id=None if fields["trace_id"] is None else text(fields["trace_id"]),
    )


def _content(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DocumentError(f"an object is wanted, not {value!r}"[:200])
    return value
