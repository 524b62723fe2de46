"""What every store of probe history keeps, on one in memory and on the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from controlplane.adapters.postgres.history_reader import PostgresHistoryReader
from controlplane.adapters.postgres.history_store import TURNS_PER_STATEMENT_MAX, PostgresProbeHistory
from controlplane.adapters.postgres.history_upkeep import PostgresHistoryUpkeep
from controlplane.adapters.postgres.session import Database
from controlplane.application.history_reading import LATEST
from controlplane.application.ports.history import (
    DueSpan,
    HistoryReader,
    HistoryUpkeep,
    ProbeHistory,
    Stored,
    Whose,
)
from controlplane.domain.history_block import block_of_summary
from controlplane.domain.history_records import Origin, trace_id
from controlplane.domain.history_summary import added
from controlplane.domain.history_time import DAY_MINUTES, HOUR_MINUTES, Resolution, floor_to, minute_of
from tests.adapters.postgres_contract import BOTH, opened
from tests.fakes.clock import EPOCH
from tests.fakes.history import FakeHistory
from tests.probe_histories import NOW, OK, ORIGIN, OURS, SERIES, TIMEOUT, block, series, turn, upload

TODAY = floor_to(NOW, Resolution.DAY)
THIS_HOUR = floor_to(NOW, Resolution.HOUR)
EVERYTHING = Whose()
MANY = 10_000


@dataclass(frozen=True)
class History:
    """The three ports of one store."""

    probes: ProbeHistory
    reader: HistoryReader
    upkeep: HistoryUpkeep


def of_postgres(database: Database) -> History:
    return History(
        PostgresProbeHistory(database), PostgresHistoryReader(database), PostgresHistoryUpkeep(database)
    )


def in_memory() -> History:
    history = FakeHistory()
    return History(history, history, history)


@pytest.fixture(params=BOTH)
async def history(request: pytest.FixtureRequest) -> AsyncIterator[History]:
    async with opened(request, fake=in_memory, real=of_postgres) as history:
        yield history


async def stored_blocks(history: History, resolution: Resolution = Resolution.RAW) -> list[tuple[str, int]]:
    """Instance and minute of every block."""
    known = {row.id: row for row in await history.reader.series(EVERYTHING)}
    found = await history.reader.blocks(resolution, [*known], 0, NOW + MANY, limit=MANY)
    return [(known[number].instance, one.minute) for number, one in found]


async def test_what_is_uploaded_is_read(history: History):
    """A block comes back to the byte, under its series; a change of health with all that was said of it."""
    sent = upload([(SERIES, block())], turns=[turn(seconds=1.5)])
    assert await history.probes.store(sent) == Stored(turns=1, blocks=1)

    (row,) = await history.reader.series(EVERYTHING)
    assert (row.vantage, row.service, row.region, row.instance, row.check) == (
        "us-1",
        "checkout",
        "us-east",
        "checkout-us-1",
        "api",
    )
    assert await history.reader.blocks(Resolution.RAW, [row.id], NOW, NOW + 1, limit=10) == [
        (row.id, block())
    ]
    (told,) = await history.reader.turns(EVERYTHING, EPOCH, EPOCH + timedelta(hours=1), after=None, limit=10)
    assert (told.vantage, told.prober, told.boot, told.sequence) == ("us-1", "prober-1", "boot1", 1)
    assert (told.instance, told.before, told.after, told.reason) == ("checkout-us-1", "up", "down", "timeout")
    assert (told.at, told.check, told.detail) == (
        EPOCH + timedelta(seconds=1.5),
        "api",
        "no answer within 1 s",
    )
    assert told.trace_id == trace_id(ORIGIN, 1)


async def test_a_block_without_a_success_has_no_bounds(history: History):
    """Where nothing succeeded there is no latency, neither in the block nor in its columns."""
    failing = block(codes=[TIMEOUT, OURS])
    await history.probes.store(upload([(SERIES, failing)]))
    (found,) = await history.reader.blocks(Resolution.MINUTE, [1], 0, NOW + 1, limit=1)

    assert found == (1, failing)
    assert (found[1].fastest, found[1].probes, found[1].failures, found[1].faults) == (None, 2, 1, 1)


async def test_what_is_sent_again_is_stored_once(history: History):
    """A batch whose answer was lost is recognised, alone or in front of what is new."""
    first = upload([(SERIES, block())], turns=[turn()])
    await history.probes.store(first)
    assert await history.probes.store(first) == Stored(repeated=2)
    longer = upload([(SERIES, block())], [(SERIES, block(NOW + 1))], turns=[turn(), turn("down", "up")])
    assert await history.probes.store(longer) == Stored(turns=1, blocks=1, repeated=2)

    assert await stored_blocks(history) == [(SERIES.instance, NOW), (SERIES.instance, NOW + 1)]
    turns = await history.reader.turns(EVERYTHING, EPOCH, EPOCH + timedelta(hours=1), after=None, limit=10)
    assert [row.sequence for row in turns] == [1, 2]


async def test_numbers_count_for_one_start_of_one_prober(history: History):
    """Another boot, prober or vantage begins with 1, too."""
    for origin in (ORIGIN, replace(ORIGIN, boot="boot2"), replace(ORIGIN, prober="prober-2")):
        sent = upload([(SERIES, block())], turns=[turn()], origin=origin)
        assert await history.probes.store(sent) == Stored(turns=1, blocks=1)
    elsewhere = upload([(SERIES, block())], turns=[turn()], origin=replace(ORIGIN, vantage="eu-1"))
    assert await history.probes.store(elsewhere) == Stored(turns=1, blocks=1)

    assert [row.vantage for row in await history.reader.series(EVERYTHING)] == ["us-1", "eu-1"]


async def test_a_gap_in_the_numbers_is_no_obstacle(history: History):
    """Pages that a full disk cost are missing, and what follows is stored."""
    await history.probes.store(upload([(SERIES, block())], first=1))
    assert await history.probes.store(upload([(SERIES, block(NOW + 9))], first=40)) == Stored(blocks=1)
    assert await history.probes.store(upload([(SERIES, block(NOW + 5))], first=20)) == Stored(repeated=1)


async def test_the_same_batch_by_two_ways_at_once(history: History):
    """A batch that is under way on one replica and sent again to another one is stored once."""
    sent = upload([(SERIES, block())], turns=[turn()])
    results = await asyncio.gather(*(history.probes.store(sent) for _ in range(3)))

    assert sum(result.blocks for result in results) == 1
    assert sum(result.turns for result in results) == 1
    assert await stored_blocks(history) == [(SERIES.instance, NOW)]


async def test_many_probers_at_once(history: History):
    """Vantages that upload the same hours at the same time do not stand in each other's way."""
    page = [(series(f"i-{number}"), block(minute)) for number in range(5) for minute in (NOW, NOW - 70)]
    origins = [Origin(f"v-{number}", "prober-1", "boot1") for number in range(4)]
    results = await asyncio.gather(*(history.probes.store(upload(page, origin=one)) for one in origins))

    assert results == [Stored(blocks=10)] * 4
    assert len(await stored_blocks(history)) == 40


