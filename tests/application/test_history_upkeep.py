"""What the leader does to history, on a PostgreSQL in memory and in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from controlplane.application.history_upkeep import (
    AHEAD_DAYS,
    SETTLE_MINUTES,
    UPKEEP_SECONDS,
    HistoryHousekeeping,
)
from controlplane.application.ports.history import Whose
from controlplane.application.retention import Retention
from controlplane.domain.history_summary import Summary, added
from controlplane.domain.history_time import DAY_MINUTES, HOUR_MINUTES, Resolution, floor_to
from controlplane.domain.history_varint import folded, packed
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.fakes.probes import FakeTicker
from tests.probe_histories import NOW, OK, SERIES, block, series, upload

pytestmark = pytest.mark.looptime

TODAY = floor_to(NOW, Resolution.DAY)
THIS_HOUR = floor_to(NOW, Resolution.HOUR)
HOUR = 3600.0


@dataclass
class Rig:
    history: FakeHistory = field(default_factory=FakeHistory)
    leads: bool = True
    retention: Retention = field(default_factory=Retention)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        keeping = HistoryHousekeeping(
            self.history, FakeClock(), FakeTicker(), lambda: self.leads, self.retention
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(keeping.run())
            yield
            task.cancel()

    async def sums(self, resolution: Resolution) -> dict[int, Summary]:
        """First minute → sum, of the first series."""
        found = await self.history.blocks(resolution, [1], 0, 2 * NOW, limit=1_000)
        return {one.minute: one.summary() for _, one in found}


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_there_is_room_for_the_days_to_come(rig: Rig):
    """Partitions are made before their first block arrives, from the first look on."""
    async with rig.running():
        await asyncio.sleep(1)
        assert rig.history.days == {TODAY + day * DAY_MINUTES for day in range(AHEAD_DAYS + 1)}
        await asyncio.sleep(24 * HOUR)
        assert TODAY + (AHEAD_DAYS + 1) * DAY_MINUTES in rig.history.days


async def test_an_hour_is_summed_up_when_it_is_over(rig: Rig):
    """A few minutes after its end there is its sum, by series, and nothing before; so it is with the day."""
    entries = [(one, block(THIS_HOUR + minute)) for minute in (0, 30, 59) for one in (SERIES, series("b"))]
    await rig.history.store(upload(entries))
    async with rig.running():
        await asyncio.sleep((HOUR_MINUTES - NOW + THIS_HOUR) * 60)
        assert await rig.sums(Resolution.HOUR) == {}
        await asyncio.sleep((SETTLE_MINUTES + 2) * 60)
        assert await rig.sums(Resolution.HOUR) == {THIS_HOUR: added([block().summary()] * 3)}
        assert len(await rig.history.parts(Resolution.HOUR, THIS_HOUR)) == 2
        assert await rig.sums(Resolution.DAY) == {}
        await asyncio.sleep(15 * HOUR)
        assert await rig.sums(Resolution.DAY) == {TODAY: added([block().summary()] * 3)}


async def test_what_arrives_late_is_summed_up_anew(rig: Rig):
    """Hours and days that are filled up after an outage hold everything in the end."""
    yesterday = TODAY - DAY_MINUTES
    await rig.history.store(upload([(SERIES, block(yesterday))], first=1))
    async with rig.running():
        await asyncio.sleep(5 * UPKEEP_SECONDS)
        await rig.history.store(
            upload([(SERIES, block(yesterday + 1)), (SERIES, block(yesterday + 90))], first=2)
        )
        await asyncio.sleep(5 * UPKEEP_SECONDS)

    hours = await rig.sums(Resolution.HOUR)
    assert hours == {
        yesterday: added([block().summary()] * 2),
        yesterday + HOUR_MINUTES: block().summary(),
    }
    assert await rig.sums(Resolution.DAY) == {yesterday: added([block().summary()] * 3)}


@pytest.mark.parametrize(
    "data", [b"\x80", packed([3, 0, 0, 0, 0, 0, folded(-5), OK, 3]), packed([0, 1, OK, 2**62, 1, 7, 2**62])]
)
async def test_a_damaged_block_does_not_stop_the_sums(rig: Rig, data: bytes):
    """What cannot be read, or cannot be, is passed over; the rest of its hour is summed up."""
    hour = THIS_HOUR - 2 * HOUR_MINUTES
    damaged = replace(block(hour + 1), data=data)
    await rig.history.store(upload([(SERIES, block(hour)), (SERIES, damaged)]))
    async with rig.running():
        await asyncio.sleep(2 * UPKEEP_SECONDS)
    assert await rig.sums(Resolution.HOUR) == {hour: block().summary()}


async def test_what_is_too_old_goes(rig: Rig):
    """Samples go by whole days, sums later; of samples that are gone no sum is made any more."""
    rig.retention = Retention(raw_days=2, hourly_days=3, daily_days=4)
    days = [TODAY - day * DAY_MINUTES for day in range(6)]
    await rig.history.store(upload([(SERIES, block(day)) for day in days]))
    async with rig.running():
        await asyncio.sleep(3 * UPKEEP_SECONDS)
        left = await rig.history.blocks(Resolution.RAW, [1], 0, 2 * NOW, limit=100)
        assert sorted(one.minute for _, one in left) == sorted(days[:3])
        assert set(await rig.sums(Resolution.HOUR)) == set(days[:3])
        await asyncio.sleep(24 * HOUR + 3600)
        left = await rig.history.blocks(Resolution.RAW, [1], 0, 2 * NOW, limit=100)
        assert sorted(one.minute for _, one in left) == sorted(days[:2])
        await asyncio.sleep(4 * 24 * HOUR)
        assert await rig.history.series(Whose()) == []


async def test_sums_outlast_what_they_are_made_of(rig: Rig):
    """However short sums are to be kept, what arrives late is added to the whole of its hour and day."""
    rig.retention = Retention(raw_days=5, hourly_days=1, daily_days=1)
    day = TODAY - 3 * DAY_MINUTES
    await rig.history.store(upload([(SERIES, block(day))], first=1))
    async with rig.running():
        await asyncio.sleep(2 * HOUR)
        await rig.history.store(upload([(SERIES, block(day + HOUR_MINUTES))], first=2))
        await asyncio.sleep(5 * UPKEEP_SECONDS)
    assert await rig.sums(Resolution.DAY) == {day: added([block().summary()] * 2)}


async def test_however_much_is_too_old_it_goes(rig: Rig):
    """Rows go in bounded steps, one a minute while there are any: more than a large fleet brings in."""
    rig.retention = Retention(raw_days=1, hourly_days=2, daily_days=3)
    instances = [series(f"i-{number}") for number in range(20)]
    await rig.history.store(upload([(one, block(TODAY - DAY_MINUTES)) for one in instances]))
    rig.history.expired_rows_max = 3
    async with rig.running():
        await asyncio.sleep((TODAY + 3 * DAY_MINUTES - NOW) * 60)
        assert len(await rig.history.series(Whose())) == len(instances)
        await asyncio.sleep(1.5 * HOUR)
        assert await rig.history.series(Whose()) == []
        assert await rig.history.parts(Resolution.DAY, TODAY - DAY_MINUTES) == []


async def test_only_the_leader_works(rig: Rig):
    """A replica that does not lead touches nothing, and begins when it does."""
    rig.leads = False
    async with rig.running():
        await asyncio.sleep(10 * UPKEEP_SECONDS)
        assert rig.history.days == set()
        rig.leads = True
        await asyncio.sleep(2 * UPKEEP_SECONDS)
        assert rig.history.days


async def test_while_postgresql_is_away_nothing_ends(rig: Rig):
    """What could not be done is done when PostgreSQL is back."""
    rig.history.away = True
    async with rig.running():
        await asyncio.sleep(10 * UPKEEP_SECONDS)
        rig.history.away = False
        await asyncio.sleep(2 * UPKEEP_SECONDS)
        assert rig.history.days
