"""Owns where a prober's definitions come from: the control API, as soon as Consul says they changed.

The last definitions are kept on disk, so a prober starts and goes on while the control plane is away. The
`registry` key says how new they must be: a replica of the control plane that lags behind is asked again.
"""

import asyncio
import logging
from collections.abc import Callable

from controlplane.application.backoff import Backoff
from controlplane.application.ports import (
    ControlUnavailable,
    DefinitionsCache,
    DefinitionsSource,
    Store,
    StoreError,
)
from controlplane.contract.keys import REVISION_DIGITS, Keys
from controlplane.domain.fleet import Definitions

NOTHING = -1
"""The revision of no definitions at all; 0 is that of an empty fleet."""
WATCH_SECONDS = 30.0
"""One blocking query on `registry`; the control API is asked after each, whatever it brought."""

logger = logging.getLogger(__name__)


class DefinitionsFollower:
    """Hands the definitions to `adopt`, at the start and whenever they change."""

    def __init__(
        self,
        *,
        store: Store,
        keys: Keys,
        source: DefinitionsSource,
        cache: DefinitionsCache,
        adopt: Callable[[Definitions], None],
    ) -> None:
        self._store = store
        self._key = keys.registry
        self._source = source
        self._cache = cache
        self._adopt = adopt
        self._index = 0
        self._wanted = 0
        self._adopted = NOTHING
        self._fetched = NOTHING
        """Not what came from disk: that may be of another store whose revisions are the same numbers."""

    async def run(self) -> None:
        """Follow until cancelled. What fails is logged and tried again after 0.5 to 30 s, for ever."""
        self._start_from_cache()
        backoff = Backoff()
        while True:
            heard = await self._listen()
            if await self._fetch() and heard:
                backoff.reset()
            else:
                self._index = 0  # the next look answers at once
                await asyncio.sleep(backoff.next_seconds())

    def _start_from_cache(self) -> None:
        kept = self._cache.load()
        if kept is not None:
            self._take(kept, source="disk")

    async def _listen(self) -> bool:
        """Wait for another revision of the registry; answers whether Consul does."""
        try:
            listing = await self._store.watch(self._key, index=self._index, wait_seconds=WATCH_SECONDS)
        except StoreError as error:
            logger.warning("registry is not watched", extra={"key": self._key, "error": str(error)})
            return False
        self._index = max(1, listing.index) if listing.index >= self._index else 0
        values = [entry.value for entry in listing.entries if entry.key == self._key]
        self._wanted = _revision(*values)
        return True

    async def _fetch(self) -> bool:
        """Ask for newer definitions; answers whether ours are as new as they must be."""
        try:
            definitions = await self._source.fetch(self._fetched)
        except ControlUnavailable as error:
            logger.warning("definitions are not to be had", extra={"error": str(error)})
            return False
        if definitions is not None and definitions.revision >= min(self._wanted, self._adopted + 1):
            self._fetched = definitions.revision
            self._take(definitions, source="control API")
            await asyncio.to_thread(self._cache.save, definitions)
        if self._fetched < self._wanted:
            behind = {"revision": self._fetched, "wanted": self._wanted}
            logger.warning("control API is behind the registry", extra=behind)
        return self._fetched >= self._wanted

    def _take(self, definitions: Definitions, *, source: str) -> None:
        self._adopted = definitions.revision
        self._adopt(definitions)
        logger.info("definitions adopted", extra={"revision": definitions.revision, "source": source})


def _revision(value: bytes = b"0") -> int:
    """What stands in `registry`; 0 for what is no revision, so that nothing is waited for in vain."""
    return int(value) if value.isdigit() and len(value) <= REVISION_DIGITS else 0