async def test_many_turns_at_once(history: History):
    """A region that is lost is thousands of changes of health in one upload."""
    turns = [turn(instance=f"i-{number}") for number in range(TURNS_PER_STATEMENT_MAX + 20)]
    assert (await history.probes.store(upload(turns=turns))).turns == len(turns)
    assert (await history.probes.store(upload(turns=turns))).repeated == len(turns)


async def test_what_no_text_column_holds_is_replaced(history: History):
    """A detail with NUL in it does not stop history."""
    await history.probes.store(upload(turns=[replace(turn(), detail="a\x00b")]))
    (row,) = await history.reader.turns(EVERYTHING, EPOCH, EPOCH + timedelta(hours=1), after=None, limit=10)

    assert row.detail in {"a\x00b", "a\ufffdb"}


async def test_blocks_are_read_by_series_and_span(history: History):
    """The end of a span does not belong to it, other series are left out, and there is a limit."""
    minutes = [NOW + minute for minute in range(5)]
    entries = [(series(name), block(minute)) for minute in minutes for name in ("a", "b")]
    await history.probes.store(upload(entries))
    (first,) = [row.id for row in await history.reader.series(Whose(instance="a"))]
    found = await history.reader.blocks(Resolution.MINUTE, [first], NOW + 1, NOW + 4, limit=2)

    assert [(number, one.minute) for number, one in found] == [(first, NOW + 1), (first, NOW + 2)]


