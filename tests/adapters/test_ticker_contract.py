"""What every `Ticker` keeps: on the fake and on APScheduler, by the machine's own time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
import uvloop

from controlplane.adapters.schedule import ApschedulerTicker
from controlplane.application.ports import Ticker
from tests.fakes.probes import FakeTicker
from tests.fixtures.probers import on_uvloop

TICK_SECONDS = 0.01
HUNG_SECONDS = 30.0

tickers = pytest.mark.parametrize("ticker", [FakeTicker(), ApschedulerTicker()], ids=["fake", "apscheduler"])


class Calls:
    """Counts calls, and tells when there were enough."""

    def __init__(self, *, fail_at: int = 0) -> None:
        self.count = 0
        self._fail_at = fail_at
        self._came = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._came.set()
        if self.count == self._fail_at:
            raise ValueError("planted")

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(HUNG_SECONDS):
            while self.count < count:
                self._came.clear()
                await self._came.wait()


@tickers
@on_uvloop
async def test_it_calls_until_its_context_ends(ticker: Ticker):
    """The function is called again and again on the loop's thread, and never after the context."""
    calls = Calls()
    async with ticker(TICK_SECONDS, calls):
        await calls.reach(10)
    count = calls.count
    await asyncio.sleep(10 * TICK_SECONDS)
    assert calls.count == count
    assert asyncio.all_tasks() == {asyncio.current_task()}


@tickers
@on_uvloop
async def test_a_call_that_fails_is_logged_and_the_next_one_comes(
    ticker: Ticker, caplog: pytest.LogCaptureFixture
):
    """One failing call costs that call only."""
    calls = Calls(fail_at=3)
    async with ticker(TICK_SECONDS, calls):
        await calls.reach(6)
    assert "planted" in caplog.text


@tickers
@on_uvloop
async def test_missed_calls_are_not_made_up_for(ticker: Ticker):
    """After the loop stood still for thirty ticks, one call comes, not thirty."""
    calls = Calls()
    async with ticker(TICK_SECONDS, calls):
        await calls.reach(3)
        before = calls.count
        time.sleep(30 * TICK_SECONDS)  # noqa: ASYNC251 - this is the stall
        await calls.reach(before + 1)
        assert calls.count <= before + 2


@tickers
@on_uvloop
async def test_it_may_be_used_again(ticker: Ticker):
    """One ticker serves one context after the other."""
    for _ in range(2):
        calls = Calls()
        async with ticker(TICK_SECONDS, calls):
            await calls.reach(2)


@pytest.mark.parametrize("attempt", range(5))
@on_uvloop
async def test_the_end_is_silent(attempt: int, caplog: pytest.LogCaptureFixture):
    """Ending at whatever moment, by an error or by cancellation, logs nothing and runs no further tick."""
    calls = Calls()

    async def run() -> None:
        async with ApschedulerTicker()(TICK_SECONDS, calls):
            await asyncio.sleep(HUNG_SECONDS)

    task = asyncio.get_running_loop().create_task(run())
    await calls.reach(2)
    await asyncio.sleep(attempt * TICK_SECONDS / 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    count = calls.count
    await asyncio.sleep(5 * TICK_SECONDS)
    assert calls.count == count
    assert caplog.records == []


@on_uvloop
async def test_a_wall_clock_that_was_set_back_does_not_stop_the_ticks():
    """A tick that APScheduler expects in an hour comes soon: the ticker notices by the monotonic clock."""
    calls = Calls()
    later = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the wall clock is what this is about
    async with ApschedulerTicker(first=later)(TICK_SECONDS, calls):
        await calls.reach(5)


@on_uvloop
async def test_a_wall_clock_that_was_set_forward_brings_one_tick():
    """A tick that was due a hundred years ago comes once, and not once per missed tick."""
    calls = Calls()
    async with ApschedulerTicker(first=datetime(1926, 1, 1, tzinfo=UTC))(1.0, calls):
        await calls.reach(1)
        await asyncio.sleep(0.2)
        assert calls.count == 1
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
