"""What a prober records, on fakes in virtual time: outcomes by their minute, changes of health once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from controlplane.application.history_ingest import read_upload
from controlplane.application.history_minutes import ENDED_MINUTES_MAX
from controlplane.application.history_recording import EVIDENCE_TOO_OLD, REDEFINED
from controlplane.application.history_turns import NOT_PROBED
from controlplane.application.history_writing import BLOCKS_PER_STEP, LOOK_SECONDS, HistoryWriter
from controlplane.application.ports.history import Upload
from controlplane.application.probing import Prober
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.domain.fleet import CheckType, Fleet
from controlplane.domain.history_block import Entry
from controlplane.domain.history_frame import Stream
from controlplane.domain.outcome import Phases
from tests.application.probers import API, definitions
from tests.fakes.clock import FakeClock
from tests.fakes.probes import BROKEN, HANGING, NO_DESCRIPTORS, SLOW, UP, FakeProbe, FakeTicker
from tests.fakes.spool import FakeSpool
from tests.probe_histories import NOW

pytestmark = pytest.mark.looptime

PLENTY = 1024 * 1024
MINUTE = 60.0


class Rig:
    """A prober that records, on a disk in memory."""

    def __init__(self, *, places: int = 1_000) -> None:
        self.clock = FakeClock()
        self.probe = FakeProbe()
        self.spool = FakeSpool()
        self.heard = 0
        self.writer = HistoryWriter(spool=self.spool, clock=self.clock, on_written=self._hear)
        self.prober = Prober(
            probes=dict.fromkeys(CheckType, self.probe),
            clock=self.clock,
            region_probes_in_flight_max=places,
            recorder=self.writer,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Probe and write for a while."""
        async with FakeTicker()(TICK_SECONDS, self.prober.tick), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.writer.run())
            yield
            task.cancel()

    def upload(self) -> Upload:
        """Everything on disk, as the control plane reads it."""
        batches = []
        while batch := self.spool.batch(PLENTY):
            batches.append(read_upload(batch.body))
            self.spool.forget(batch)
        turns = [one for batch in batches for one in batch.turns]
        return Upload(self.spool.origin, turns, [one for batch in batches for one in batch.pages])

    def _hear(self) -> None:
        self.heard += 1


def entries(upload: Upload) -> list[Entry]:
    return [entry for _, page in upload.pages for entry in page]


def told(upload: Upload) -> list[tuple[str, str, str, str]]:
    """Instance, before, after and reason of every change of health."""
    return [(turn.instance, turn.before, turn.after, turn.reason) for _, turn in upload.turns]


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_every_outcome_is_in_a_block_of_its_minute(rig: Rig):
    """In three minutes each instance has three blocks, and together they hold every probe that was made."""
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(3 * MINUTE + 3 * LOOK_SECONDS)
    found = entries(rig.upload())

    assert Counter(series.instance for series, _ in found) == dict.fromkeys(rig.probe.started, 3)
    assert {block.minute - NOW for _, block in found} == {0, 1, 2}
    assert {series.check for series, _ in found} == {"api"}
    assert 4 * 179 <= sum(block.probes for _, block in found) <= 4 * 181
    assert rig.heard >= 3


async def test_a_sample_says_when_how_long_and_why(rig: Rig):
    """Starts are a beat apart, latencies are to 0.1 ms, and each verdict counts on its own side."""
    rig.probe.outcomes |= {
        "us-east-0": replace(UP, phases=Phases(total=12.34)),
        "us-east-1": HANGING,
        "eu-west-0": NO_DESCRIPTORS,
        "eu-west-1": SLOW,
    }
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(MINUTE + 3 * LOOK_SECONDS)
    found = {series.instance: block for series, block in entries(rig.upload())}
    samples = found["us-east-0"].samples()

    assert samples is not None
    assert set(samples.latencies) == {123}
    gaps = {after - before for before, after in zip(samples.offsets_ms, samples.offsets_ms[1:], strict=False)}
    assert gaps <= set(range(985, 1016))
    counts = {name: (block.failures > 0, block.faults > 0, block.fastest) for name, block in found.items()}
    assert counts == {
        "us-east-0": (False, False, 123),
        "us-east-1": (True, False, None),
        "eu-west-0": (False, True, None),
        "eu-west-1": (False, False, 0),
    }


async def test_what_was_not_even_started_is_a_fault_of_ours():
    """A region without a place left has blocks that say so, instead of a hole."""
    rig = Rig(places=1)
    rig.probe.outcomes["us-east"] = HANGING
    rig.prober.adopt(definitions(east=10, west=0))
    async with rig.running():
        await asyncio.sleep(MINUTE + 3 * LOOK_SECONDS)
    found = entries(rig.upload())

    assert sum(block.probes for _, block in found) == pytest.approx(10 * 60, rel=0.05)
    assert sum(block.faults for _, block in found) > 300


async def test_every_change_of_health_is_written_at_once(rig: Rig):
    """Up and down and up again are on disk within a moment, with the check and the reason of each."""
    rig.prober.adopt(definitions(east=1, west=0))
    async with rig.running():
        await asyncio.sleep(5)
        rig.probe.outcomes["us-east-0"] = BROKEN
        await asyncio.sleep(5)
        rig.probe.outcomes.clear()
        await asyncio.sleep(5)
        upload = rig.upload()

    assert told(upload) == [
        ("us-east-0", "unknown", "up", "ok"),
        ("us-east-0", "up", "down", "status"),
        ("us-east-0", "down", "up", "ok"),
    ]
    assert [sequence for sequence, _ in upload.turns] == [1, 2, 3]
    assert {turn.check for _, turn in upload.turns} == {"api"}
    at = [turn.at_ms for _, turn in upload.turns]
    assert at == sorted(at)


