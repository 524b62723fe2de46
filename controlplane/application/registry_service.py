"""Owns the definitions that a process works by: in memory, on disk, and how they change.

PostgreSQL has them; the Consul key `registry` names their revision and wakes everybody. Nothing that looks at
definitions waits for either.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from controlplane.application.doors import Applied
from controlplane.application.fleet_diff import diff
from controlplane.application.fleet_file import fleet_to_mapping
from controlplane.application.ports import (
    DatabaseUnavailable,
    DefinitionsCache,
    DefinitionsUnreadable,
    FleetFormat,
    RegistryConflict,
    RegistryRepository,
    StoreError,
)
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.fleet import Definitions, Fleet, Instance

APPLY_ATTEMPTS_MAX = 5
"""A catalog may contribute between reading and writing; a file says the same whatever it contributed."""
DIFFERENCES_MAX = 1_000
"""Lines of a diff that are shown; the rest is counted."""

logger = logging.getLogger(__name__)


class RegistryService:
    """The definitions, behind the door `Registry`.

    `announce` raises the Consul key to a committed revision; `announced` answers what the key names, 0 where
    that is not known: new revisions lie above it, even where PostgreSQL was restored from an older backup.
    """

    def __init__(
        self,
        *,
        repository: RegistryRepository,
        cache: DefinitionsCache,
        form: FleetFormat,
        announce: Callable[[int], Awaitable[None]],
        announced: Callable[[], int] = lambda: 0,
    ) -> None:
        self._repository = repository
        self._cache = cache
        self._form = form
        self._announce = announce
        self._announced = announced
        self._definitions = Definitions(0, Fleet())
        self._mapping = fleet_to_mapping(self._definitions.fleet)
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self.loaded = False
        """Whether there were definitions at hand at least once, from PostgreSQL or from disk."""

    def current(self) -> Definitions:
        """What this process works by; revision 0 and an empty fleet before anything was loaded."""
        return self._definitions

    def mapping(self) -> dict[str, Any]:
        """The current fleet as its canonical mapping, adopted instances included. Not to be changed."""
        return self._mapping

    def export(self) -> str:
        """The definitions as a fleet file; adopted instances are not part of it."""
        return self._form.write(self._definitions.fleet)

    async def start(self) -> Definitions:
        """Take what is on disk, and then what is in PostgreSQL, where it answers."""
        cached = await asyncio.to_thread(self._cache.load)
        if cached is not None:
            await self._hold(cached)
        try:
            return await self.refresh()
        except (DatabaseUnavailable, DefinitionsUnreadable) as error:
            logger.warning(
                "definitions are as last known",
                extra={"revision": self._definitions.revision, "error": str(error)},
            )
        return self._definitions

    async def refresh(self) -> Definitions:
        """Read the definitions anew and keep them on disk.

        Raises:
            DatabaseUnavailable: those at hand stay.
            DefinitionsUnreadable: those at hand stay.
        """
        async with self._reading:
            return await self._load()

    async def changed(self, since: Definitions) -> Definitions:
        """Wait until the definitions at hand are others than these."""
        while self._definitions is since:
            await self._changed.wait()
        return self._definitions

    async def apply(self, text: str | bytes, *, by: str, dry_run: bool) -> Applied:
        """Take a fleet file, and say what it changes; one that changes nothing makes no new revision.

        It makes one all the same where Consul names a revision that was never applied, to get above it.

        Raises:
            FleetFileError: mistakes, each with line and path; nothing has changed.
            RegistryConflict: others kept changing the definitions; nothing has changed.
            DatabaseUnavailable: PostgreSQL does not answer; a commit that was under way may have happened.
            DefinitionsUnreadable: a newer version of the program wrote the definitions; nothing has changed.
        """
        fleet = await asyncio.to_thread(self._form.read, text)
        attempts = 0
        while True:
            try:
                return await self._apply(fleet, by=by, dry_run=dry_run)
            except RegistryConflict:
                attempts += 1
                if attempts >= APPLY_ATTEMPTS_MAX:
                    raise

    async def adopt(self, service: str, datacenter: str | None, instances: Sequence[Instance]) -> None:
        """Take what the catalog of a datacenter (None: home) says of a service, instead of what it said.

        Raises:
            DatabaseUnavailable: no answer; asking again is harmless.
        """
        revision = await self._repository.replace_adopted(
            service, datacenter, instances, above=self._highest()
        )
        if revision is not None:
            await self._spread(revision)

    async def _apply(self, fleet: Fleet, *, by: str, dry_run: bool) -> Applied:
        stored = await self._repository.load()
        lines = await asyncio.to_thread(_lines, stored.fleet, fleet)
        differences = (*self._overtaken(stored.revision), *lines)
        if dry_run or not differences:
            return Applied(stored.revision, differences, dry_run=dry_run)
        revision = await self._repository.replace(
            fleet, expected=stored.revision, by=by, above=self._highest()
        )
        logger.info("definitions applied", extra={"revision": revision, "by": by})
        await self._spread(revision)
        return Applied(revision, differences, dry_run=False)

    async def _spread(self, revision: int) -> None:
        """Work by what was committed, elsewhere and here. What fails, the regular comparison repairs."""
        for step in (partial(self._announce, revision), partial(self._catch_up, revision)):
            try:
                await step()
            except (DatabaseUnavailable, DefinitionsUnreadable, StoreError) as error:
                logger.warning("definitions spread later", extra={"revision": revision, "error": str(error)})

    def _overtaken(self, stored: int) -> tuple[str, ...]:
        """What an apply changes where Consul names more than PostgreSQL has, by a hand or an old backup."""
        named = self._named()
        return (f"~ revision: {stored} → {named + 1}, for Consul names {named}",) if named > stored else ()

    def _highest(self) -> int:
        """The highest revision that anybody may be working by."""
        return max(self._named(), self._definitions.revision)

    def _named(self) -> int:
        """What Consul names; 0 where no number would be left above it."""
        announced = self._announced()
        return announced if announced + 1 < REVISION_LIMIT else 0

    async def _catch_up(self, revision: int) -> None:
        """Read until `revision` is at hand: of many commits in a row, one reading serves them all."""
        async with self._reading:
            if self._definitions.revision < revision:
                await self._load()

    async def _load(self) -> Definitions:
        definitions = await self._repository.load()
        if definitions != self._definitions or not self.loaded:
            await asyncio.to_thread(self._cache.save, definitions)
            await self._hold(definitions)
        return definitions

    async def _hold(self, definitions: Definitions) -> None:
        """Work by these from now on. A large fleet takes half a second of computing, so a thread does it."""
        self._mapping = await asyncio.to_thread(fleet_to_mapping, definitions.fleet)
        self._definitions = definitions
        self.loaded = True
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _lines(before: Fleet, after: Fleet) -> tuple[str, ...]:
    lines = [str(difference) for difference in diff(before, after)]
    more = [f"and {len(lines) - DIFFERENCES_MAX:,} more"] * (len(lines) > DIFFERENCES_MAX)
    return (*lines[:DIFFERENCES_MAX], *more)
