"""Owns what was published last, where Consul no longer says it: it is told from memory and from history."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from controlplane.application.change_rows import ABANDONED, UNREADABLE
from controlplane.application.numbering import Numbering
from controlplane.application.ports import DatabaseUnavailable, Journal
from controlplane.application.switch_reading import SWITCHES, Reading
from controlplane.application.switch_sight import SwitchSight
from controlplane.contract.log_entries import LogEntry, LogEntryError, parse_log_entry
from controlplane.contract.switches import SwitchDocument
from controlplane.domain.switch_replay import replayed

LEARN_EVERY_SECONDS = 1.0
NEWEST_ROWS_MAX = 20
"""How far back the last published row is looked for, behind abandoned ones."""
PAGE_ROWS = 200
PAGES_MAX = 50
"""How far back history is read: 10,000 revisions."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SwitchRecovery:
    """Asks history once per service for the numbers it knows, and for a document where it is needed."""

    sight: SwitchSight
    numbering: Numbering
    journal: Journal
    database_available: Callable[[], bool]
    pages_max: int = PAGES_MAX
    _learned: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Learn the numbers of every document, as soon as PostgreSQL answers."""
        while True:
            try:
                await self.learn_all()
            except DatabaseUnavailable as error:
                logger.info("numbers of history are not known yet", extra={"error": str(error)})
            await asyncio.sleep(LEARN_EVERY_SECONDS)

    async def learn_all(self) -> None:
        """Learn what is not learned yet.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        if self.database_available():
            for service in sorted(self.sight.known.keys() - self._learned):
                await self.learn(service)

    async def learn(self, service: str) -> None:
        """Take history's numbers of a service into account, so that none is given out twice.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        rows = await self.journal.page(kind=SWITCHES, name=service, before=None, limit=NEWEST_ROWS_MAX)
        known = self.numbering.known(SWITCHES, service)
        for row in rows:
            self.numbering.see_used(SWITCHES, service, row.revision)
            if row.change_kind not in (ABANDONED, UNREADABLE):
                self.numbering.see_revision(SWITCHES, service, row.revision)
        self._learned.add(service)
        if self.numbering.known(SWITCHES, service) > known:
            self.sight.look_again(service)

    async def last_known(self, reading: Reading) -> SwitchDocument | None:
        """The document with the highest revision that memory, the log or history can tell; None: none can."""
        remembered = self.sight.known.get(reading.service)
        candidates = [remembered.document if remembered else None, await self._told(reading)]
        documents = [document for document in candidates if document]
        return max(documents, key=lambda document: document.revision, default=None)

    async def published(self, service: str, revision: int) -> LogEntry | None:
        """What history has of a revision that the log no longer has; None where it was not published.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        async with aclosing(self._history(service)) as entries:
            async for entry in entries:
                if entry.revision == revision:
                    return entry
        return None

    async def _told(self, reading: Reading) -> SwitchDocument | None:
        """What the log tells, which knows the newest, together with history, which knows the oldest."""
        entries = {one.revision: one.published for one in reading.logged if one.published}
        if self.database_available():
            entries = {**await self._reached(reading.service), **entries}
        return replayed(entries[revision] for revision in sorted(entries, reverse=True))

    async def _reached(self, service: str) -> dict[int, LogEntry]:
        """History back to the first document, by revision; or as far as PostgreSQL answered."""
        entries: dict[int, LogEntry] = {}
        try:
            async with aclosing(self._history(service)) as history:
                async for entry in history:
                    entries[entry.revision] = entry
                    if entry.before is None:
                        break
        except DatabaseUnavailable as error:
            logger.warning("history was not asked", extra={"service": service, "error": str(error)})
        return entries

    async def _history(self, service: str) -> AsyncGenerator[LogEntry, None]:
        """What was published of a service, newest first."""
        before = None
        for _ in range(self.pages_max):
            page = await self.journal.page(kind=SWITCHES, name=service, before=before, limit=PAGE_ROWS)
            for row in page:
                entry = _entry(row.body)
                if entry:
                    yield entry
            if len(page) < PAGE_ROWS:
                return
            before = page[-1].position


def _entry(body: bytes) -> LogEntry | None:
    try:
        entry = parse_log_entry(body)
    except LogEntryError:
        return None
    return entry if isinstance(entry, LogEntry) else None
