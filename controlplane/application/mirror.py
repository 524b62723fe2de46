"""Owns what this replica knows of the store: copies of the small keys, kept fresh by blocking queries.

What is mirrored only wakes and informs. Whatever is *decided* is decided from a `refresh`, a consistent read,
and published under the indexes found there.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.application.backoff import Backoff
from controlplane.application.ports import Clock, Entry, Listing, Store, StoreError
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import REVISION_LIMIT, Keys

WATCH_WAIT_SECONDS = 3.0
"""Short, so that a store that went back in time is noticed within 5 s."""
WATCH_RETRY_BASE_SECONDS = 0.1
WATCH_RETRY_CAP_SECONDS = 1.0

logger = logging.getLogger(__name__)


def whole_number(entry: Entry | None) -> int:
    """The number below `REVISION_LIMIT` that a key holds; -1 where it is absent or holds anything else."""
    text = entry.value if entry else b""
    return int(text) if text.isdigit() and len(text) < len(str(REVISION_LIMIT)) else -1


@dataclass(frozen=True, slots=True)
class StoreView:
    """The small keys of the store as they were read."""

    keys: Keys
    entries: Mapping[str, Entry]

    def below(self, prefix: str) -> tuple[Entry, ...]:
        """The entries below a prefix, by key."""
        return tuple(entry for key, entry in sorted(self.entries.items()) if key.startswith(prefix))

    def index(self, key: str) -> int:
        """ModifyIndex of a key; 0 where it is absent."""
        entry = self.entries.get(key)
        return entry.modify_index if entry else 0

    def number(self, key: str) -> int:
        """A key that holds a number; 0 where it is absent or holds anything else."""
        return max(whole_number(self.entries.get(key)), 0)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A listing, and when it arrived, in monotonic seconds."""

    listing: Listing
    arrived_at: float


@dataclass(slots=True)
class StoreMirror:
    """Follows the store. `changed` is set whenever there is something new to look at."""

    store: Store
    keys: Keys
    clock: Clock
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    switches_changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set beside it where the switch documents are what is new."""
    broken_at: float | None = None
    """Monotonic seconds at which a watch last failed."""
    _copies: dict[str, _Copy] = field(default_factory=dict)

    async def run(self) -> None:
        """Follow everything, for as long as the process lives."""
        async with asyncio.TaskGroup() as watches:
            for prefix in (*self._informing(), self.keys.vantages, self._switches):
                watches.create_task(self._follow(prefix), name=f"watch {prefix}")

    async def refresh(self) -> StoreView:
        """Read everything that a decision rests on, consistently.

        Raises:
            StoreUnavailable: no answer in time, or no leader.
        """
        prefixes, sent = self._informing(), self.clock.monotonic()
        listings = await asyncio.gather(*(self.store.list(prefix, consistent=True) for prefix in prefixes))
        for prefix, listing in zip(prefixes, listings, strict=True):
            self._hold(prefix, listing, sent)
        return self.view()

    def view(self) -> StoreView:
        """The copies as they are."""
        copies = (self._copies.get(prefix) for prefix in self._informing())
        entries = {entry.key: entry for copy in copies if copy for entry in copy.listing.entries}
        return StoreView(self.keys, entries)

    def reports(self) -> tuple[Entry, ...]:
        """The vantage reports as they are."""
        copy = self._copies.get(self.keys.vantages)
        return copy.listing.entries if copy else ()

    def switch_documents(self) -> Mapping[str, Entry] | None:
        """The switch documents as they are, by service; None before the first reading of this store."""
        copy = self._copies.get(self._switches)
        if copy is None:
            return None
        return {entry.key.removeprefix(self._switches): entry for entry in copy.listing.entries}

    def forget(self) -> None:
        """Another store answers: nothing that was copied is worth anything."""
        self._copies.clear()
        self.changed.set()

    @property
    def _switches(self) -> str:
        """Followed for themselves: no decision about a group reads them."""
        return self.keys.documents(DocumentKind.SWITCHES)

    def _informing(self) -> tuple[str, ...]:
        keys = self.keys
        return (
            keys.stores,
            keys.documents(DocumentKind.FAILOVER),
            keys.pause,
            keys.registry,
            keys.budget,
            keys.term,
        )

    async def _follow(self, prefix: str) -> None:
        index = 0
        backoff = Backoff(WATCH_RETRY_BASE_SECONDS, WATCH_RETRY_CAP_SECONDS)
        while True:
            sent = self.clock.monotonic()
            try:
                listing = await self.store.watch(prefix, index=index, wait_seconds=WATCH_WAIT_SECONDS)
            except StoreError as error:
                self._broke(prefix, error)
                index = 0
                await asyncio.sleep(backoff.next_seconds())
                continue
            backoff.reset()
            index = listing.index if listing.index >= index else 0
            self._take(prefix, listing, sent)

    def _take(self, prefix: str, listing: Listing, sent: float) -> None:
        former = self._copies.get(prefix)
        if not self._hold(prefix, listing, sent):
            return
        if former is not None and former.listing.entries == listing.entries:
            return
        self.changed.set()
        if prefix == self._switches:
            self.switches_changed.set()

    def _hold(self, prefix: str, listing: Listing, sent: float) -> bool:
        """Keep a listing unless what is held is newer; answers whether it was kept.

        Answers overtake each other. Of two requests that were under way together, the higher index is newer.
        What was asked for after the held one had arrived always is: with a lower index, Consul went back.
        """
        held = self._copies.get(prefix)
        if held is not None and sent < held.arrived_at and listing.index < held.listing.index:
            return False
        self._copies[prefix] = _Copy(listing, self.clock.monotonic())
        return True

    def _broke(self, prefix: str, error: StoreError) -> None:
        logger.warning("watch broke off", extra={"prefix": prefix, "error": str(error)})
        self.broken_at = self.clock.monotonic()
        self.changed.set()
