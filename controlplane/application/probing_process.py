"""Owns the life of a prober process: definitions in, ticks, reports out, until it is cancelled."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from controlplane.application.confirm_listening import Listening
from controlplane.application.ports import Ticker
from controlplane.application.probing import Prober
from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.application.reporting import Reporter

YOUNG_OBJECTS_MAX = 50_000
"""A probe leaves no reference cycles behind, so looking for them after every 700 new objects, as Python does,
finds nothing and costs a tenth of the processor time."""


class Runs(Protocol):
    """Something that works beside the probing until it is cancelled."""

    async def run(self) -> None:
        """Work until cancelled."""


async def run_prober(
    *,
    prober: Prober,
    definitions: DefinitionsFollower,
    reporter: Reporter,
    ticker: Ticker,
    listening: Listening | None = None,
    history: Sequence[Runs] = (),
) -> None:
    """Probe and report until cancelled. Probes in flight belong to the probes' own contexts, the caller's."""
    with _collecting_rarely():
        async with ticker(TICK_SECONDS, prober.tick), asyncio.TaskGroup() as tasks:
            tasks.create_task(definitions.run(), name="definitions")
            tasks.create_task(reporter.run(), name="reports")
            if listening:
                tasks.create_task(listening.run(announce=prober.changed.set), name="listening")
            for part in history:
                tasks.create_task(part.run(), name=type(part).__name__)


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    young, middle, old = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS_MAX, middle, old)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
