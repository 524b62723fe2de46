"""Timelines of instances and cells, told from what is stored in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.application.history_reading import (
    Timelines,
)
from controlplane.application.ports.history import DueSpan
from controlplane.contract.times import rfc3339
from controlplane.domain.history_block import Block, block_of_summary
from controlplane.domain.history_records import Origin
from controlplane.domain.history_samples import Samples
from controlplane.domain.history_summary import Summary, added, summarised
from controlplane.domain.history_time import DAY_MINUTES, HOUR_MINUTES, Resolution, floor_to, moment_of
from tests.fakes.clock import EPOCH
from tests.fakes.history import FakeHistory
from tests.probe_histories import (
    CELL,
    INSTANCE,
    NOW,
    OK,
    OURS,
    SERIES,
    TIMEOUT,
    block,
    series,
    span,
    told,
    turn,
    upload,
)

RAW, MINUTE, HOUR, DAY = Resolution.RAW, Resolution.MINUTE, Resolution.HOUR, Resolution.DAY
TODAY, THIS_HOUR = floor_to(NOW, DAY), floor_to(NOW, HOUR)


@pytest.fixture
def history() -> FakeHistory:
    return FakeHistory()


@pytest.fixture
def timelines(history: FakeHistory) -> Timelines:
    return Timelines(history)


async def roll(history: FakeHistory, resolution: Resolution, start: int, *blocks: Block) -> None:
    """Say that a span was summed up as these blocks say, whatever else there is."""
    touched = 1_000
    history._marks[resolution, start] = (touched, 0)
    summary = added(one.summary() for one in blocks)
    await history.roll(DueSpan(resolution, start, touched), {1: block_of_summary(start, summary)})


async def test_an_instance_is_told_by_minute(history: FakeHistory, timelines: Timelines):
    """Each minute with probes is a point: counts by verdict, availability, latency of successes, reasons."""
    await history.store(
        upload([(SERIES, block(NOW, codes=[OK, OK, OK, TIMEOUT, OURS])), (SERIES, block(NOW + 2))])
    )
    line = await told(timelines, INSTANCE, span())
    first, second = line.points

    assert (line.first, line.last, line.resolution) == (
        rfc3339(EPOCH),
        rfc3339(EPOCH + timedelta(hours=1)),
        "minute",
    )
    assert (first.at, second.at) == (rfc3339(EPOCH), rfc3339(EPOCH + timedelta(minutes=2)))
    assert (first.probes, first.successes, first.failures, first.faults) == (5, 3, 1, 1)
    assert first.availability == 0.75
    assert first.reasons == {"ok": 3, "timeout": 1, "our_lateness": 1}
    assert first.latency_ms is not None
    assert (first.latency_ms.min, first.latency_ms.p50, first.latency_ms.max) == (3.2, 3.25, 3.4)
    assert line.total.probes == 8
    assert line.samples == ()
    assert (line.next_from, line.turns_cursor, line.damaged) == (None, None, 0)


async def test_what_failed_once_was_not_always_available(history: FakeHistory, timelines: Timelines):
    """One failure among millions is no availability of 1: shares are rounded down."""
    many = Summary(10, 10, {OK: 9_999_999, TIMEOUT: 1}, {10: 9_999_999})
    await history.store(upload([(SERIES, block_of_summary(NOW, many))]))

    assert (await told(timelines, INSTANCE, span())).total.availability == 0.999999


async def test_where_nothing_succeeds_there_is_no_latency(history: FakeHistory, timelines: Timelines):
    """A minute of failures has availability 0 and no latency; one of our faults has neither."""
    await history.store(
        upload([(SERIES, block(NOW, codes=[TIMEOUT])), (SERIES, block(NOW + 1, codes=[OURS]))])
    )
    line = await told(timelines, INSTANCE, span())

    assert [(point.availability, point.latency_ms) for point in line.points] == [(0.0, None), (None, None)]


async def test_every_vantage_and_check_is_counted_unless_one_is_asked_for(
    history: FakeHistory, timelines: Timelines
):
    """A point is the sum of all that probed; vantage and check narrow it down."""
    for vantage in ("us-1", "eu-1"):
        entries = [(series(check=check), block()) for check in ("api", "tcp")]
        await history.store(upload(entries, origin=Origin(vantage, "prober-1", "boot1")))

    async def probes(**more: str) -> int:
        return (await told(timelines, replace(INSTANCE, **more), span())).total.probes

    assert [await probes(), await probes(vantage="eu-1"), await probes(check="tcp", vantage="us-1")] == [
        12,
        6,
        3,
    ]
    found = await timelines.instance(INSTANCE, span())
    assert found is not None
    assert (found.services, found.regions, found.checks, found.vantages) == (
        ["checkout"],
        ["us-east"],
        ["api", "tcp"],
        ["eu-1", "us-1"],
    )


async def test_health_is_told_from_its_beginning(history: FakeHistory, timelines: Timelines):
    """What was known when the span began, by vantage, and every change since."""
    turns = [
        turn("unknown", "up", seconds=-90),
        turn("up", "down", seconds=30),
        turn("down", "up", seconds=60),
    ]
    await history.store(upload([(SERIES, block())], turns=turns))
    found = await timelines.instance(INSTANCE, span())
    assert found is not None

    assert found.health == {"us-1": "up"}
    assert [(one.before, one.after, one.at) for one in found.timeline.turns] == [
        ("up", "down", rfc3339(EPOCH + timedelta(seconds=30))),
        ("down", "up", rfc3339(EPOCH + timedelta(seconds=60))),
    ]
    elsewhere = await timelines.instance(replace(INSTANCE, vantage="us-1"), span())
    assert elsewhere is not None
    assert elsewhere.health == {"us-1": "up"}


async def test_health_and_its_changes_begin_together(history: FakeHistory, timelines: Timelines):
    """A span that begins within an hour is told from that hour on, and health as it was at its beginning."""
    turns = [turn("unknown", "up", seconds=-3600), turn("up", "down", seconds=60)]
    await history.store(upload([(SERIES, block())], turns=turns))
    found = await timelines.instance(INSTANCE, span(NOW + 10, NOW + 60, HOUR))
    assert found is not None

    assert found.timeline.first == rfc3339(moment_of(THIS_HOUR))
    assert found.health == {"us-1": "up"}
    assert [(one.before, one.after) for one in found.timeline.turns] == [("up", "down")]


async def test_hours_come_from_sums_where_these_are_complete(history: FakeHistory, timelines: Timelines):
    """Old hours are told from their sums; the hour under way, and one filled up late, from their minutes."""
    old, late, now = (THIS_HOUR - hours * HOUR_MINUTES for hours in (2, 1, 0))
    await history.store(upload([(SERIES, block(minute)) for minute in (old, late, late + 1, now)], first=1))
    await roll(history, HOUR, old, block(codes=[TIMEOUT] * 7))
    await roll(history, HOUR, late, block(codes=[TIMEOUT] * 7))
    await history.store(upload([(SERIES, block(late + 2))], first=2))
    line = await told(timelines, INSTANCE, span(old, now + 1, HOUR))

    assert [(point.at, point.probes) for point in line.points] == [
        (rfc3339(moment_of(old)), 7),
        (rfc3339(moment_of(late)), 9),
        (rfc3339(moment_of(now)), 3),
    ]


async def test_days_come_from_sums_where_these_are_complete(history: FakeHistory, timelines: Timelines):
    """A day that is over is told from its sum; today, from its hours, and these from their minutes."""
    yesterday = TODAY - DAY_MINUTES
    await history.store(
        upload([(SERIES, block(minute)) for minute in (yesterday, TODAY, TODAY + 60, TODAY + 61)])
    )
    for hour in (yesterday, TODAY):
        await roll(history, HOUR, hour, block(codes=[OK] * 10))
    await roll(history, DAY, yesterday, block(codes=[OK] * 11))
    line = await told(timelines, INSTANCE, span(yesterday, NOW, DAY))

    assert [(point.at, point.probes) for point in line.points] == [
        (rfc3339(moment_of(yesterday)), 11),
        (rfc3339(moment_of(TODAY)), 16),
    ]
    assert line.last == rfc3339(moment_of(TODAY + DAY_MINUTES))


async def test_a_cell_is_the_sum_of_its_instances(history: FakeHistory, timelines: Timelines):
    """Instances of the same service elsewhere are not counted; changes of health are of the cell."""
    entries = [(series("a"), block()), (series("b"), block()), (series("c", region="eu-west"), block())]
    turns = [turn(instance="a"), turn(instance="c", region="eu-west")]
    await history.store(upload(entries, turns=turns))
    found = await timelines.cell(CELL, span())
    assert found is not None

    assert (found.service, found.region, found.instances) == ("checkout", "us-east", ["a", "b"])
    assert found.timeline.total.probes == 6
    assert [one.instance for one in found.timeline.turns] == ["a"]


async def test_nothing_is_known_of_strangers(timelines: Timelines):
    """An instance or a cell that was never probed is told as None."""
    assert await timelines.instance(INSTANCE, span()) is None
    assert await timelines.cell(CELL, span()) is None


async def test_a_damaged_block_is_counted_as_damaged(history: FakeHistory, timelines: Timelines):
    """What cannot be read is left out, and the answer says that there is something missing."""
    damaged = replace(block(NOW + 1), data=b"\x80")
    await history.store(upload([(SERIES, block()), (SERIES, damaged)]))
    for resolution in (RAW, MINUTE):
        line = await told(timelines, INSTANCE, span(resolution=resolution))
        assert (line.total.probes, line.damaged) == (3, 1)
    assert len((await told(timelines, INSTANCE, span(resolution=RAW))).samples) == 3


def test_the_sum_of_a_point_is_that_of_its_samples():
    """What is told of a point is what its samples come to."""
    found = Samples([0, 1], [10, 20], bytes([OK, OK]))
    assert summarised(found).latency_ms(0.5) == 1.0
