"""When what is due: beats that are spread, stay where they are, and are skipped rather than made up for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.due import Timetable, next_beat, phase_seconds

intervals = st.floats(0.1, 3600.0)
moments = st.floats(0.0, 1e7)
keys = st.text(min_size=1, max_size=20)


@given(keys, intervals)
def test_phase_lies_within_the_interval(key: str, interval: float):
    """A phase is at least 0 and below the interval."""
    assert 0 <= phase_seconds(key, interval) < interval


@given(keys, intervals, moments)
def test_next_beat_is_later_and_not_more_than_an_interval_away(key: str, interval: float, after: float):
    """The next beat comes strictly later, within one interval."""
    beat = next_beat(phase_seconds(key, interval), interval, after=after)
    assert after < beat <= after + interval * 1.001


def test_next_beat_is_later_even_where_numbers_are_coarse():
    """Where rounding puts a beat on the very moment, the one after it is taken."""
    for after in (0.3, 0.6000000000000001, 0.7, 1.1, 123456.7, 8_388_608.3):
        assert next_beat(0.1, 0.1, after=after) > after


@pytest.mark.parametrize(
    "pattern", ["checkout/api/checkout-us-{}", "search/live/10.0.{}.1:8080", "pay/tcp/{:05d}"]
)
def test_beats_are_spread_over_the_interval(pattern: str):
    """Of 1,000 ordinary ids, every tenth of the interval gets between half and double its share."""
    tenths = Counter(int(phase_seconds(pattern.format(number), 10.0)) for number in range(1000))
    assert len(tenths) == 10
    assert all(50 <= found <= 200 for found in tenths.values())


def timetable(interval: float, *items: str) -> Timetable[str]:
    table: Timetable[str] = Timetable()
    for item in items:
        table.add(item, key=item, interval_seconds=interval, now=0.0)
    return table


@given(st.sets(keys, min_size=1, max_size=8), st.sets(keys, max_size=8))
def test_others_move_nobody(items: set[str], others: set[str]):
    """Beats of an item are the same with and without others that come and go."""
    alone, crowded = timetable(2.0, *items), timetable(2.0, *items, *(others - items))
    for other in sorted(others - items)[::2]:
        crowded.discard(other)
    for step in range(40):
        now = step * 0.1
        assert sorted(alone.due(now)) == sorted(item for item in crowded.due(now) if item in items)


@given(st.sets(keys, min_size=1, max_size=8), st.lists(st.floats(0.0, 20.0), min_size=1, max_size=30))
def test_a_late_tick_never_piles_up(items: set[str], pauses: list[float]):
    """However late a tick comes, it starts each item at most once, and no item more often than its beats."""
    table, now, started = timetable(2.0, *items), 0.0, Counter[str]()
    for pause in pauses:
        now += pause
        due = table.due(now)
        assert len(due) == len(set(due))
        started.update(due)
    assert set(started) <= items
    assert all(times <= now / 2.0 + 1 for times in started.values())


def test_a_regular_tick_misses_no_beat():
    """Ticks every 10 ms start every item once per interval."""
    table = timetable(1.0, "a", "b", "c")
    started = Counter[str]()
    for tick in range(1, 1001):
        started.update(table.due(tick / 100))
    assert started == {"a": 10, "b": 10, "c": 10}


def test_the_longest_due_comes_first():
    """After a stall, items are started in the order in which they were due."""
    items = [f"item-{number}" for number in range(50)]
    table = timetable(1.0, *items)
    due = table.due(1.0)
    assert due == sorted(items, key=lambda item: phase_seconds(item, 1.0))


def test_what_was_discarded_is_not_due():
    """An item that was taken off is passed over, and may come back with another interval."""
    table = timetable(1.0, "a", "b")
    table.discard("a")
    table.discard("never-there")
    assert table.due(1.0) == ["b"]

    table.add("a", key="a", interval_seconds=100.0, now=1.0)
    assert sorted(table.due(102.0)) == ["a", "b"]


def test_a_second_add_replaces_the_first():
    """An item whose interval changed beats by the new one only."""
    table = timetable(1.0, "a")
    table.add("a", key="a", interval_seconds=10.0, now=0.0)
    times = sum(len(table.due(tick / 10)) for tick in range(1, 101))
    assert times == 1
