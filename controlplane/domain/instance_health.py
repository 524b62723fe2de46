"""Owns the health of an instance: what its checks find goes in, one of four words comes out.

Three rules. Health changes only when the last `rise` or `fall` usable outcomes agree. A fault of ours is no
outcome at all. What was heard too long ago is not known any more, and evidence starts from nothing after it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from controlplane.domain.fleet import Check, Layer
from controlplane.domain.outcome import Outcome, Reason, Verdict
from controlplane.domain.report import CellCounts

EVIDENCE_AGE_BEATS_MAX = 3
"""How many times interval + timeout may pass since the last usable outcome before a check is unknown: one
lost beat is an accident and two are bad luck; after three nobody has looked."""


class Health(StrEnum):
    """What is known of a check, or of an instance."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """What is known of one check of one instance.

    The four runs count usable outcomes in a row, up to and including the last one. A slow success is both
    `passing` and `impaired`: it speaks for an instance that is down, and against one that is up.
    """

    health: Health = Health.UNKNOWN
    good: int = 0
    """Successes within the latency bound."""
    passing: int = 0
    """Successes, slow ones included."""
    impaired: int = 0
    """Failures and slow successes."""
    failing: int = 0
    """Failures."""
    heard_at: float | None = None
    """Monotonic seconds of the last usable outcome; None before one."""


@dataclass(frozen=True, slots=True)
class Transition:
    """When `run` has reached the check's `bound`, the check's health is `to`."""

    run: Literal["good", "passing", "impaired", "failing"]
    bound: Literal["rise", "fall"]
    to: Health


TRANSITIONS: Mapping[Health, tuple[Transition, ...]] = {
    Health.UNKNOWN: (
        Transition("failing", "fall", Health.DOWN),
        Transition("good", "rise", Health.UP),
        Transition("passing", "rise", Health.DEGRADED),
    ),
    Health.UP: (
        Transition("failing", "fall", Health.DOWN),
        Transition("impaired", "fall", Health.DEGRADED),
    ),
    Health.DEGRADED: (
        Transition("failing", "fall", Health.DOWN),
        Transition("good", "rise", Health.UP),
    ),
    Health.DOWN: (
        Transition("good", "rise", Health.UP),
        Transition("passing", "rise", Health.DEGRADED),
    ),
}
"""The whole machine: the first transition whose run is long enough is taken; where none is, health stays."""

_UNHEARD = CheckHealth()
_OUTERMOST_FIRST = (Layer.APPLICATION, Layer.MIDDLEWARE, Layer.INFRASTRUCTURE)


def advance(state: CheckHealth, outcome: Outcome, check: Check, *, now: float) -> CheckHealth:
    """The state after one more outcome, heard at `now` (monotonic seconds)."""
    if outcome.verdict is Verdict.FAULT_OF_OURS:
        return state
    before = state if is_known(state, check, now=now) else _UNHEARD
    failed = outcome.verdict is Verdict.FAILURE
    impaired = failed or outcome.reason is Reason.SLOW
    after = CheckHealth(
        before.health,
        good=0 if impaired else before.good + 1,
        passing=0 if failed else before.passing + 1,
        impaired=before.impaired + 1 if impaired else 0,
        failing=before.failing + 1 if failed else 0,
        heard_at=now,
    )
    return _moved(after, check)


def is_known(state: CheckHealth, check: Check, *, now: float) -> bool:
    """Whether the last usable outcome is young enough to be believed at `now`."""
    return state.heard_at is not None and now - state.heard_at <= patience_seconds(check)


def patience_seconds(check: Check) -> float:
    """How long the health of a check is believed after its last usable outcome."""
    return EVIDENCE_AGE_BEATS_MAX * (check.interval_seconds + check.timeout_seconds)


def health_at(state: CheckHealth, check: Check, *, now: float) -> Health:
    """The health of a check as it is known at `now`."""
    return state.health if is_known(state, check, now=now) else Health.UNKNOWN


def combine(checks: Sequence[tuple[Layer, Health]]) -> Health:
    """The health of an instance from its checks.

    The checks of the outermost layer present decide, because that is what users see: one of them down is
    down, one of them unknown is unknown. Latency and the layers below can degrade, never take down.
    """
    deciding_layer = next((layer for layer in _OUTERMOST_FIRST if any(layer is of for of, _ in checks)), None)
    deciding = {health for layer, health in checks if layer is deciding_layer}
    for worst in (Health.DOWN, Health.UNKNOWN, Health.DEGRADED):
        if worst in deciding:
            return worst
    if not deciding:
        return Health.UNKNOWN
    below = {health for layer, health in checks if layer is not deciding_layer}
    return Health.DEGRADED if below & {Health.DOWN, Health.DEGRADED} else Health.UP


def count(instances: Iterable[Health]) -> CellCounts:
    """How many instances of a cell are in which health."""
    found = Counter(instances)
    return CellCounts(
        up=found[Health.UP],
        degraded=found[Health.DEGRADED],
        down=found[Health.DOWN],
        unknown=found[Health.UNKNOWN],
    )


def _moved(state: CheckHealth, check: Check) -> CheckHealth:
    for transition in TRANSITIONS[state.health]:
        bound = check.rise if transition.bound == "rise" else check.fall
        if getattr(state, transition.run) >= bound:
            return _at(state, transition.to)
    return state


def _at(state: CheckHealth, health: Health) -> CheckHealth:
    return CheckHealth(health, state.good, state.passing, state.impaired, state.failing, state.heard_at)
