"""Owns whether a document is what was published: the log entry of its own transaction vouches for it.

A document without one, or with other bytes, was written by somebody else. It is held: shown, obeyed by
readers as the contract says, but never built upon until a person decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from controlplane.application.ports import Entry, Store
from controlplane.contract.documents import DocumentError, DocumentKind, parse_failover
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import LogEntry, LogEntryError, digest, parse_log_entry

FAILOVER = DocumentKind.FAILOVER

Mark = tuple[str, int]
"""Key and ModifyIndex: one state of one document."""


@dataclass(slots=True)
class Voucher:
    """Judges each state of each failover document once."""

    store: Store
    keys: Keys
    _judged: dict[Mark, str | None] = field(default_factory=dict)
    """What is wrong with a state; None: it is what was published."""

    async def judge(self, entries: Iterable[Entry]) -> None:
        """Compare what is new among these documents with the log.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        judged: dict[Mark, str | None] = {}
        for entry in entries:
            mark = (entry.key, entry.modify_index)
            judged[mark] = self._judged[mark] if mark in self._judged else await self._fault(entry)
        self._judged = judged

    def is_sound(self, entry: Entry) -> bool:
        """Whether this state was judged, and is what was published."""
        return self._judged.get((entry.key, entry.modify_index), "not judged") is None

    def fault(self, entry: Entry) -> str | None:
        """What is wrong with this state, as far as it was judged."""
        return self._judged.get((entry.key, entry.modify_index))

    async def _fault(self, entry: Entry) -> str | None:
        group = entry.key.removeprefix(self.keys.documents(FAILOVER))
        try:
            revision = parse_failover(entry.value).revision
        except DocumentError:
            return None  # whoever reads it says what is wrong with it
        logged = await self.store.get(self.keys.log(FAILOVER, group, revision), consistent=True)
        return None if _sum(logged) == digest(entry.value) else _foreign(group, revision)


def _sum(logged: Entry | None) -> str | None:
    try:
        found = parse_log_entry(logged.value) if logged else None
    except LogEntryError:
        return None
    return found.sha256 if isinstance(found, LogEntry) else None


def _foreign(group: str, revision: int) -> str:
    return (
        f"the document of {group} is not what was published as revision {revision}: somebody else wrote it; "
        f"`controlplane failover adopt {group}` publishes what stands there, `enforce` what was in force"
    )
