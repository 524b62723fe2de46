"""Outcomes by the minute in which they were heard, on a clock that may be set."""

import asyncio
from datetime import timedelta

import pytest

from controlplane.application.history_minutes import Minutes
from controlplane.application.history_recording import REDEFINED, NoRecorder
from controlplane.application.probing_fleet import WatchedCheck, WatchedFleet
from controlplane.domain.history_time import minute_of
from tests.application.probers import definitions
from tests.fakes.clock import EPOCH, FakeClock
from tests.fakes.probes import UP
from tests.probe_histories import NOW

pytestmark = pytest.mark.looptime

MINUTE = 60.0


def one_check() -> WatchedCheck:
    return next(iter(WatchedFleet(definitions(east=1, west=0).fleet).checks()))


async def test_a_minute_holds_a_bounded_number_of_samples():
    """What is beyond is counted and dropped; the next minute has room again."""
    clock, check = FakeClock(), one_check()
    minutes = Minutes(clock=clock, samples_max=3)
    for _ in range(5):
        minutes.add(check, UP, started=clock.monotonic(), now=clock.monotonic())
    await asyncio.sleep(MINUTE)
    minutes.add(check, UP, started=clock.monotonic(), now=clock.monotonic())
    await asyncio.sleep(MINUTE)

    assert [block.probes for _, block in minutes.take(10)] == [3, 1]
    assert minutes.lost == 2
    assert minutes.take(10) == []


async def test_minutes_follow_the_wall_clock():
    """A clock that is set gives the next minute its new number; samples of one minute keep their order."""
    clock, check = FakeClock(EPOCH + timedelta(seconds=59.8)), one_check()
    minutes = Minutes(clock=clock)
    minutes.add(check, UP, started=clock.monotonic() - 1, now=clock.monotonic())
    await asyncio.sleep(60.3)
    clock.skew = timedelta(hours=1)
    minutes.add(check, UP, started=clock.monotonic(), now=clock.monotonic())
    minutes.end()
    found = minutes.take(10)

    assert [block.minute for _, block in found] == [NOW + 1, minute_of(clock.now())]
    samples = found[0][1].samples()
    assert samples is not None
    assert samples.offsets_ms == [-1_200]


async def test_who_keeps_no_history_forgets():
    """A prober without a recorder tells one that forgets."""
    nobody, check = NoRecorder(), one_check()
    nobody.heard(check, UP, started=0.0, now=0.0)
    nobody.turned(check, UP)
    nobody.surveyed([check.owner], REDEFINED)