async def test_series_are_found_by_any_of_their_names(history: History):
    """Instance, cell, vantage and check narrow down what is asked for."""
    names = [series("a"), series("b", region="eu-west"), series("a", check="tcp")]
    await history.probes.store(upload([(one, block()) for one in names]))

    async def found(**whose: str) -> int:
        return len(await history.reader.series(Whose(**whose)))

    assert [await found(), await found(instance="a"), await found(service="checkout", region="eu-west")] == [
        3,
        2,
        1,
    ]
    assert [await found(instance="a", check="tcp"), await found(vantage="eu-1")] == [1, 0]


async def test_turns_come_in_pages_by_time(history: History):
    """However many of one moment there are, pages follow each other without gap or repeat."""
    turns = [turn(seconds=seconds, instance=f"i-{n}") for n, seconds in enumerate((3, 1, 1, 1, 2, 9))]
    await history.probes.store(upload(turns=turns))
    seen: list[str] = []
    place = None
    while True:
        rows = await history.reader.turns(
            EVERYTHING, EPOCH, EPOCH + timedelta(seconds=9), after=place, limit=2
        )
        if not rows:
            break
        seen += [row.instance for row in rows]
        place = (rows[-1].at, rows[-1].position)

    assert sorted(seen[:3]) == ["i-1", "i-2", "i-3"]
    assert seen[3:] == ["i-4", "i-0"]


async def test_the_last_turn_before_a_moment_is_told_by_vantage(history: History):
    """What each vantage knew when a span began is the last thing that it said before."""
    for vantage, turns in {
        "us-1": [turn("unknown", "up"), turn("up", "down", seconds=10), turn("down", "up", seconds=20)],
        "eu-1": [turn("unknown", "degraded", seconds=5)],
    }.items():
        origin = replace(ORIGIN, vantage=vantage)
        await history.probes.store(upload([(SERIES, block())], turns=turns, origin=origin))
    known = await history.reader.last_turns(SERIES.instance, EPOCH + timedelta(seconds=15))

    assert [(row.vantage, row.after) for row in known] == [("eu-1", "degraded"), ("us-1", "down")]
    assert not await history.reader.last_turns(SERIES.instance, EPOCH)


async def test_partitions_are_made_and_dropped_by_day(history: History):
    """Dropping takes whole days, and what is younger stays."""
    days = [TODAY - 2 * DAY_MINUTES, TODAY - DAY_MINUTES, TODAY]
    await history.upkeep.make_partitions(days)
    await history.upkeep.make_partitions(days)
    await history.probes.store(upload([(SERIES, block(day + 5)) for day in days]))
    assert await history.upkeep.drop_partitions(TODAY + 5) == days[:2]
    assert await history.upkeep.drop_partitions(TODAY + 5) == []

    assert await stored_blocks(history) == [(SERIES.instance, TODAY + 5)]


