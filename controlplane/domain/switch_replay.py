"""Owns how a switch document is told again from its history: each entry says only what changed."""

from collections.abc import Iterable
from typing import Any

from controlplane.contract.documents import DocumentKind
from controlplane.contract.json_fields import DocumentError
from controlplane.contract.log_entries import LogEntry, digest
from controlplane.contract.switches import SwitchChange, SwitchDocument, parse_switch


def replayed(newest_first: Iterable[LogEntry]) -> SwitchDocument | None:
    """The document that the newest entry published; None where history does not reach back far enough.

    Its SHA-256 stands in that entry, so what is told is the very document, or nothing.
    """
    newest: LogEntry | None = None
    contents: dict[str, Any] = {}
    for entry in newest_first:
        newest = newest or entry
        for name in (entry.before or {}).keys() | entry.after.keys():
            contents.setdefault(name, entry.after.get(name))
        if entry.before is None:
            break
    return _told(newest, contents) if newest else None


def _told(newest: LogEntry, contents: dict[str, Any]) -> SwitchDocument | None:
    if newest.kind != DocumentKind.SWITCHES or not isinstance(newest.change, SwitchChange):
        return None
    try:
        document = SwitchDocument(
            service=newest.name,
            revision=newest.revision,
            switches={name: parse_switch(entry) for name, entry in contents.items() if entry is not None},
            change=newest.change,
        )
    except (DocumentError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return document if digest(document.to_bytes()) == newest.sha256 else None
