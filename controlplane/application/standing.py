"""Owns the question which store answers: founds an empty one, notices another one and forgets the former."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.application.founding import StoreIdentityError, found, identify
from controlplane.application.ports import Identifiers, Store, StoreError
from controlplane.contract.keys import Keys

LOOK_EVERY_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Standing:
    """Knows the identity of the store. `on_other` is called with each new identity before it is used.

    `may_found` answers whether an empty prefix may become a store now: only while PostgreSQL answers, which
    knows the numbers that must not be given out again.
    """

    store: Store
    keys: Keys
    identifiers: Identifiers
    may_found: Callable[[], bool]
    first_pause: bytes
    first_budget: bytes
    on_other: Callable[[str | None], None] = lambda _identity: None
    identity: str | None = None
    alarm: str | None = None

    async def run(self) -> None:
        """Keep asking, for as long as the process lives."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                logger.info("which store this is was not answered", extra={"error": str(error)})
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Ask once.

        Raises:
            StoreError: Consul does not answer.
        """
        try:
            found_identity = await identify(self.store, self.keys)
            self.alarm = None if found_identity else f"no store is founded below {self.keys.prefix} yet"
        except StoreIdentityError as error:
            found_identity = None
            self.alarm = str(error)
        else:
            if found_identity is None and self.may_found():
                await self._found()
                return
        if found_identity != self.identity:
            self._become(found_identity)

    async def _found(self) -> None:
        identity = self.identifiers.new()
        if await found(
            self.store, self.keys, identity=identity, pause=self.first_pause, budget=self.first_budget
        ):
            self.alarm = None
            self._become(identity)
        else:
            missing = self.keys.store(self.identity or "<identity>")
            self.alarm = f"{self.keys.prefix} is in use, but {missing} is gone: put it back with any value"

    def _become(self, identity: str | None) -> None:
        if self.identity is not None:
            logger.error("another store answers", extra={"former": self.identity, "now": identity})
        self.on_other(identity)
        self.identity = identity