async def test_a_day_without_a_partition_is_given_one(history: History):
    """What is filled up late finds room, also after its partition was dropped."""
    old = TODAY - 20 * DAY_MINUTES
    await history.probes.store(upload([(SERIES, block(old))], first=1))
    await history.upkeep.drop_partitions(TODAY)
    results = [
        await asyncio.gather(
            history.probes.store(upload([(SERIES, block(old))], first=2)), return_exceptions=True
        )
        for _ in range(2)
    ]

    assert Stored(blocks=1) in [result for (result,) in results]
    assert await stored_blocks(history) == [(SERIES.instance, old)]


async def test_of_samples_that_are_gone_no_sum_is_awaited(history: History):
    """An hour that was touched again before its samples went stays as it was summed up."""
    old = TODAY - 2 * DAY_MINUTES
    await history.probes.store(upload([(SERIES, block(old))], first=1))
    await rolled_up(history, (await history.upkeep.due(0, 0, TODAY, limit=1))[0])
    await history.probes.store(upload([(SERIES, block(old + 1)), (SERIES, block(TODAY))], first=2))
    await history.upkeep.drop_partitions(TODAY)

    assert await history.reader.unrolled(Resolution.HOUR, 0, NOW) == {TODAY}
    assert await stored_blocks(history, Resolution.HOUR) == [(SERIES.instance, old)]
    assert [span.start for span in await history.upkeep.due(TODAY, old, TODAY, limit=9)] == [old]
    assert await history.upkeep.due(TODAY, old + 1, TODAY, limit=9) == []


async def test_two_replicas_make_the_same_partition(history: History):
    """Who is second finds it made."""
    await asyncio.gather(*(history.upkeep.make_partitions([TODAY, TODAY + DAY_MINUTES]) for _ in range(4)))
    await history.probes.store(upload([(SERIES, block(TODAY)), (SERIES, block(TODAY + DAY_MINUTES))]))


async def rolled_up(history: History, due: DueSpan) -> None:
    """Roll a span up as the housekeeping does."""
    finer = Resolution.MINUTE if due.resolution is Resolution.HOUR else Resolution.HOUR
    parts = [
        one
        for start in range(due.start, due.start + due.resolution.minutes, finer.minutes)
        for one in await history.upkeep.parts(finer, start)
    ]
    sums = {
        number: block_of_summary(due.start, added(one.summary() for of, one in parts if of == number))
        for number, _ in parts
    }
    await history.upkeep.roll(due, sums)


async def test_an_hour_is_due_when_it_has_ended_and_something_was_stored(history: History):
    """Spans are due from the first block on, once they ended, until they are rolled up; then days are."""
    await history.probes.store(upload([(SERIES, block(THIS_HOUR + minute)) for minute in (0, 59)]))
    ended = THIS_HOUR + HOUR_MINUTES
    assert await history.upkeep.due(0, 0, ended - 1, limit=10) == []
    assert await history.upkeep.due(THIS_HOUR + 1, 0, ended, limit=10) == []
    assert await history.reader.unrolled(Resolution.HOUR, THIS_HOUR, ended) == {THIS_HOUR}
    (due,) = await history.upkeep.due(THIS_HOUR, 0, ended, limit=10)
    assert (due.resolution, due.start) == (Resolution.HOUR, THIS_HOUR)

    await rolled_up(history, due)
    assert await history.reader.unrolled(Resolution.HOUR, 0, ended) == frozenset()
    assert await stored_blocks(history, Resolution.HOUR) == [(SERIES.instance, THIS_HOUR)]
    (day,) = await history.upkeep.due(0, 0, TODAY + DAY_MINUTES, limit=10)
    assert (day.resolution, day.start) == (Resolution.DAY, TODAY)
    await rolled_up(history, day)
    assert await history.upkeep.due(0, 0, TODAY + DAY_MINUTES, limit=10) == []

    ((_, whole),) = await history.reader.blocks(Resolution.DAY, [1], 0, NOW + MANY, limit=10)
    assert whole.summary() == added([block(NOW).summary(), block(NOW).summary()])
    assert (whole.minute, whole.probes, whole.failures) == (TODAY, 6, 2)


