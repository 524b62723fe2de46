"""How much of history one answer holds, and where it goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.application.history_reading import (
    BLOCKS_PER_PAGE_MAX,
    BLOCKS_READ_MAX,
    POINTS_MAX,
    SAMPLES_PER_PAGE,
    TURNS_MAX,
    HistoryRangeError,
    Span,
    Timelines,
    place_of,
)
from controlplane.contract.times import rfc3339
from controlplane.domain.history_block import block_of_samples, block_of_summary
from controlplane.domain.history_records import Origin
from controlplane.domain.history_samples import Samples
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


async def test_samples_are_told_one_by_one(history: FakeHistory, timelines: Timelines):
    """With resolution raw every probe is there, by time, whatever the vantage; thinned blocks have none."""
    await history.store(upload([(SERIES, block(NOW, codes=[OK, TIMEOUT]))]))
    thinned = block_of_summary(NOW, block().summary())
    origin = Origin("eu-1", "prober-1", "boot1")
    await history.store(upload([(SERIES, block(NOW, codes=[OURS])), (SERIES, thinned)], origin=origin))
    line = await told(timelines, INSTANCE, span(resolution=RAW))

    assert [(one.vantage, one.verdict, one.reason, one.latency_ms) for one in line.samples] == [
        ("us-1", "success", "ok", 3.2),
        ("eu-1", "fault_of_ours", "our_lateness", 3.2),
        ("us-1", "failure", "timeout", 3.3),
    ]
    assert line.samples[2].at == rfc3339(EPOCH + timedelta(seconds=5))
    assert line.points == ()
    assert line.total.probes == 6


async def test_samples_come_in_pages_of_whole_minutes(history: FakeHistory, timelines: Timelines):
    """Following `next_from` tells every sample once."""
    busy = Samples([100 * place for place in range(600)], [7] * 600, bytes(600))
    await history.store(upload([(SERIES, block_of_samples(NOW + minute, busy)) for minute in range(20)]))
    seen: list[str] = []
    asked, pages = span(last=NOW + 20, resolution=RAW), 0
    while True:
        line = await told(timelines, INSTANCE, asked)
        seen += [one.at for one in line.samples]
        pages += 1
        assert len(line.samples) < SAMPLES_PER_PAGE + 2 * len(busy)
        if line.next_from is None:
            break
        asked = replace(asked, first=datetime.fromisoformat(line.next_from))

    assert pages == 3
    assert len(seen) == 20 * 600
    assert seen == sorted(seen)


async def test_changes_of_health_come_with_the_samples_of_their_time(
    history: FakeHistory, timelines: Timelines
):
    """Following `next_from` tells every change of health once, beside the samples of its minutes."""
    busy = Samples([100 * place for place in range(600)], [7] * 600, bytes(600))
    turns = [turn(instance=SERIES.instance, seconds=60 * minute) for minute in range(20)]
    await history.store(
        upload([(SERIES, block_of_samples(NOW + minute, busy)) for minute in range(20)], turns=turns)
    )
    seen: list[str] = []
    asked = span(last=NOW + 20, resolution=RAW)
    while True:
        line = await told(timelines, INSTANCE, asked)
        seen += [one.at for one in line.turns]
        if line.next_from is None:
            break
        assert seen[-1] < line.next_from
        asked = replace(asked, first=datetime.fromisoformat(line.next_from))

    assert seen == [rfc3339(moment_of(NOW + minute)) for minute in range(20)]


async def test_a_page_ends_with_the_blocks_that_were_read(history: FakeHistory, timelines: Timelines):
    """However many checks there are, a page reads so many blocks and leaves out no part of a minute."""
    checks = [f"c{number}" for number in range(100)]
    minutes = 1 + BLOCKS_PER_PAGE_MAX // len(checks)
    one = [OK]
    await history.store(
        upload(
            [
                (series(check=check), block(NOW + minute, codes=one))
                for minute in range(minutes)
                for check in checks
            ]
        )
    )
    line = await told(timelines, INSTANCE, span(resolution=RAW))

    assert line.next_from == rfc3339(moment_of(NOW + minutes - 2))
    assert len(line.samples) == (minutes - 2) * len(checks)


async def test_turns_come_in_pages(history: FakeHistory, timelines: Timelines):
    """Following `turns_cursor` tells every change of health once, also when all are of one moment."""
    count = 2 * TURNS_MAX + 7
    turns = [turn(instance=f"i-{number}") for number in range(count)]
    await history.store(upload([(series("i-0"), block())], turns=turns))
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        found = await timelines.cell(CELL, span(), turns_after=place_of(cursor) if cursor else None)
        assert found is not None
        seen += [one.instance for one in found.timeline.turns]
        cursor, pages = found.timeline.turns_cursor, pages + 1

    assert (len(seen), len(set(seen)), pages) == (count, count, 3)


@pytest.mark.parametrize(
    ("first", "last", "resolution", "points"),
    [
        (NOW, NOW + POINTS_MAX, MINUTE, POINTS_MAX),
        (NOW, NOW + POINTS_MAX * HOUR_MINUTES - 30, HOUR, POINTS_MAX),
        (TODAY + 5, TODAY + 6, DAY, 1),
    ],
)
def test_a_span_is_taken_in_whole_points(first: int, last: int, resolution: Resolution, points: int):
    """A span covers every point that it touches."""
    begin, end = span(first, last, resolution).minutes()

    assert begin <= first
    assert end >= last
    assert (end - begin) // resolution.minutes == points


def test_a_span_ends_where_it_is_said():
    """The end does not belong to it, to the microsecond."""
    asked = Span(EPOCH, EPOCH + timedelta(minutes=1), MINUTE)
    assert asked.minutes() == (NOW, NOW + 1)
    assert replace(asked, last=asked.last + timedelta(microseconds=1)).minutes() == (NOW, NOW + 2)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (span(NOW, NOW), "before"),
        (span(NOW + 1, NOW), "before"),
        (span(NOW, NOW + POINTS_MAX + 1), "at most 1500 points"),
        (Span(datetime.fromisoformat("1969-12-31T23:00:00Z"), EPOCH, DAY), "from 1970 to 6000"),
        (Span(EPOCH, datetime.fromisoformat("6000-01-01T00:00:01Z"), DAY), "from 1970 to 6000"),
        (
            Span(datetime.fromisoformat("0001-01-01T00:00:00-23:00"), datetime.min.replace(tzinfo=UTC), DAY),
            "from 1970 to 6000",
        ),
    ],
)
def test_spans_that_are_not_allowed(asked: Span, why: str):
    """An empty, a too long or an impossible span is told with what is allowed."""
    with pytest.raises(HistoryRangeError, match=why):
        asked.minutes()


async def test_more_than_one_answer_may_hold_is_refused(history: FakeHistory, timelines: Timelines):
    """Samples of a cell, and more blocks than can be read at once, are told with what is allowed."""
    with pytest.raises(HistoryRangeError, match="one instance at a time"):
        await timelines.cell(CELL, span(resolution=RAW))
    table = history._blocks[MINUTE]
    await history.store(upload([(SERIES, block())]))
    table += [(1, block(TODAY + number % 1440)) for number in range(BLOCKS_READ_MAX + 1)]
    with pytest.raises(HistoryRangeError, match="20000 blocks"):
        await timelines.instance(INSTANCE, span(TODAY, TODAY + DAY_MINUTES))


async def test_late_hours_together_are_bounded_too(history: FakeHistory, timelines: Timelines):
    """Many hours without sums are refused before they are all read."""
    await history.store(upload([(SERIES, block(TODAY))]))
    table = history._blocks[MINUTE]
    for hour in range(3):
        start = TODAY + hour * HOUR_MINUTES
        history._marks[HOUR, start] = (1, 0)
        table += [(1, block(start + number % 60)) for number in range(BLOCKS_READ_MAX // 2)]
    with pytest.raises(HistoryRangeError, match="20000 blocks"):
        await timelines.instance(INSTANCE, span(TODAY, TODAY + DAY_MINUTES, HOUR))


@pytest.mark.parametrize("text", ["", "1", "1-2-3", "a-b"])
def test_what_is_no_cursor(text: str):
    """A cursor that nobody gave out is told."""
    with pytest.raises(ValueError, match=r".*"):
        place_of(text)
