"""A prober on fakes, and the fleet that its tests probe."""

import asyncio
from collections.abc import Mapping

from controlplane.application.probing import Prober
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.domain.fleet import Check, CheckType, Definitions, Fleet, Instance, Region, Service
from controlplane.domain.report import CellCounts, CellKey
from tests.fakes.clock import FakeClock
from tests.fakes.probes import FakeProbe, FakeTicker

EAST, WEST = CellKey("checkout", "us-east"), CellKey("checkout", "eu-west")
API = Check("api", CheckType.HTTP, interval_seconds=1.0, timeout_seconds=0.5, rise=2, fall=3)


def definitions(
    revision: int = 1, *, east: int = 2, west: int = 2, checks: tuple[Check, ...] = (API,)
) -> Definitions:
    """One service with the instances `us-east-0`, `us-east-1` … and so on."""
    instances = tuple(
        Instance(id=f"{region}-{number}", region=region, address="10.0.0.1", port=8000 + number)
        for region, size in (("us-east", east), ("eu-west", west))
        for number in range(size)
    )
    regions = (Region("us-east"), Region("eu-west"))
    return Definitions(revision, Fleet(regions=regions, services=(Service("checkout", checks, instances),)))


class ProberRig:
    """A prober whose targets are all one fake probe."""

    def __init__(self, *, places: int = 100) -> None:
        self.probe = FakeProbe()
        self.prober = Prober(
            probes=dict.fromkeys(CheckType, self.probe), clock=FakeClock(), region_probes_in_flight_max=places
        )

    async def run(self, seconds: float) -> None:
        """Tick for a while."""
        async with FakeTicker()(TICK_SECONDS, self.prober.tick):
            await asyncio.sleep(seconds)

    @property
    def cells(self) -> Mapping[CellKey, CellCounts]:
        """What it sees."""
        return self.prober.sight().cells
