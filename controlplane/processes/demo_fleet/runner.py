"""Owns the simulated fleet as a whole: nine processes, their control endpoint, and `fleet.json`."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from controlplane.contract.keys import DEFAULT_PREFIX
from controlplane.processes.demo_fleet.cell_keeper import START_SECONDS_MAX, CellKeeper
from controlplane.processes.demo_fleet.cell_process import CellConfig
from controlplane.processes.demo_fleet.control import ControlEndpoint, Faults
from controlplane.processes.demo_fleet.fleet_json import FleetJson, choose_ports, write_fleet
from controlplane.processes.demo_fleet.layout import CELLS, Cell, DemoInstance, lay_out
from controlplane.processes.demo_fleet.listener import LOOPBACK, Listener
from controlplane.processes.errors import ProcessError

_SECRET_BYTES = 32
_READERS_FOLDER = "fleet"
"""In the data folder: one folder of last-known-good files per process."""


async def run_fleet(
    *,
    data_dir: Path,
    consul_address: str,
    consul_token: str | None = None,
    prefix: str = DEFAULT_PREFIX,
) -> None:
    """Run the fleet until cancelled; `fleet.json` is written when every instance listens.

    Raises:
        ProcessError: there are no ports, or a process does not start.
    """
    instances = lay_out(choose_ports(data_dir))
    keepers = {
        cell: CellKeeper(
            CellConfig(
                service=cell.service,
                region=cell.region,
                ports={instance.id: instance.port for instance in instances if instance.cell == cell},
                group=cell.service,
                consul_address=consul_address,
                consul_token=consul_token,
                prefix=prefix,
                directory=str(data_dir / _READERS_FOLDER / f"{cell.service}.{cell.region}"),
            )
        )
        for cell in CELLS
    }
    try:
        async with asyncio.TaskGroup() as children:
            for keeper in keepers.values():
                children.create_task(keeper.run())
            await _all_ready(keepers)
            await _be_controlled(data_dir, instances, keepers)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def _all_ready(keepers: Mapping[Cell, CellKeeper]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            for keeper in keepers.values():
                await keeper.ready()
    except TimeoutError as error:
        raise ProcessError(f"the demo's fleet does not listen after {START_SECONDS_MAX:g} s") from error


async def _be_controlled(
    data_dir: Path, instances: Sequence[DemoInstance], keepers: Mapping[Cell, CellKeeper]
) -> None:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    listener = Listener(0, ControlEndpoint(Faults(instances, keepers), secret).handle)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(listener.close)
        await listener.open()
        write_fleet(data_dir, FleetJson(f"http://{LOOPBACK}:{listener.port}", secret, instances))
        await asyncio.get_running_loop().create_future()