async def test_what_arrives_late_makes_its_hour_due_again(history: History):
    """An hour that was filled up after it was rolled up is rolled up anew, with everything in it."""
    ended = THIS_HOUR + HOUR_MINUTES
    await history.probes.store(upload([(SERIES, block(THIS_HOUR))], first=1))
    (early,) = await history.upkeep.due(0, 0, ended, limit=1)
    await rolled_up(history, early)
    await history.probes.store(upload([(SERIES, block(THIS_HOUR + 1))], first=2))
    (late,) = await history.upkeep.due(0, 0, ended, limit=1)
    await rolled_up(history, late)
    await history.upkeep.roll(early, {})

    ((_, hour),) = await history.reader.blocks(Resolution.HOUR, [1], 0, NOW + MANY, limit=10)
    assert hour.probes == 6
    assert await history.upkeep.due(0, 0, ended, limit=1) == []


async def test_what_is_stored_while_an_hour_is_rolled_up_is_not_forgotten(history: History):
    """Between the look at what is due and the end of the rolling something came: it is due again."""
    await history.probes.store(upload([(SERIES, block(THIS_HOUR))], first=1))
    (due,) = await history.upkeep.due(0, 0, THIS_HOUR + HOUR_MINUTES, limit=1)
    await history.probes.store(upload([(SERIES, block(THIS_HOUR + 1))], first=2))
    await history.upkeep.roll(due, {1: block_of_summary(THIS_HOUR, block().summary())})

    assert await history.reader.unrolled(Resolution.HOUR, 0, NOW) == {THIS_HOUR}


async def test_hours_are_due_before_days_and_bounded(history: History):
    """The oldest hour comes first; a look takes no more than it asked for."""
    hours = [THIS_HOUR - hour * HOUR_MINUTES for hour in range(4)]
    await history.probes.store(upload([(SERIES, block(hour)) for hour in hours]))
    await rolled_up(history, (await history.upkeep.due(0, 0, NOW + DAY_MINUTES, limit=1))[0])
    due = await history.upkeep.due(0, 0, TODAY + DAY_MINUTES, limit=3)
    everything = await history.upkeep.due(0, 0, TODAY + DAY_MINUTES, limit=10)

    assert [span.start for span in due] == sorted(hours)[1:]
    assert everything[-1].resolution is Resolution.DAY


async def test_what_is_too_old_is_deleted(history: History):
    """Sums, marks and series end by their time; what is younger stays."""
    hours = [THIS_HOUR - DAY_MINUTES, THIS_HOUR]
    await history.probes.store(upload([(SERIES, block(hour)) for hour in hours]))
    for due in await history.upkeep.due(0, 0, NOW + DAY_MINUTES, limit=10):
        await rolled_up(history, due)
    ends = {"records": EPOCH, "uploads": EPOCH}
    assert await history.upkeep.expire(hourly=0, daily=0, **ends) == 0
    assert await history.upkeep.expire(hourly=THIS_HOUR, daily=0, **ends) == 2
    assert await stored_blocks(history, Resolution.HOUR) == [(SERIES.instance, THIS_HOUR)]

    assert await history.upkeep.expire(hourly=0, daily=TODAY + 2 * DAY_MINUTES, **ends) >= 3
    assert await history.reader.series(EVERYTHING) == []


async def test_nothing_is_stored_of_nothing(history: History):
    """An empty upload is no error."""
    assert await history.probes.store(upload()) == Stored()
    assert await history.probes.store(upload([])) == Stored()
    assert await history.probes.store(upload([(SERIES, block(codes=[OK]))], first=2)) == Stored(blocks=1)


async def test_a_span_up_to_the_last_minute_is_read(history: History):
    """The last moment that may be asked for is within what minutes are kept as."""
    last = minute_of(LATEST) + DAY_MINUTES

    assert not await history.reader.blocks(Resolution.RAW, [1], 0, last, limit=1)
    assert not await history.reader.unrolled(Resolution.DAY, 0, last)
