"""Uploads on fakes in virtual time: in order, one at a time, once, whatever is away meanwhile."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controlplane.application.history_ingest import HistoryIngest, read_upload
from controlplane.application.history_uploading import (
    LOOK_SECONDS,
    UPLOAD_BYTES_MAX,
    UPLOAD_BYTES_PER_SECOND,
    Uploader,
)
from controlplane.application.ports import (
    ControlUnavailable,
    DatabaseUnavailable,
    HistoryRefused,
    SpoolUnavailable,
)
from controlplane.application.ports.history import Whose
from controlplane.application.retention import Retention
from controlplane.application.spool_thread import beside_the_loop
from controlplane.domain.history_block import pack_page
from controlplane.domain.history_frame import Stream
from controlplane.domain.history_time import Resolution
from controlplane.domain.history_varint import HistoryFormatError
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.fakes.spool import FakeSpool
from tests.probe_histories import NOW, SERIES, block, turn

pytestmark = pytest.mark.looptime

OUTAGE_SECONDS = 600.0
EVERYTHING = Whose()


class ControlPlane:
    """The port `HistoryUpload`: what a control plane on a PostgreSQL in memory does with a batch."""

    def __init__(self) -> None:
        self.history = FakeHistory()
        self.away = False
        self.loses_answers = 0
        self.sent: list[bytes] = []
        self.in_flight = 0
        self._ingest = HistoryIngest(self.history, FakeClock(), Retention())

    async def upload(self, body: bytes) -> None:
        self.in_flight += 1
        assert self.in_flight == 1
        try:
            await self._take(body)
        finally:
            self.in_flight -= 1

    async def _take(self, body: bytes) -> None:
        await asyncio.sleep(0.01)
        self.sent.append(body)
        if self.away:
            raise ControlUnavailable("connection refused")
        try:
            await self._ingest.take(body, vantage="us-1")
        except DatabaseUnavailable as error:
            raise ControlUnavailable("answered 503") from error
        except HistoryFormatError as error:
            raise HistoryRefused("answered 422") from error
        if self.loses_answers:
            self.loses_answers -= 1
            raise ControlUnavailable("no answer in time")

    async def minutes(self) -> list[int]:
        found = await self.history.blocks(Resolution.RAW, [1], 0, NOW + 10_000, limit=100_000)
        return [one.minute - NOW for _, one in found]

    async def turns(self) -> list[int]:
        rows = await self.history.turns(
            EVERYTHING,
            FakeClock().start.replace(year=2000),
            FakeClock().start.replace(year=2100),
            after=None,
            limit=10**6,
        )
        return [row.sequence for row in rows]


class Rig:
    def __init__(self) -> None:
        self.spool = FakeSpool()
        self.control = ControlPlane()
        self.uploader = Uploader(spool=self.spool, control=self.control)

    def write(self, minute: int) -> None:
        """One minute of a prober: a block, and a change of health."""
        self.spool.append(Stream.BLOCKS, [pack_page([(SERIES, block(NOW + minute))])])
        self.spool.append(Stream.TRANSITIONS, [turn(seconds=60 * minute).to_bytes()])
        self.uploader.written.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.uploader.run())
            yield
            task.cancel()


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_what_is_written_is_uploaded_and_forgotten(rig: Rig):
    """A record is stored soon after it was written, and its place on disk is free again."""
    async with rig.running():
        for minute in range(3):
            rig.write(minute)
            await asyncio.sleep(1)
    assert await rig.control.minutes() == [0, 1, 2]
    assert await rig.control.turns() == [1, 2, 3]
    assert rig.spool.frames == []


async def test_what_nobody_announced_is_found(rig: Rig):
    """What a former process left is uploaded without anything being written."""
    async with rig.running():
        await asyncio.sleep(1)
        rig.spool.append(Stream.TRANSITIONS, [turn().to_bytes()])
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert await rig.control.turns() == [1]


@pytest.mark.parametrize("who", ["control", "postgres"])
async def test_an_outage_is_filled_up_in_order(rig: Rig, who: str):
    """After ten minutes without control plane or PostgreSQL all is stored, in order, nothing twice."""
    async with rig.running():
        for minute in range(int(OUTAGE_SECONDS / 60)):
            rig.control.away = who == "control"
            rig.control.history.away = who == "postgres"
            rig.write(minute)
            await asyncio.sleep(60)
        assert is_held_back(rig)
        rig.control.away = rig.control.history.away = False
        await asyncio.sleep(60)
    assert await rig.control.minutes() == list(range(10))
    assert await rig.control.turns() == list(range(1, 11))
    assert rig.spool.frames == []


def is_held_back(rig: Rig) -> bool:
    """Nothing was stored, nothing was lost, and it was not tried in a tight loop."""
    return len(rig.spool.frames) == 20 and 20 <= len(rig.control.sent) <= 100


async def test_a_lost_answer_stores_nothing_twice(rig: Rig):
    """What was stored and not answered for is sent again, to the byte, and recognised."""
    rig.control.loses_answers = 3
    async with rig.running():
        rig.write(0)
        await asyncio.sleep(60)
    assert await rig.control.minutes() == [0]
    assert await rig.control.turns() == [1]
    assert rig.control.sent[0] == rig.control.sent[1]


async def test_a_backlog_is_sent_at_a_bounded_rate(rig: Rig):
    """A full spool comes back as a stream of bounded batches, not as a flood."""
    for number in range(30):
        rig.spool.append(Stream.BLOCKS, [pack_page([(SERIES, block(NOW + number))]) + bytes(0)] * 100)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with rig.running():
        while rig.spool.frames:  # noqa: ASYNC110 - the fake sets no event
            await asyncio.sleep(0.01)
        seconds = loop.time() - began
    size = sum(map(len, rig.control.sent))

    assert max(map(len, rig.control.sent)) <= UPLOAD_BYTES_MAX
    assert seconds >= 0.8 * size / UPLOAD_BYTES_PER_SECOND


async def test_a_record_that_is_refused_does_not_stop_the_others(rig: Rig):
    """One that no control plane can read is given up alone; what stood around it is stored."""
    for minute in range(4):
        rig.write(minute)
        if minute == 1:
            rig.spool.append(Stream.BLOCKS, [b"no page"])
    async with rig.running():
        await asyncio.sleep(60)
        rig.write(4)
        await asyncio.sleep(5)
    assert await rig.control.minutes() == [0, 1, 2, 3, 4]
    assert await rig.control.turns() == [1, 2, 3, 4, 5]
    assert rig.spool.frames == []


async def test_a_disk_that_gives_nothing_back_is_asked_again(rig: Rig):
    """While the disk does not answer nothing is sent; afterwards everything is."""
    rig.write(0)
    rig.spool.full = True
    async with rig.running():
        await asyncio.sleep(60)
        assert rig.control.sent == []
        rig.spool.full = False
        await asyncio.sleep(60)
    assert await rig.control.minutes() == [0]


async def test_a_stop_waits_for_the_disk():
    """A call that blocks is brought to its end although who asked for it was cancelled."""
    done: list[int] = []
    calling = asyncio.create_task(beside_the_loop(lambda: done.append(1)))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert done == [1]


async def test_what_fails_after_a_stop_is_nobodys(caplog: pytest.LogCaptureFixture):
    """A call that fails when nobody waits for it any more fails in silence; the stop goes on."""

    def fail() -> None:
        raise SpoolUnavailable("no space left on device")

    calling = asyncio.create_task(beside_the_loop(fail))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    del calling
    gc.collect()
    assert caplog.records == []


async def test_batches_are_read_as_they_were_written(rig: Rig):
    """What is sent is what lies on disk: the origin, then the records."""
    rig.write(0)
    batch = rig.spool.batch(UPLOAD_BYTES_MAX)
    assert batch is not None
    assert read_upload(batch.body).origin == rig.spool.origin
