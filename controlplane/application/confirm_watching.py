"""Owns how a prober learns of publications: it follows the documents themselves, as readers do."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from controlplane.application.backoff import Backoff
from controlplane.application.ports import Store, StoreError
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys

WAIT_SECONDS = 3.0
"""Short, so that a store that went back in time is noticed within 5 s."""
PAUSE_SECONDS = 0.05
"""Least time between two questions: below an empty prefix Consul answers at every write elsewhere."""
RETRY_BASE_SECONDS = 0.1
RETRY_CAP_SECONDS = 1.0

Take = Callable[[DocumentKind, Mapping[str, bytes]], None]

logger = logging.getLogger(__name__)


class DocumentWatch:
    """Hands all documents of a kind to `take`, by name, whenever Consul says something new of them."""

    def __init__(self, *, store: Store, keys: Keys, take: Take) -> None:
        self._store = store
        self._keys = keys
        self._take = take

    async def run(self) -> None:
        """Follow both kinds until cancelled. While Consul does not answer, what was read stays."""
        async with asyncio.TaskGroup() as watches:
            for kind in DocumentKind:
                watches.create_task(self._follow(kind), name=f"watch {kind}")

    async def _follow(self, kind: DocumentKind) -> None:
        prefix, index = self._keys.documents(kind), 0
        backoff = Backoff(RETRY_BASE_SECONDS, RETRY_CAP_SECONDS)
        while True:
            try:
                listing = await self._store.watch(prefix, index=index, wait_seconds=WAIT_SECONDS)
            except StoreError as error:
                logger.warning("documents are not watched", extra={"prefix": prefix, "error": str(error)})
                index = 0
                await asyncio.sleep(backoff.next_seconds())
                continue
            backoff.reset()
            index = listing.index if listing.index >= index else 0
            self._take(kind, {entry.key.removeprefix(prefix): entry.value for entry in listing.entries})
            await asyncio.sleep(PAUSE_SECONDS)
