"""Promises of expiries: every reader ends a degradation by its own clock, once and for all."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.client import Change, Client
from controlplane.contract.applied import AppliedState
from controlplane.contract.switches import Override, Switch, SwitchState
from tests.client.documents import (
    RECOMMENDATIONS,
    SEARCH_DEPTH,
    SWITCHES_KEY,
    degraded,
    said_of,
    switches,
    until,
)
from tests.fakes.clock import EPOCH, FakeClock
from tests.fakes.consul_http import FakeConsulHttp, refuse

pytestmark = pytest.mark.looptime

IN_A_MINUTE = EPOCH + timedelta(seconds=60)
OFF = degraded(RECOMMENDATIONS, value=False, until=IN_A_MINUTE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def consul() -> FakeConsulHttp:
    consul = FakeConsulHttp()
    await consul.put(SWITCHES_KEY, switches(1, recommendations=OFF).to_bytes())
    return consul


def reader(consul: FakeConsulHttp, clock: FakeClock, region: str | None = None) -> Client:
    return Client(service="checkout", region=region, transport=lambda: consul.transport, clock=clock)


def recommended(client: Client) -> bool:
    return client.enabled("recommendations", default=True)


async def test_an_expiry_needs_nobody(consul, clock):
    """With Consul away the switch is normal again at the second, and its revision stays."""
    async with reader(consul, clock) as client:
        await until(lambda: not recommended(client))
        consul.fault = refuse
        await asyncio.sleep(59)
        assert not recommended(client)
        await asyncio.sleep(1)
        assert recommended(client)
        assert client.revision("switches.checkout") == 1


async def test_an_expiry_is_told_to_listeners(consul, clock):
    """What expires is a change although nothing is published: told once, with the switches and the moment."""
    heard: list[tuple[float, Change]] = []
    depth = degraded(SEARCH_DEPTH, 1, until=EPOCH + timedelta(seconds=90))
    async with reader(consul, clock) as client:
        client.on_change(lambda change: heard.append((round(asyncio.get_running_loop().time()), change)))
        await consul.put(SWITCHES_KEY, switches(2, recommendations=OFF, search_depth=depth).to_bytes())
        await asyncio.sleep(200)
    assert [(at, change.revision, change.switches) for at, change in heard[-2:]] == [
        (60, 2, ("recommendations",)),
        (90, 2, ("search-depth",)),
    ]
    assert heard[-3][0] <= 1


async def test_a_clock_that_steps_back_revives_nothing(consul, clock):
    """Once seen expired, a switch stays expired; the next revision is judged by the clock as it is."""
    async with reader(consul, clock) as client:
        await until(lambda: not recommended(client))
        await asyncio.sleep(60)
        assert recommended(client)
        clock.skew = timedelta(hours=-1)
        await asyncio.sleep(60)
        assert recommended(client)
        await consul.put(SWITCHES_KEY, switches(2, recommendations=OFF).to_bytes())
        await until(lambda: not recommended(client))


async def test_a_look_up_latches_as_well(consul, clock):
    """An expiry that only a look-up has seen, while the clock was ahead, has passed all the same."""
    async with reader(consul, clock) as client:
        await until(lambda: not recommended(client))
        clock.skew = timedelta(hours=1)
        assert recommended(client)
        clock.skew = timedelta()
        assert recommended(client)


async def test_a_clock_that_is_set_ahead_is_noticed(consul, clock):
    """A listener hears of the expiry within ten seconds after the wall clock was set past it."""
    heard: list[Change] = []
    async with reader(consul, clock) as client:
        await until(lambda: not recommended(client))
        client.on_change(heard.append)
        clock.skew = timedelta(hours=1)
        await asyncio.sleep(10)
    assert [change.switches for change in heard] == [("recommendations",)]


async def test_an_expired_override_gives_way_to_the_base_entry(consul, clock):
    """In its region an override holds until it expires; what holds then is the base entry, as elsewhere."""
    normal_here = Override(SwitchState.FORCED_NORMAL, value=True, expires_at=IN_A_MINUTE)
    entry: Switch = replace(degraded(RECOMMENDATIONS, value=False), regions={"eu-west": normal_here})
    await consul.put(SWITCHES_KEY, switches(2, recommendations=entry).to_bytes())
    async with reader(consul, clock, "eu-west") as here, reader(consul, clock, "us-east") as there:
        await until(lambda: not recommended(there))
        assert recommended(here)
        await asyncio.sleep(60)
        assert (recommended(here), recommended(there)) == (False, False)


async def test_a_document_that_is_read_late_is_expired_from_the_start(consul, clock):
    """Who reads a document only after its expiry never sees the degraded value, and hears of it once."""
    heard: list[Change] = []
    await asyncio.sleep(61)
    client = reader(consul, clock)
    client.on_change(heard.append)
    async with client:
        await until(lambda: said_of(client.applied_header(), "switches.checkout").state is AppliedState.OK)
        assert recommended(client)
        await asyncio.sleep(60)
    assert [change.revision for change in heard] == [1]
