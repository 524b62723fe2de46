"""Owns the lease: who leads is a compare-and-set away, and safety never rests on it.

Every automatic publication checks `term` in its own transaction; the lease only keeps two replicas from doing
the same work. Timing decides who tries, the store decides who may.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from controlplane.application.mirror import whole_number
from controlplane.application.ports import (
    CheckIndex,
    Clock,
    Committed,
    CompareAndSet,
    Entry,
    Get,
    Store,
    StoreError,
)
from controlplane.contract.keys import Keys
from controlplane.domain.leadership import (
    LeaderRecord,
    LeaderRecordError,
    SilenceRun,
    deposed,
    listen,
    parse_leader,
)

RENEW_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.5
RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tenure:
    """A leadership that this replica holds, until the store says otherwise."""

    identity: str
    """Of the store that granted it."""
    record: LeaderRecord
    term_index: int
    leader_index: int
    renewed_at: float
    """Monotonic seconds at which the last successful renewal was *sent*."""

    @property
    def term(self) -> int:
        """Number of this leadership."""
        return self.record.term


@dataclass(slots=True)
class Leadership:
    """Follows `leader`, takes over from a silent one, renews while leading.

    `identity` answers which store this is, None where that is not known; `term_floor` the highest term known;
    `log_bytes` the size of the log, for the other replicas to read.
    """

    store: Store
    keys: Keys
    clock: Clock
    holder: str
    api: str
    identity: Callable[[], str | None]
    term_floor: Callable[[], int] = lambda: 0
    log_bytes: Callable[[], int] = lambda: 0
    on_change: Callable[[], None] = lambda: None
    record: LeaderRecord | None = None
    """The leader as last read."""
    tenure: Tenure | None = None
    alarm: str | None = None
    """Why nobody can lead, until somebody does."""
    _silence: SilenceRun | None = None

    async def run(self) -> None:
        """Lead or follow, for as long as the process lives."""
        while True:
            try:
                pause = await (self._renew(self.tenure) if self.tenure else self._follow())
            except StoreError as error:
                self._silence = None
                logger.warning("leadership is as last known", extra={"error": str(error)})
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    def renewed_seconds(self) -> float:
        """How long ago the last successful renewal was sent; inf while not leading."""
        return self.clock.monotonic() - self.tenure.renewed_at if self.tenure else inf

    async def release(self) -> None:
        """Give the leadership up at once, so that a follower need not wait for silence."""
        tenure, self.tenure = self.tenure, None
        if tenure is None:
            return
        released = tenure.record.released().to_bytes()
        try:
            await self.store.transact(
                [
                    Get(self.keys.store(tenure.identity)),
                    CompareAndSet(self.keys.leader, released, tenure.leader_index),
                ]
            )
        except StoreError as error:
            logger.warning("leadership was not released", extra={"error": str(error)})

    def step_down(self, reason: str) -> None:
        """Stop leading."""
        if self.tenure is not None:
            logger.warning("stepped down", extra={"term": self.tenure.term, "reason": reason})
            self.tenure = None
            self._silence = None
            self.on_change()

    async def _follow(self) -> float:
        identity = self.identity()
        if identity is None:
            self._silence = None
            return LOOK_EVERY_SECONDS
        sent = self.clock.monotonic()
        entry = await self.store.get(self.keys.leader, consistent=True)
        former, self.record = self.record, _parsed(entry)
        if self.record != former:
            self.alarm = None
        if self._may_take_over(entry, sent):
            await self._take_over(identity, entry)
        return self._pause()

    def _may_take_over(self, entry: Entry | None, sent: float) -> bool:
        if entry is None or (self.record is not None and self.record.vacant):
            return True
        answered = self.clock.monotonic()
        self._silence = listen(self._silence, modify_index=entry.modify_index, sent=sent, answered=answered)
        return self._silence.is_silence

    def _pause(self) -> float:
        return RENEW_EVERY_SECONDS if self.tenure else LOOK_EVERY_SECONDS

    async def _take_over(self, identity: str, former: Entry | None) -> None:
        self._silence = None
        term_entry = await self.store.get(self.keys.term, consistent=True)
        if term_entry is None or whole_number(term_entry) < 0:
            highest = max(self.term_floor(), self.record.term if self.record else 0)
            self.alarm = (
                f"nobody leads, nothing moves by itself: {self.keys.term} is absent or no number; "
                f"put back the last term, at least {highest}"
            )
            logger.error("no term can begin", extra={"reason": self.alarm})
            return
        record = LeaderRecord(
            holder=self.holder,
            term=1 + max(int(term_entry.value), self.term_floor(), self.record.term if self.record else 0),
            api=self.api,
        )
        sent = self.clock.monotonic()
        answer = await self.store.transact(
            [
                Get(self.keys.store(identity)),
                CompareAndSet(self.keys.leader, record.to_bytes(), former.modify_index if former else 0),
                CompareAndSet(self.keys.term, str(record.term).encode(), term_entry.modify_index),
            ]
        )
        if isinstance(answer, Committed):
            self._begin(Tenure(identity, record, answer.index, answer.index, sent))

    def _begin(self, tenure: Tenure) -> None:
        self.tenure = tenure
        self.record = tenure.record
        self.alarm = None
        logger.info("leading", extra={"term": tenure.term, "holder": self.holder})
        self.on_change()

    async def _renew(self, tenure: Tenure) -> float:
        record = tenure.record.renewed(self.log_bytes())
        sent = self.clock.monotonic()
        answer = await self.store.transact(
            [
                Get(self.keys.store(tenure.identity)),
                CheckIndex(self.keys.term, tenure.term_index),
                CompareAndSet(self.keys.leader, record.to_bytes(), tenure.leader_index),
            ]
        )
        if isinstance(answer, Committed):
            self._renewed(tenure, record, leader_index=answer.index, sent=sent)
            return RENEW_EVERY_SECONDS
        return await self._read_back(tenure)

    def _renewed(self, tenure: Tenure, record: LeaderRecord, *, leader_index: int, sent: float) -> None:
        if self.tenure is tenure:
            self.record = record
            self.tenure = replace(tenure, record=record, leader_index=leader_index, renewed_at=sent)

    async def _read_back(self, tenure: Tenure) -> float:
        """A refused renewal: the lease is ours all the same where an earlier one, unanswered, took effect."""
        entry = await self.store.get(self.keys.leader, consistent=True)
        term_entry = await self.store.get(self.keys.term, consistent=True)
        found = self.record = _parsed(entry)
        term = whole_number(term_entry)
        reason = deposed(holder=self.holder, term=tenure.term, found=found, found_term=term)
        if entry is None or found is None or reason or self.identity() != tenure.identity:
            self.step_down(reason or "another store answers")
            return LOOK_EVERY_SECONDS
        again = entry.modify_index == tenure.leader_index  # it was not the lease that refused: no tight loop
        self._renewed(tenure, found, leader_index=entry.modify_index, sent=tenure.renewed_at)
        return RETRY_SECONDS if again else 0.0


def _parsed(entry: Entry | None) -> LeaderRecord | None:
    if entry is None:
        return None
    try:
        return parse_leader(entry.value)
    except LeaderRecordError as error:
        logger.warning("the leader key is unreadable", extra={"error": str(error)})
        return None
