"""Owns the prober process of `bench.probes`: everything that runs in production, on definitions of its own.

`python -m bench._probes_prober --consul HOST:PORT --port PORT --interval 0.2 --checks 1` probes the targets
for a while and prints one JSON object: probes, CPU seconds, seconds, and what went wrong.
"""

import argparse
import asyncio
import json
import resource
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass

import uvloop

from bench._probes_programs import PROBER_CORE, addresses, pin
from controlplane.adapters.clock import SystemClock, UlidFactory
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.adapters.probes.dialer import Dialer
from controlplane.adapters.probes.http import HttpProbe
from controlplane.adapters.probes.resolver import Resolver
from controlplane.adapters.schedule import ApschedulerTicker
from controlplane.application.ports import Store
from controlplane.application.probing import Prober
from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_process import run_prober
from controlplane.application.reporting import Reporter
from controlplane.contract.keys import Keys
from controlplane.domain.fleet import Check, CheckType, Definitions, Fleet, Instance, Region, Service
from controlplane.domain.report import CellCounts

WARM_UP_SECONDS = 2.0
MEASURED_SECONDS = 6.0
REGIONS = ("us-east", "eu-west", "ap-south", "sa-east")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the prober: every target is probed by `checks` checks, each once per interval."""

    interval_seconds: float
    checks: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to."""

    probes: int
    cpu_seconds: float
    seconds: float
    unhealthy: int
    """Instances that were not up at the end."""
    faults_of_ours: int


class GivenDefinitions:
    """Definitions that are simply there, as source and as cache."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def fetch(self, known_revision: int) -> Definitions | None:
        """The definitions, once."""
        return None if known_revision == self._definitions.revision else self._definitions

    def load(self) -> Definitions | None:
        """Nothing lies on disk."""
        return None

    def save(self, definitions: Definitions) -> None:
        """Nothing is kept."""


def definitions(load: Load, port: int) -> Definitions:
    """One service over four regions whose instances are the 1,000 targets."""
    instances = tuple(
        Instance(id=f"checkout-{number}", region=REGIONS[number % len(REGIONS)], address=address, port=port)
        for number, address in enumerate(addresses())
    )
    checks = tuple(
        Check(name=f"api-{number}", type=CheckType.HTTP, interval_seconds=load.interval_seconds)
        for number in range(load.checks)
    )
    service = Service("checkout", checks=checks, instances=instances)
    return Definitions(1, Fleet(regions=tuple(map(Region, REGIONS)), services=(service,)))


async def measure(store: Store, load: Load, port: int) -> Measured:
    """Run a prober and look at it between two moments."""
    clock, given = SystemClock(), GivenDefinitions(definitions(load, port))
    async with HttpProbe(dialer=Dialer(resolver=Resolver(clock=clock), clock=clock), clock=clock) as http:
        prober = Prober(probes={CheckType.HTTP: http}, clock=clock)
        keys = Keys("bench/")
        follower = DefinitionsFollower(store=store, keys=keys, source=given, cache=given, adopt=prober.adopt)
        reporter = Reporter(
            prober=prober, store=store, keys=keys, vantage="local", name="bench", boot=UlidFactory().new()
        )
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(
                run_prober(prober=prober, definitions=follower, reporter=reporter, ticker=ApschedulerTicker())
            )
            await asyncio.sleep(WARM_UP_SECONDS)
            measured = await observe(prober)
            run.cancel()
    return measured


async def observe(prober: Prober) -> Measured:
    """Count probes and CPU for a while."""
    started, cpu, moment, faults = prober.started, _cpu_seconds(), _now(), prober.faults.total()
    await asyncio.sleep(MEASURED_SECONDS)
    cells = sum(prober.sight().cells.values(), CellCounts())
    return Measured(
        probes=prober.started - started,
        cpu_seconds=_cpu_seconds() - cpu,
        seconds=_now() - moment,
        unhealthy=cells.total - cells.up,
        faults_of_ours=prober.faults.total() - faults,
    )


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - measures real time


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--consul", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--interval", type=float, required=True)
    parser.add_argument("--checks", type=int, required=True)
    options = parser.parse_args()
    store = ConsulStore(ConsulEndpoint(address=options.consul), clock=SystemClock())
    async with aclosing(store):
        measured = await measure(store, Load(options.interval, options.checks), options.port)
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    pin(PROBER_CORE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
