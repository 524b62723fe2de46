"""The ring of automatic moves, and what it still allows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.budget import (
    BUDGET_MOVES_MAX,
    EVACUATIONS_MAX,
    PACE_MOVES_MAX,
    SINGLE_MOVES_MAX,
    AutomaticMove,
    Budget,
    BudgetError,
    Cause,
    charge,
    fleet_obstacles,
    group_obstacles,
    longest_window_seconds,
    pace,
    parse_budget,
    recalled,
    rest_ends,
)
from controlplane.domain.fleet import Group, Policy
from controlplane.domain.obstacle import Obstacle
from tests.unit.domain.strategies import budgets

NOW = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
GROUP = Group("checkout", ("checkout",), ("us-east", "eu-west"), Policy(dwell_seconds=600.0))


def ago(seconds: float) -> datetime:
    """So many seconds before now."""
    return NOW - timedelta(seconds=seconds)


def a_move(
    seconds_ago: float, *, group: str = "checkout", source: str = "us-east", cause: Cause = Cause.REGION
) -> AutomaticMove:
    """An automatic move of the past."""
    return AutomaticMove(group, 7, ago(seconds_ago), 3, source, "eu-west", cause)


RETURN = AutomaticMove("checkout", 8, ago(200), 3, "eu-west", "us-east", Cause.REGION)
"""The automation comes back to us-east."""


def ring(*moves: AutomaticMove) -> Budget:
    """A budget of these moves, oldest first."""
    return Budget(tuple(sorted(moves, key=lambda move: move.at)))


def codes(obstacles: Iterable[Obstacle]) -> list[tuple[str, float | None]]:
    """The codes of obstacles, with the seconds until each ends."""
    return [(found.code, (found.until - NOW).total_seconds() if found.until else None) for found in obstacles]


def test_the_form_in_the_store():
    """A move in the ring says which group, from where, to where, when, in which term, and for what cause."""
    assert ring(a_move(0)).to_bytes() == (
        b'{"moves":[{"at":"2026-01-12T09:30:00.000Z","cause":"region","from":"us-east",'
        b'"group":"checkout","revision":7,"term":3,"to":"eu-west"}]}'
    )


@given(budgets())
def test_reading_what_was_written(budget):
    """What was written is read back."""
    assert parse_budget(budget.to_bytes()) == budget


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"moves":7}',
        b'{"moves":[{}]}',
        b'{"moves":["x"]}',
        b"{" * 99_999,
        b"\xff",
        ring(a_move(0)).to_bytes().replace(b":7,", b":1e999,"),
        ring(a_move(0)).to_bytes().replace(b"2026-01-12T09:30:00.000Z", b"9999-12-31T23:00:00-14:00"),
    ],
)
def test_unreadable_bytes_are_an_error(raw):
    """Bytes that are no budget are an error, which freezes."""
    with pytest.raises(BudgetError, match=r"^budget: "):
        parse_budget(raw)


def test_the_largest_ring_fits_a_transaction():
    """A full ring of the longest names is below what a transaction of 512 KiB can carry in base64."""
    name = "x" * 63
    move = AutomaticMove(name, 10**12 - 1, NOW, 10**12 - 1, name, name, Cause.REGION)

    assert len(Budget((move,) * BUDGET_MOVES_MAX).to_bytes()) * 4 / 3 < 430 * 1024


def test_charging():
    """A move is added at the end; only what is older than the longest window is dropped."""
    budget = ring(a_move(3601), a_move(3600), a_move(3599))
    kept = recalled(budget, NOW, window_seconds=3600.0)

    assert kept == ring(a_move(3599))
    assert charge(kept, a_move(0)) == ring(a_move(3599), a_move(0))


def test_the_longest_window():
    """The ring looks back as far as the longest window or dwell in use, and ten minutes at least."""
    short = Policy(dwell_seconds=1.0, max_automatic_window_seconds=60.0)
    long = Policy(dwell_seconds=7200.0)

    assert longest_window_seconds([]) == 600.0
    assert longest_window_seconds([replace(GROUP, policy=short)]) == 600.0
    assert longest_window_seconds([replace(GROUP, policy=short), replace(GROUP, policy=long)]) == 7200.0


@pytest.mark.parametrize(
    ("budget", "moved_at", "expected"),
    [
        (ring(), None, None),
        (ring(), ago(100), 500.0),
        (ring(a_move(200)), None, 400.0),
        (ring(a_move(200)), ago(100), 500.0),
        (ring(a_move(100)), ago(200), 500.0),
        (ring(a_move(1, group="search")), ago(900), -300.0),
    ],
)
def test_dwell_runs_from_the_last_move(budget, moved_at, expected):
    """A group rests after its last move, whether the automation made it or a person."""
    ends = rest_ends(budget, GROUP, moved_at)

    assert (ends and (ends - NOW).total_seconds()) == expected


@pytest.mark.parametrize(
    ("budget", "moved_at", "expected"),
    [
        (ring(), None, []),
        (ring(), ago(600), []),
        (ring(), ago(599), [("dwell", 1.0)]),
        (ring(a_move(601)), None, []),
        (ring(a_move(700), a_move(3000)), None, [("group_budget", 600.0)]),
        (ring(a_move(100), a_move(3000)), None, [("dwell", 500.0), ("group_budget", 600.0)]),
        (ring(a_move(700), a_move(3600)), None, []),
        (ring(a_move(700), a_move(3000), a_move(3100)), None, [("group_budget", 600.0)]),
        (ring(*[a_move(700, group="search")] * 9), None, []),
    ],
)
def test_the_limits_of_a_group(budget, moved_at, expected):
    """A group rests after a move and moves so many times per window; each limit says when it ends."""
    assert codes(group_obstacles(budget, GROUP, moved_at, NOW)) == expected


def test_a_limit_is_a_sentence():
    """What stands in the way is said with its end."""
    obstacle = group_obstacles(ring(), GROUP, ago(0), NOW)[0]

    assert obstacle.text == "checkout moved lately and rests, until 2026-01-12T09:40:00.000Z"


@pytest.mark.parametrize(
    ("budget", "source", "expected"),
    [
        (ring(), "us-east", []),
        (ring(*[a_move(5)] * 50), "us-east", []),
        (ring(a_move(5), a_move(500)), "us-east", []),
        (ring(a_move(5), a_move(500, source="eu-west")), "us-east", []),
        (ring(a_move(300), RETURN), "us-east", [("evacuation_budget", 300.0)]),
        (ring(a_move(300), RETURN), "eu-west", []),
        (ring(a_move(600), RETURN), "us-east", []),
        (ring(a_move(300, cause=Cause.GROUP), RETURN), "us-east", []),
        (ring(a_move(5), a_move(500, source="eu-west")), "ap-south", [("evacuation_budget", 100.0)]),
        (ring(a_move(5), a_move(600, source="eu-west")), "ap-south", []),
        (ring(a_move(5), a_move(500, source="eu-west", cause=Cause.GROUP)), "ap-south", []),
        (
            ring(a_move(5), a_move(50, source="eu-west"), a_move(500, source="eu-west")),
            "ap-south",
            [("evacuation_budget", 550.0)],
        ),
    ],
)
def test_evacuations(budget, source, expected):
    """Groups that leave one lost region share a unit; ten minutes hold two evacuations, not three.

    When the automation has come back to a region, leaving it again is another evacuation.
    """
    assert codes(fleet_obstacles(budget, source, Cause.REGION, NOW)) == expected


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([a_move(5, cause=Cause.GROUP)] * (SINGLE_MOVES_MAX - 1), []),
        ([a_move(5, cause=Cause.GROUP)] * SINGLE_MOVES_MAX, [("fleet_budget", 595.0)]),
        ([a_move(600, cause=Cause.GROUP)] * SINGLE_MOVES_MAX, []),
        ([a_move(5)] * 50, []),
    ],
)
def test_unrelated_failures_count_singly(moves, expected):
    """Five groups move for causes of their own in ten minutes, and evacuations do not count among them."""
    assert codes(fleet_obstacles(ring(*moves), "us-east", Cause.GROUP, NOW)) == expected


def test_a_full_ring():
    """A full ring stops the automation, because forgetting a move would overspend."""
    full = ring(*[a_move(5)] * BUDGET_MOVES_MAX)

    assert codes(fleet_obstacles(full, "eu-west", Cause.GROUP, NOW)) == [("budget_full", None)]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([a_move(0.5)] * (PACE_MOVES_MAX - 1), []),
        ([a_move(0.25)] * PACE_MOVES_MAX, [("paced", 0.75)]),
        ([a_move(1.0)] * PACE_MOVES_MAX, []),
        ([a_move(1.0)] * 30 + [a_move(0.5)] * 9, []),
    ],
)
def test_pace(moves, expected):
    """Ten groups move per second at most; the next one waits."""
    assert codes(pace(ring(*moves), NOW)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 400), st.permutations(["a", "b", "c", "d"]), st.sampled_from(Cause)))
)
def test_fleet_budgets_are_never_overspent(wishes):
    """Whatever is wished for, no ten minutes hold more than two evacuations and five single moves."""
    budget, now = Budget(), NOW
    for seconds, (source, target, *_), cause in wishes:
        now += timedelta(seconds=seconds)
        if not fleet_obstacles(budget, source, cause, now):
            budget = charge(budget, AutomaticMove("group", 1, now, 1, source, target, cause))
    for last in budget.moves:
        window = [m for m in budget.moves if last.at - timedelta(seconds=600) < m.at <= last.at]
        evacuations = [move for move in window if move.cause is Cause.REGION]
        assert len({move.source for move in evacuations}) <= EVACUATIONS_MAX
        assert not any(
            first.source == back.target == again.source for first, back, again in combinations(evacuations, 3)
        )
        assert sum(m.cause is Cause.GROUP for m in window) <= SINGLE_MOVES_MAX


@given(st.lists(st.integers(0, 2000)), st.integers(0, 900), st.integers(1, 3))
def test_group_budgets_are_never_overspent(waits, dwell, most):
    """Whenever a move is wished for, two are a dwell apart and no window holds more than its number."""
    policy = Policy(dwell_seconds=dwell, max_automatic=most, max_automatic_window_seconds=1800.0)
    group, budget, now = replace(GROUP, policy=policy), Budget(), NOW
    for seconds in waits:
        now += timedelta(seconds=seconds)
        if not group_obstacles(budget, group, None, now):
            budget = charge(budget, replace(a_move(0), at=now))
    times = [move.at for move in budget.moves]
    assert all(later - earlier >= timedelta(seconds=dwell) for earlier, later in pairwise(times))
    for last in times:
        assert sum(last - timedelta(seconds=1800) < at <= last for at in times) <= most
