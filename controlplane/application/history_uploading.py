"""Owns the way of spooled history to the control plane: in order, one batch in flight, until it is stored.

While the control plane or its PostgreSQL is away, nothing is lost but time: the spool grows, and is sent
afterwards at a bounded rate, so that neither live probing nor the control plane is delayed by it.
"""

import asyncio
import logging

from controlplane.application.backoff import Backoff
from controlplane.application.ports import ControlUnavailable, HistoryRefused, SpoolUnavailable
from controlplane.application.ports.history import Batch, HistoryUpload, Spool
from controlplane.application.spool_thread import beside_the_loop

UPLOAD_BYTES_MAX = 256 * 1024
"""Five thousand blocks; what one transaction of the control plane holds."""
UPLOAD_BYTES_PER_SECOND = 1024 * 1024
"""A full spool of 256 MiB is sent in less than five minutes."""
LOOK_SECONDS = 5.0
"""How long something may wait although nobody said that it does."""
ONE_FRAME = 1

logger = logging.getLogger(__name__)


class Uploader:
    """Sends what one spool holds."""

    def __init__(self, *, spool: Spool, control: HistoryUpload) -> None:
        self.written = asyncio.Event()
        """To be set when the spool has something new."""
        self._spool = spool
        self._control = control
        self._backoff = Backoff()
        self._bytes_max = UPLOAD_BYTES_MAX
        self._away = False

    async def run(self) -> None:
        """Send until cancelled. What fails is logged and tried again after 0.5 to 30 s, for ever."""
        while True:
            self.written.clear()
            try:
                sent = await self.send()
            except (ControlUnavailable, SpoolUnavailable) as error:
                self._note_failure(error)
                await asyncio.sleep(self._backoff.next_seconds())
                continue
            self._note_success(sent)
            if sent:
                await asyncio.sleep(sent / UPLOAD_BYTES_PER_SECOND)
            else:
                await self._something_written()

    async def send(self) -> int:
        """Send the oldest batch; answers its size, 0 where nothing waits.

        Raises:
            ControlUnavailable: it may have been stored; the same one is sent again.
            SpoolUnavailable: the disk does not give it back.
        """
        batch = await beside_the_loop(self._spool.batch, self._bytes_max)
        if batch is None:
            return 0
        try:
            await self._control.upload(batch.body)
        except HistoryRefused as error:
            await self._set_aside(batch, error)
        else:
            self._bytes_max = UPLOAD_BYTES_MAX
            await beside_the_loop(self._spool.forget, batch)
        return len(batch.body)

    async def _set_aside(self, batch: Batch, error: HistoryRefused) -> None:
        """Send frame by frame what was refused as a whole; one that is refused alone can never be stored."""
        if batch.frames > 1:
            self._bytes_max = ONE_FRAME
            return
        record = {"stream": batch.stream.name, "sequence": batch.last, "error": str(error)}
        logger.error("a record of history is refused and given up", extra=record)
        await beside_the_loop(self._spool.forget, batch)

    async def _something_written(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.written.wait()
        except TimeoutError:
            return

    def _note_failure(self, error: Exception) -> None:
        if not self._away:
            waiting = {"error": str(error), "spooled_bytes": self._spool.waiting_bytes()}
            logger.warning("history is not uploaded; it waits on disk", extra=waiting)
        self._away = True

    def _note_success(self, sent: int) -> None:
        if self._away and sent:
            logger.info("history is uploaded again", extra={"spooled_bytes": self._spool.waiting_bytes()})
            self._away = False
        self._backoff.reset()