async def test_a_lost_region_is_many_changes(rig: Rig):
    """A thousand instances that fall at once are a thousand records, none missing and none twice."""
    rig.prober.adopt(definitions(east=1_000, west=0))
    async with rig.running():
        await asyncio.sleep(5)
        rig.probe.outcomes["us-east"] = BROKEN
        await asyncio.sleep(6)
    falls = [name for name, _, after, _ in told(rig.upload()) if after == "down"]

    assert len(falls) == len(set(falls)) == 1_000


async def test_health_that_is_not_known_any_more(rig: Rig):
    """Evidence that grew old, another question and the end of an instance are changes of health, too."""
    rig.prober.adopt(definitions(east=2, west=0))
    async with rig.running():
        await asyncio.sleep(4)
        rig.probe.outcomes["us-east-0"] = NO_DESCRIPTORS
        await asyncio.sleep(10)
        rig.prober.age()
        rig.prober.age()
        rig.prober.adopt(definitions(2, east=2, west=0, checks=(replace(API, path="/other"),)))
        rig.probe.outcomes.clear()
        await asyncio.sleep(4)
        rig.prober.adopt(definitions(3, east=1, west=0, checks=(replace(API, path="/other"),)))
        await asyncio.sleep(1)
        upload = rig.upload()

    by_instance = {
        name: [
            (before, after, reason) for instance, before, after, reason in told(upload) if instance == name
        ]
        for name in ("us-east-0", "us-east-1")
    }
    assert by_instance == {
        "us-east-0": [("unknown", "up", "ok"), ("up", "unknown", EVIDENCE_TOO_OLD), ("unknown", "up", "ok")],
        "us-east-1": [
            ("unknown", "up", "ok"),
            ("up", "unknown", REDEFINED),
            ("unknown", "up", "ok"),
            ("up", "unknown", NOT_PROBED),
        ],
    }


async def test_a_late_outcome_of_a_former_definition_is_nobodys(rig: Rig):
    """What was asked before the definitions changed is a probe, but says nothing of an instance's health."""
    rig.probe.outcomes["us-east-0"] = HANGING
    rig.prober.adopt(definitions(east=1, west=0, checks=(replace(API, fall=1),)))
    async with rig.running():
        while not rig.probe.in_flight:  # noqa: ASYNC110 - the fake sets no event
            await asyncio.sleep(TICK_SECONDS)
        rig.prober.adopt(definitions(2, east=0, west=0))
        await asyncio.sleep(2)
        assert told(rig.upload()) == []


async def test_a_clean_stop_writes_the_minute_under_way(rig: Rig):
    """Closing brings to disk what was heard up to now, and syncs it."""
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(10)
    await rig.writer.close()

    assert rig.spool.synced == len(rig.spool.frames)
    assert sum(block.probes for _, block in entries(rig.upload())) == pytest.approx(40, abs=4)
    await rig.writer.close()
    assert entries(rig.upload()) == []


async def test_what_the_disk_refuses_is_kept_and_written_later(rig: Rig):
    """While the disk is full nothing is lost for some minutes; afterwards each record stands there once."""
    rig.prober.adopt(definitions(east=1, west=0))
    async with rig.running():
        rig.spool.full = True
        await asyncio.sleep(2 * MINUTE + 10)
        rig.probe.outcomes["us-east-0"] = BROKEN
        await asyncio.sleep(10)
        rig.spool.full = False
        await asyncio.sleep(10)
        upload = rig.upload()

    assert [after for _, _, after, _ in told(upload)] == ["up", "down"]
    assert sorted(block.minute - NOW for _, block in entries(upload)) == [0, 1]
    assert rig.writer.minutes.lost == 0


async def test_a_disk_that_stays_full_costs_the_oldest_samples(rig: Rig):
    """Memory is bounded: after some minutes the oldest are dropped and counted; changes of health are not."""
    rig.prober.adopt(definitions(east=1, west=0))
    rig.spool.full = True
    async with rig.running():
        await asyncio.sleep((ENDED_MINUTES_MAX + 4) * MINUTE)
        assert rig.writer.minutes.lost > 0
        rig.spool.full = False
        await asyncio.sleep(2 * LOOK_SECONDS)
        upload = rig.upload()

    assert len(told(upload)) == 1
    assert len(entries(upload)) <= ENDED_MINUTES_MAX + 1


async def test_large_fleets_are_packed_in_steps(rig: Rig):
    """The blocks of a minute are several pages, so that the loop never stands still for all of them."""
    rig.prober.adopt(definitions(east=3 * BLOCKS_PER_STEP, west=0))
    async with rig.running():
        await asyncio.sleep(MINUTE + 5 * LOOK_SECONDS)

    pages = [frame for frame in rig.spool.frames if frame.stream is Stream.BLOCKS]
    assert len(pages) == 3


async def test_nothing_is_told_of_nothing(rig: Rig):
    """An empty fleet has no history."""
    rig.prober.adopt(replace(definitions(), fleet=Fleet()))
    async with rig.running():
        await asyncio.sleep(2 * MINUTE)

    assert rig.spool.frames == []
    assert isinstance(rig.writer.turns.unwritten(), tuple)


async def test_a_stop_in_the_middle_of_a_write_writes_nothing_twice(rig: Rig):
    """Cancelled while the disk is at work, the write is brought to its end, and closing goes on behind it."""
    rig.prober.adopt(definitions(east=50, west=0))
    for attempt in range(20):
        async with rig.running():
            await asyncio.sleep(1.0 + attempt * 0.0007)
    await rig.writer.close()
    seen = [instance for instance, _, _, _ in told(rig.upload())]

    assert len(seen) == len(set(seen)) == 50
