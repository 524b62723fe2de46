"""Owns the health of a cell, one service in one region, from the counts of its instances.

The share of health is (up + degraded) / (up + degraded + down); unknown and maintenance count in neither.
"""

from enum import StrEnum

from controlplane.domain.report import CellCounts


class CellState(StrEnum):
    """How a cell fares."""

    UP = "up"
    DEGRADED = "degraded"
    """Serving, but some instance is down or degraded."""
    DOWN = "down"
    UNKNOWN = "unknown"


def known(counts: CellCounts) -> int:
    """How many instances something can be said of."""
    return counts.up + counts.degraded + counts.down


def judge(counts: CellCounts, min_healthy_percent: int) -> CellState:
    """The state of a cell; an empty one, and one that is more than half unknown, is unknown."""
    if known(counts) == 0 or counts.unknown > known(counts):
        return CellState.UNKNOWN
    if 100 * (counts.up + counts.degraded) < min_healthy_percent * known(counts):
        return CellState.DOWN
    return CellState.DEGRADED if counts.degraded or counts.down else CellState.UP


def mostly_down(counts: CellCounts) -> bool:
    """Whether more than half of the instances that something can be said of are down."""
    return 2 * counts.down > known(counts)
