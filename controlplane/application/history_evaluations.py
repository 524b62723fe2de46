"""Owns the way of evaluations into PostgreSQL: to disk first, so that an outage of PostgreSQL loses none."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.application.backoff import Backoff
from controlplane.application.history_ingest import read_frames
from controlplane.application.history_whys import Whys
from controlplane.application.ports import Clock, DatabaseUnavailable, SpoolUnavailable
from controlplane.application.ports.evaluations import EvaluationRepository
from controlplane.application.ports.history import Batch, Spool
from controlplane.application.publication import Publication
from controlplane.application.results import Done, Result
from controlplane.application.spool_thread import beside_the_loop
from controlplane.domain.decision import Evaluation
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_records import EvaluationRecord, Origin
from controlplane.domain.history_varint import HistoryFormatError

BATCH_BYTES_MAX = 1024 * 1024
RETRY_SECONDS = 1.0
"""After the disk took nothing."""
RECORDS_WAITING_MAX = 2_000
"""While the disk takes nothing; what comes then is lost."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class EvaluationKeeper:
    """Records what the leader decided: the other replicas see the same, and saying it once is enough."""

    spool: Spool
    repository: EvaluationRepository
    clock: Clock
    leading: Callable[[], bool]
    lost: int = 0
    """Records that neither disk nor memory took."""
    _whys: Whys = field(default_factory=Whys)
    _waiting: deque[EvaluationRecord] = field(default_factory=deque)
    _new: asyncio.Event = field(default_factory=asyncio.Event)
    _written: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, evaluation: Evaluation) -> None:
        """Record what is worth it of an evaluation. Waits for nothing."""
        records = self._whys.of_evaluation(evaluation)  # every replica follows, so that a new leader knows
        if self.leading():
            self._keep(*records)

    def see_result(self, publication: Publication, result: Result) -> None:
        """Record a publication that did not come into force, or may not have. Waits for nothing."""
        if isinstance(result, Done):
            return
        record = self._whys.of_publication(publication, result, now=self.clock.now())
        if record:
            self._keep(record)

    async def run(self) -> None:
        """Write and store, for as long as the process lives."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write_as_they_come(), name="evaluations to disk")
            tasks.create_task(self._store_what_waits(), name="evaluations to PostgreSQL")

    async def write(self) -> None:
        """Bring to disk what was recorded.

        Raises:
            SpoolUnavailable: the disk does not take it; it is kept.
        """
        if self._waiting:
            await beside_the_loop(self._write)

    async def store(self) -> bool:
        """Store the oldest batch; answers whether there was one.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer; the batch is kept.
            SpoolUnavailable: the disk does not give it back.
        """
        batch = await beside_the_loop(self.spool.batch, BATCH_BYTES_MAX)
        if batch is None:
            return False
        await self.repository.store(*_read(batch))
        await beside_the_loop(self.spool.forget, batch)
        return True

    async def _write_as_they_come(self) -> None:
        while True:
            await self._new.wait()
            self._new.clear()
            try:
                await self.write()
                self._written.set()
            except SpoolUnavailable as error:
                logger.warning("evaluations are not written to disk", extra={"error": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
                self._new.set()

    async def _store_what_waits(self) -> None:
        backoff = Backoff()
        while True:
            self._written.clear()
            try:
                while await self.store():
                    backoff.reset()
            except (DatabaseUnavailable, SpoolUnavailable) as error:
                logger.info("evaluations wait on disk", extra={"error": str(error)})
                await asyncio.sleep(backoff.next_seconds())
            else:
                await self._written.wait()

    def _keep(self, *records: EvaluationRecord) -> None:
        room = RECORDS_WAITING_MAX - len(self._waiting)
        self.lost += max(0, len(records) - room)
        self._waiting.extend(records[: max(0, room)])
        self._new.set()

    def _write(self) -> None:
        records = tuple(self._waiting)
        self.spool.append(Stream.EVALUATIONS, [record.to_bytes() for record in records])
        for _ in records:
            self._waiting.popleft()
        self.spool.sync()


def _read(batch: Batch) -> tuple[Origin, list[tuple[int, EvaluationRecord]]]:
    """Who recorded a batch, and its records by number; one that is no record is passed over."""
    origin, *frames = read_frames(batch.body)
    records: list[tuple[int, EvaluationRecord]] = []
    for frame in frames:
        try:
            records.append((frame.sequence, EvaluationRecord.from_bytes(frame.payload)))
        except HistoryFormatError as error:
            logger.warning("a record is passed over", extra={"sequence": frame.sequence, "error": str(error)})
    return Origin.from_bytes(origin.payload), records
