"""Owns reading the log of one document, and finding in it an act that was asked for before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256

from controlplane.application.ports import Identifiers, Store
from controlplane.application.results import Act, Done, Refused
from controlplane.contract.keys import Keys, parse_log_key
from controlplane.contract.log_entries import Abandoned, LogEntry, LogEntryError, parse_log_entry

CHANGE_ID_CHARACTERS = 26
"""As many as a ULID has."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry of a document's log."""

    revision: int
    entry: LogEntry | Abandoned | None
    """None: somebody else wrote it."""
    index: int
    """ModifyIndex that it shares with the document it was published with."""

    @property
    def published(self) -> LogEntry | None:
        """The entry, where it tells of a publication."""
        return self.entry if isinstance(self.entry, LogEntry) else None


async def read_log(store: Store, keys: Keys, kind: str, name: str) -> tuple[Logged, ...]:
    """The log of a document by revision, from one consistent read.

    Raises:
        StoreUnavailable: no answer in time.
    """
    listing = await store.list(keys.document_log(kind, name), consistent=True)
    places = ((parse_log_key(keys, entry.key), entry) for entry in listing.entries)
    return tuple(
        Logged(place.revision, _parsed(entry.value), entry.modify_index) for place, entry in places if place
    )


def change_id(act: Act, identifiers: Identifiers) -> str:
    """The same for the same act asked for twice, on whichever replica."""
    if act.idempotency_key is None:
        return identifiers.new()
    return sha256(f"{act.by}\0{act.idempotency_key}".encode()).hexdigest()[:CHANGE_ID_CHARACTERS]


def done_before(
    name: str, wanted_id: str, logged: Iterable[Logged], is_this: Callable[[LogEntry], bool]
) -> Done | Refused | None:
    """What an act did that is asked for again; None where the log does not know it.

    `is_this` tells whether an entry is of what is asked for now: what was done under the same key, and is
    something else, is no answer to it.
    """
    for one in logged:
        if not (one.published and one.published.change.id == wanted_id):
            continue
        if is_this(one.published):
            return Done(
                wanted_id, f"{name} revision {one.revision} did this already", one.revision, one.index
            )
        return Refused(
            "idempotency_key_reused",
            f"{name} revision {one.revision} did something else under this Idempotency-Key: send another key",
        )
    return None


def _parsed(raw: bytes) -> LogEntry | Abandoned | None:
    try:
        return parse_log_entry(raw)
    except LogEntryError:
        return None
