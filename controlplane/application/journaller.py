"""Owns the copying of `log/` into history, and its pruning: PostgreSQL away delays history, never loses it.

Only the leader copies, for economy; safety rests on inserts that may be repeated. The position of the copying
is what stands in PostgreSQL and nothing else: after each break everything is compared again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.application.backoff import Backoff
from controlplane.application.ports import (
    CheckIndex,
    Clock,
    Conflict,
    DatabaseUnavailable,
    DeleteCompare,
    Entry,
    Get,
    Journal,
    LogRecord,
    Store,
    StoreError,
)
from controlplane.contract.keys import Keys, parse_log_key
from controlplane.contract.log_entries import LogEntry, LogEntryError, parse_log_entry
from controlplane.contract.times import parse_rfc3339

LOG_WAIT_SECONDS = 3.0
BATCH_RECORDS_MAX = 200
PRUNE_PER_TRANSACTION_MAX = 50
LOG_BYTES_MAX = 64 * 1024 * 1024
"""Above this, flips are refused (never failovers) until history catches up."""

Mark = tuple[str, str, int]
"""Store, key and create index: what makes an entry this one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leading:
    """What a leader proves itself by."""

    identity: str
    term_index: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """A log entry and the record that history gets of it."""

    entry: Entry
    record: LogRecord
    at: datetime
    published: bool
    """Whether it tells of a document, and not of an abandoned revision."""

    @property
    def mark(self) -> Mark:
        return self.record.store, self.entry.key, self.entry.create_index

    @property
    def place(self) -> tuple[str, str]:
        return self.record.kind, self.record.name


@dataclass(slots=True)
class Journaller:
    """Copies, and prunes what is safely stored and older than `retention`.

    `leading` answers None while this replica does not lead.
    """

    store: Store
    journal: Journal
    keys: Keys
    clock: Clock
    leading: Callable[[], Leading | None]
    retention: timedelta = timedelta(hours=24)
    alarms: tuple[str, ...] = ()
    log_bytes: int = 0
    behind: int = 0
    """Entries that history does not have yet."""
    _read: dict[Mark, _Copy | None] = field(default_factory=dict)
    """What `log/` holds, taken apart once; None for what this program did not write."""
    _stored: set[Mark] = field(default_factory=set)
    """What PostgreSQL confirmed since the last break."""

    async def run(self) -> None:
        """Copy for as long as the process lives."""
        index = 0
        backoff = Backoff()
        while True:
            try:
                index = await self._wait(index)
                await self.copy()
                backoff.reset()
            except (StoreError, DatabaseUnavailable) as error:
                logger.warning("journalling is delayed", extra={"error": str(error), "behind": self.behind})
                index = 0
                self._stored.clear()
                await asyncio.sleep(backoff.next_seconds())

    async def copy(self) -> None:
        """Bring history up to date with `log/`, once; nothing where this replica does not lead.

        Raises:
            StoreError: Consul does not answer.
            DatabaseUnavailable: PostgreSQL does not answer; what was copied stays copied.
        """
        leading = self.leading()
        if leading is None:
            return
        entries = (await self.store.list(self.keys.logs, consistent=True)).entries
        if await self.store.get(self.keys.store(leading.identity), consistent=True) is None:
            return  # another store answers by now: these may be its entries, and rows name their store
        self.log_bytes = sum(len(entry.value) for entry in entries)
        copies = self._copies(leading.identity, entries)
        self._stored &= self._read.keys()
        fresh = [copy for copy in copies if copy.mark not in self._stored]
        self.behind = len(fresh)
        for start in range(0, len(fresh), BATCH_RECORDS_MAX):
            await self._append(fresh[start : start + BATCH_RECORDS_MAX])
        await self._prune(leading, copies)

    async def _wait(self, index: int) -> int:
        """Sleep until there may be something to copy; a replica that does not lead only waits."""
        if self.leading() is None:
            await asyncio.sleep(LOG_WAIT_SECONDS / 3)
            return 0
        listing = await self.store.watch(self.keys.logs, index=index, wait_seconds=LOG_WAIT_SECONDS)
        return listing.index if listing.index >= index else 0

    def _copies(self, identity: str, entries: Sequence[Entry]) -> list[_Copy]:
        """What can be journalled, in the order in which it was published."""
        marks = {(identity, entry.key, entry.create_index): entry for entry in entries}
        self._read = {
            mark: self._read[mark] if mark in self._read else _copy(self.keys, identity, entry)
            for mark, entry in marks.items()
        }
        self.alarms = _of_strangers(sorted(key for (_, key, _), copy in self._read.items() if copy is None))
        copies = [copy for copy in self._read.values() if copy is not None]
        return sorted(copies, key=lambda copy: (copy.entry.create_index, copy.entry.key))

    async def _append(self, batch: Sequence[_Copy]) -> None:
        conflicts = await self.journal.append([copy.record for copy in batch])
        clashing = {conflict.record for conflict in conflicts}
        stored = [copy for copy in batch if copy.record not in clashing]
        self.alarms += tuple(_clash(conflict) for conflict in conflicts)
        self._stored.update(copy.mark for copy in stored)
        self.behind -= len(stored)

    async def _prune(self, leading: Leading, copies: Sequence[_Copy]) -> None:
        """Delete what is stored and old.

        Of each document the entry of what is in force stays, which vouches for its bytes, and all above it.
        """
        horizon = self.clock.now() - self.retention
        in_force = {
            copy.place: copy.record.revision
            for copy in sorted(copies, key=lambda copy: copy.record.revision)
            if copy.published
        }
        old = [
            copy
            for copy in copies
            if copy.at < horizon and copy.record.revision < in_force.get(copy.place, 0)
        ]
        if not old:
            return
        asked = old[:PRUNE_PER_TRANSACTION_MAX]
        stored = set(await self.journal.stored([copy.record for copy in asked]))
        await self.store.transact(
            [
                Get(self.keys.store(leading.identity)),
                CheckIndex(self.keys.term, leading.term_index),
                *(
                    DeleteCompare(copy.entry.key, copy.entry.modify_index)
                    for copy in asked
                    if copy.record in stored
                ),
            ]
        )


def _of_strangers(keys: Sequence[str]) -> tuple[str, ...]:
    """One alarm, however many there are: it must not hide the others."""
    if not keys:
        return ()
    if len(keys) == 1:
        return (f"{keys[0]} is not a log entry of this program; it stays where it is",)
    more = f"{keys[0]} and {len(keys) - 1} more"
    return (f"{more} are no log entries of this program; they stay where they are",)


def _copy(keys: Keys, identity: str, entry: Entry) -> _Copy | None:
    place = parse_log_key(keys, entry.key)
    if place is None:
        return None
    try:
        parsed = parse_log_entry(entry.value)
        at = parse_rfc3339(parsed.change.at if isinstance(parsed, LogEntry) else parsed.at)
    except (LogEntryError, ValueError):
        return None
    record = LogRecord(
        store=identity,
        kind=place.kind,
        name=place.name,
        revision=place.revision,
        change_id=parsed.change.id if isinstance(parsed, LogEntry) else parsed.change_id,
        create_index=entry.create_index,
        body=entry.value,
    )
    return _Copy(entry, record, at, published=isinstance(parsed, LogEntry))


def _clash(conflict: Conflict) -> str:
    record = conflict.record
    return (
        f"{record.kind}/{record.name} revision {record.revision} is change {record.change_id} in Consul and "
        f"{conflict.found_change_id} in history: Consul went back; a person must say which is right"
    )
