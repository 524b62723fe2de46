"""Owns publishing: one transaction per document at a time, and the settling of what got no answer.

Only "committed" and "rejected" are answers. Anything else may still take effect minutes later, so it is
settled before anything else is decided for that document, by *abandoning* it: a marker under the log key of
its revision, written only while the document is unchanged. Whichever of the two Consul applies first shuts
the other out.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isinf

from controlplane.application.ports import (
    Clock,
    Committed,
    Entry,
    OutcomeUnknown,
    Rejected,
    Store,
    StoreError,
    StoreUnavailable,
)
from controlplane.application.publication import (
    ABANDONMENT_CHECKS,
    Publication,
    abandonment,
    operations,
    refusal,
)
from controlplane.application.results import Done, Refused, Result, Unknown
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import Abandoned, LogEntry, LogEntryError, parse_log_entry
from controlplane.contract.times import rfc3339

CONTACT_SECONDS_MAX = 2.0
"""Nothing is sent when the last committed write or consistent read is older."""
ANSWER_SECONDS_MAX = 2.8
"""Whoever asked hears done, refused or unknown within this time."""
SETTLE_EVERY_SECONDS = 0.5

DocumentId = tuple[str, str]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Pending:
    """A publication that was, or is being, sent and has no answer."""

    publication: Publication
    identity: str
    since: float
    """Monotonic seconds at which it was sent."""
    settled: Result | None = None


@dataclass(slots=True)
class Publisher:
    """Publishes documents and settles unknown outcomes. `by` stands in the markers it leaves."""

    store: Store
    keys: Keys
    clock: Clock
    by: str
    on_commit: Callable[[Publication, int], None] = lambda _publication, _index: None
    on_result: Callable[[Publication, Result], None] = lambda _publication, _result: None
    """Called with what whoever asked is told."""
    pending: dict[DocumentId, Pending] = field(default_factory=dict)
    _locks: defaultdict[DocumentId, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _unsettled: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(
        self, publication: Publication, *, identity: str, asked_at: float | None = None
    ) -> Result:
        """Send the transaction once and say what became of it, within `ANSWER_SECONDS_MAX`.

        `identity` is the store that the publication was decided from; `asked_at` the monotonic time at which
        whoever waits for the answer asked, where that was earlier than now.
        """
        result = await self._publish(publication, identity, asked_at)
        self.on_result(publication, result)
        return result

    async def _publish(self, publication: Publication, identity: str, asked_at: float | None) -> Result:
        document = (publication.kind, publication.name)
        async with self._locks[document]:
            refused = self._not_sent(document)
            if refused:
                return refused
            sent = self.clock.monotonic()
            self.pending[document] = Pending(publication, identity, since=sent)
            try:
                answer = await self.store.transact(operations(publication, self.keys, identity))
            except StoreUnavailable as error:
                del self.pending[document]
                return _unavailable(str(error))
            except OutcomeUnknown as error:
                told = {"publication": publication.title, "error": str(error)}
                logger.warning("outcome unknown", extra=told)
                self._unsettled.set()
                return await self._settle_in_time(document, sent if asked_at is None else asked_at)
            except asyncio.CancelledError:  # whoever asked is gone, the request may be there all the same
                self._unsettled.set()
                raise
            del self.pending[document]
            return self._answered(publication, identity, answer)

    async def settle(self, document: DocumentId) -> Result | None:
        """Try once to settle a pending publication; None while its outcome stays unknown."""
        async with self._locks[document]:
            return await self._settle(document)

    async def run(self) -> None:
        """Settle whatever is pending, for as long as the process lives."""
        while True:
            await self._unsettled.wait()
            for document in tuple(self.pending):
                await self.settle(document)
            if not self.pending:
                self._unsettled.clear()
                continue
            await asyncio.sleep(SETTLE_EVERY_SECONDS)

    def is_unsettled(self, kind: str, name: str) -> bool:
        """Whether a publication of this document may still take effect."""
        return (kind, name) in self.pending

    def _not_sent(self, document: DocumentId) -> Refused | None:
        if document in self.pending:
            title = self.pending[document].publication.title
            return Refused(
                "unsettled", f"{title} got no answer from Consul and may still take effect; wait for it"
            )
        age = self.store.contact_seconds()
        if age > CONTACT_SECONDS_MAX:
            return _unavailable(
                "Consul never answered" if isinf(age) else f"Consul last answered {age:.1f} s ago"
            )
        return None

    def _answered(self, publication: Publication, identity: str, answer: Committed | Rejected) -> Result:
        if isinstance(answer, Rejected):
            return refusal(publication, self.keys, identity, answer)
        return self._committed(publication, answer.index)

    def _committed(self, publication: Publication, index: int) -> Done:
        self.on_commit(publication, index)
        return Done(publication.change_id, f"{publication.title} is in force", publication.revision, index)

    async def _settle_in_time(self, document: DocumentId, asked: float) -> Result:
        publication = self.pending[document].publication
        left = ANSWER_SECONDS_MAX - (self.clock.monotonic() - asked)
        settling = asyncio.create_task(self._settle_at_last(document))
        try:
            done, _ = await asyncio.wait({settling}, timeout=max(left, 0.0))
        finally:
            settling.cancel()
        if done:
            return settling.result()
        await asyncio.wait({settling})
        return Unknown(
            publication.change_id,
            f"{publication.title}: Consul gave no final answer; unknown, it may still take effect",
        )

    async def _settle_at_last(self, document: DocumentId) -> Result:
        while True:
            result = await self._settle(document)
            if result is not None:
                return result
            await asyncio.sleep(SETTLE_EVERY_SECONDS)

    async def _settle(self, document: DocumentId) -> Result | None:
        pending = self.pending.get(document)
        if pending is None:
            return None
        try:
            result = await self._outcome(pending)
        except StoreError:
            return None
        if result is None:
            return None
        del self.pending[document]
        logger.info(
            "outcome settled", extra={"publication": pending.publication.title, "result": str(result)}
        )
        return result

    async def _outcome(self, pending: Pending) -> Result | None:
        publication = pending.publication
        marker = Abandoned(
            change_id=publication.change_id,
            by=self.by,
            reason="Consul gave no answer to the publication",
            at=rfc3339(self.clock.now()),
        )
        answer = await self.store.transact(abandonment(publication, self.keys, pending.identity, marker))
        if isinstance(answer, Committed):
            return _withdrawn(publication)
        log = self.keys.log(publication.kind, publication.name, publication.revision)
        entry = await self.store.get(log, consistent=True)
        return self._read_back(publication, entry) if entry else _passed_by(publication, answer)

    def _read_back(self, publication: Publication, entry: Entry) -> Result:
        found = _parsed(entry)
        if isinstance(found, LogEntry) and found.change.id == publication.change_id:
            return self._committed(publication, entry.modify_index)
        if isinstance(found, Abandoned) and found.change_id == publication.change_id:
            return _withdrawn(publication)
        return _superseded(publication)


def _passed_by(publication: Publication, rejected: Rejected) -> Result | None:
    """Final where the store or the document is another one now: the publication's own checks shut it out."""
    shut_out = any(failure.operation in ABANDONMENT_CHECKS for failure in rejected.failures)
    return _superseded(publication) if shut_out else None


def _superseded(publication: Publication) -> Refused:
    return Refused(
        "superseded", f"{publication.title} got no answer, and something else was published meanwhile"
    )


def _parsed(entry: Entry) -> LogEntry | Abandoned | None:
    try:
        return parse_log_entry(entry.value)
    except LogEntryError:
        return None


def _withdrawn(publication: Publication) -> Refused:
    return Refused(
        "consul_unavailable",
        f"{publication.title} got no answer from Consul and was withdrawn: it can no longer take effect",
    )


def _unavailable(text: str) -> Refused:
    return Refused("consul_unavailable", f"nothing was sent: {text}")
