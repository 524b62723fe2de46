"""The health of a cell from its counts."""

import pytest
from hypothesis import given

from controlplane.domain.cells import CellState, judge, known, mostly_down
from controlplane.domain.report import CellCounts
from tests.unit.domain.strategies import cell_counts


@pytest.mark.parametrize(
    ("counts", "min_healthy_percent", "expected"),
    [
        (CellCounts(), 50, CellState.UNKNOWN),
        (CellCounts(unknown=3), 50, CellState.UNKNOWN),
        (CellCounts(maintenance=3), 50, CellState.UNKNOWN),
        (CellCounts(up=3), 50, CellState.UP),
        (CellCounts(up=1, maintenance=4), 50, CellState.UP),
        (CellCounts(up=2, degraded=1), 50, CellState.DEGRADED),
        (CellCounts(degraded=3), 100, CellState.DEGRADED),
        (CellCounts(up=2, down=1), 50, CellState.DEGRADED),
        (CellCounts(up=1, down=1), 50, CellState.DEGRADED),
        (CellCounts(up=1, down=1), 51, CellState.DOWN),
        (CellCounts(up=1, down=2), 50, CellState.DOWN),
        (CellCounts(down=1), 1, CellState.DOWN),
        (CellCounts(up=1, down=1, unknown=2), 50, CellState.DEGRADED),
        (CellCounts(up=1, down=1, unknown=3), 50, CellState.UNKNOWN),
        (CellCounts(down=4, unknown=5), 50, CellState.UNKNOWN),
        (CellCounts(up=333_333, down=666_667), 33, CellState.DEGRADED),
        (CellCounts(up=329_999, down=670_001), 33, CellState.DOWN),
    ],
)
def test_table(counts, min_healthy_percent, expected):
    """A cell is judged by its share of healthy instances among those that something is known of."""
    assert expected is judge(counts, min_healthy_percent)


@given(cell_counts(), cell_counts())
def test_maintenance_counts_in_neither(counts, other):
    """Instances in maintenance never change the judgement."""
    moved = CellCounts(counts.up, counts.degraded, counts.down, counts.unknown, other.maintenance)

    assert judge(counts, 50) is judge(moved, 50)


@given(cell_counts())
def test_more_failures_never_look_better(counts):
    """A cell that is down stays down when one more instance fails."""
    worse = counts + CellCounts(down=1)

    assert judge(counts, 50) is not CellState.DOWN or judge(worse, 50) is CellState.DOWN


@given(cell_counts(), cell_counts())
def test_counts_add_up(one, other):
    """The sum of two shares knows as many instances as both together."""
    assert known(one) + known(other) == known(one + other)
    assert one.total + other.total == (one + other).total


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (CellCounts(), False),
        (CellCounts(up=1, down=1), False),
        (CellCounts(up=1, down=2, unknown=9), True),
        (CellCounts(degraded=2, down=2), False),
    ],
)
def test_mostly_down(counts, expected):
    """Mostly down means more than half of what is known, never exactly half, never nothing."""
    assert expected is mostly_down(counts)
