"""Owns that all replicas work by the same definitions: `registry` names the revision, PostgreSQL has it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

from controlplane.application.mirror import StoreMirror, whole_number
from controlplane.application.ports import (
    Clock,
    CompareAndSet,
    DatabaseUnavailable,
    Get,
    PortError,
    Store,
    StoreUnavailable,
)
from controlplane.domain.fleet import Definitions

LOOK_EVERY_SECONDS = 0.25
COMPARE_EVERY_SECONDS = 2.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS_MAX = 1.5
"""PostgreSQL that takes longer is said not to answer; it is waited for all the same."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class DefinitionsKeeper:
    """Follows `registry`, and raises it where a commit was not announced.

    `current` answers what this process works by; `refresh` reads it anew; `stored_revision` asks PostgreSQL.
    """

    store: Store
    mirror: StoreMirror
    clock: Clock
    identity: Callable[[], str | None]
    current: Callable[[], Definitions]
    refresh: Callable[[], Awaitable[Definitions]]
    stored_revision: Callable[[], Awaitable[int]]
    _answered: bool = False
    _asked_at: float | None = None
    """When the question was asked that has no answer yet."""
    _compared_at: float = -inf

    @property
    def database_available(self) -> bool:
        """Whether PostgreSQL answered the last question, and lets none wait for long."""
        waits = self._asked_at is not None and self.clock.monotonic() - self._asked_at > ANSWER_SECONDS_MAX
        return self._answered and not waits

    async def run(self) -> None:
        """Keep up, for as long as the process lives."""
        while True:
            try:
                await self.look()
            except PortError as error:
                logger.warning("definitions are as last known", extra={"error": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Compare what is at hand with what the store names, and now and then with PostgreSQL.

        Raises:
            PortError: PostgreSQL or Consul does not answer.
        """
        announced = self.mirror.view().number(self.mirror.keys.registry)
        overdue = self.clock.monotonic() - self._compared_at >= COMPARE_EVERY_SECONDS
        if announced > self.current().revision or overdue:
            await self._compare(announced)

    async def announce(self, revision: int) -> None:
        """Raise the `registry` key to a committed revision; never lowers it.

        Raises:
            StoreError: Consul does not answer; the comparison repairs it.
        """
        identity = self.identity()
        if identity is None:
            raise StoreUnavailable("nothing was sent: which store this is is not known yet")
        keys = self.mirror.keys
        entry = await self.store.get(keys.registry, consistent=True)
        if whole_number(entry) >= revision:
            return
        index = entry.modify_index if entry else 0
        await self.store.transact(
            [Get(keys.store(identity)), CompareAndSet(keys.registry, str(revision).encode(), index)]
        )

    async def _compare(self, announced: int) -> None:
        self._asked_at = self.clock.monotonic()
        try:
            stored = await self.stored_revision()
            if stored != self.current().revision:
                await self.refresh()
        except DatabaseUnavailable:
            self._answered = False
            raise
        finally:
            self._asked_at = None
        self._answered = True
        self._compared_at = self.clock.monotonic()
        if stored > announced:
            await self.announce(stored)
