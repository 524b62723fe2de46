"""Owns what the supervisor must know of a child: one value per row of its table."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

READY_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 10.0
HEALTH_FAILURES_MAX = 30


class Lifetime(StrEnum):
    """What the end of a child means."""

    SERVICE = "service"
    """It must always run: whenever it ends, it is started again."""
    STEP = "step"
    """It runs to its end once; the next stage begins when it has succeeded."""


def _nothing() -> None:
    """The default of `before_start`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process of the table."""

    name: str
    argv: tuple[str, ...]
    """Anybody on the machine can read it: secrets go into the environment or a file."""
    environment: Mapping[str, str]
    """All of it; nothing is inherited."""
    stage: int
    """Stages start in rising order, each when the one before is ready, and stop in falling order."""
    lifetime: Lifetime = Lifetime.SERVICE
    is_ready: Callable[[], bool] | None = None
    """Whether it serves now; called in a thread, bounded by itself. None: it is ready once it runs."""
    ready_timeout_seconds: float = READY_TIMEOUT_SECONDS
    """How long it may take to become ready before it is ended and started again."""
    health_failures_max: int = HEALTH_FAILURES_MAX
    """Checks, one every 2 s, that may fail in a row before it counts as hung, is ended and started again: a
    minute and more, for a slow machine hangs no child. Counted, not timed: our own suspension ends nobody."""
    before_start: Callable[[], None] = _nothing
    """Called before every start."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = STOP_TIMEOUT_SECONDS
    """How long it may take to end after the stop signal before it is killed."""
    log: Path | None = None
    """Where its output goes, bounded in size. None: to our own standard output and error."""
