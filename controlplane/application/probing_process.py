"""Owns the life of a prober process: definitions in, ticks, reports out, until it is cancelled."""

import asyncio

from controlplane.application.ports import Ticker
from controlplane.application.probing import Prober
from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.application.reporting import Reporter


async def run_prober(
    *, prober: Prober, definitions: DefinitionsFollower, reporter: Reporter, ticker: Ticker
) -> None:
    """Probe and report until cancelled. Probes in flight belong to the probes' own contexts, the caller's."""
    async with ticker(TICK_SECONDS, prober.tick), asyncio.TaskGroup() as tasks:
        tasks.create_task(definitions.run(), name="definitions")
        tasks.create_task(reporter.run(), name="reports")
