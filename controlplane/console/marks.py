"""Owns status at a glance: five shapes, each with its word, so that colour is never the only sign."""

from dataclasses import dataclass
from enum import StrEnum

from controlplane.console.texts import gettext as _


class Shape(StrEnum):
    """The five shapes; the value names the symbol and the colour of the style sheet."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MOVING = "moving"


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape and the word beside it."""

    shape: Shape
    word: str


_VERDICTS = {
    "up": Shape.UP,
    "degraded": Shape.DEGRADED,
    "suspect": Shape.DEGRADED,
    "down": Shape.DOWN,
    "unknown": Shape.UNKNOWN,
}
_STATES = {
    "steady": Shape.UP,
    "cooldown": Shape.UP,
    "suspect": Shape.DEGRADED,
    "evaluating": Shape.MOVING,
    "activating": Shape.MOVING,
    "blocked": Shape.DOWN,
    "needs_operator": Shape.DOWN,
}


_HEALTHS = {"up": Shape.UP, "degraded": Shape.DEGRADED, "down": Shape.DOWN}


def of_health(health: str) -> Mark:
    """What the health of an instance looks like."""
    return Mark(_HEALTHS.get(health, Shape.UNKNOWN), _(health))


def of_verdict(verdict: str) -> Mark:
    """What a region's verdict looks like; a word of a later version is shown as unknown, unchanged."""
    return Mark(_VERDICTS.get(verdict, Shape.UNKNOWN), _(verdict))


def of_state(state: str) -> Mark:
    """What a group's state looks like."""
    return Mark(_STATES.get(state, Shape.UNKNOWN), _(state.replace("_", " ")))
