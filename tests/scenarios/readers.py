"""Readers beside the demo's fleet: one that refuses everything, and a process that can be frozen."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from controlplane.contract.applied import APPLIED_HEADER, Applied, AppliedState, render
from controlplane.contract.documents import DocumentKind
from controlplane.processes.demo_fleet.cell_process import CellConfig
from controlplane.processes.demo_fleet.definition import fleet_file
from controlplane.processes.demo_fleet.fleet_json import read_fleet
from controlplane.processes.demo_fleet.listener import Listener, Request, Response
from controlplane.processes.demo_fleet.runner import run_fleet
from controlplane.processes.free_port import LOOPBACK, free_ports
from controlplane.processes.parent_death import die_with_parent
from tests.fixtures.consul import ConsulAccess
from tests.scenarios.waiting import PATIENCE_SECONDS

POLL_SECONDS = 0.05
REGION = "ap-south"
COMPLAINT = "weights: “ap-south” is unknown"


@asynccontextmanager
async def demo_fleet(data_dir: Path, consul: ConsulAccess) -> AsyncIterator[str]:
    """The 45 instances of the demo; their fleet file."""
    fleet = asyncio.create_task(
        run_fleet(data_dir=data_dir, consul_address=consul.address, prefix=consul.prefix)
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (data_dir / "fleet.json").exists():
                assert not fleet.done(), fleet.result()
                await asyncio.sleep(POLL_SECONDS)
        yield fleet_file(read_fleet(data_dir).instances)
    finally:
        fleet.cancel()
        await asyncio.gather(fleet, return_exceptions=True)


@asynccontextmanager
async def refusing(names: tuple[str, ...]) -> AsyncIterator[Mapping[str, int]]:
    """Readers of `checkout` that hold revision 1 and refuse whatever comes after it; their ports."""
    acknowledgement = Applied(
        kind=DocumentKind.FAILOVER,
        name="checkout",
        revision=1,
        sum="00000000",
        state=AppliedState.NACK,
        observed=2,
        err=COMPLAINT,
    )

    async def answer(_request: Request) -> Response:
        return Response(HTTPStatus.OK, {"status": "ok"}, {APPLIED_HEADER: render([acknowledgement])})

    async with AsyncExitStack() as stack:
        listeners = {name: Listener(0, answer) for name in names}
        for listener in listeners.values():
            await listener.open()
            stack.push_async_callback(listener.close)
        yield {name: listener.port for name, listener in listeners.items()}


class FreezableReaders:
    """A process with readers of `checkout`, as the demo's; it can be stopped in the middle of anything."""

    def __init__(self, process: Process, ports: Mapping[str, int]) -> None:
        self.ports = ports
        self._process = process

    def freeze(self) -> None:
        """SIGSTOP: the kernel still accepts connections, and nobody answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self._process.pid, signal.SIGCONT)


@asynccontextmanager
async def freezable(
    names: tuple[str, ...], folder: Path, consul: ConsulAccess
) -> AsyncIterator[FreezableReaders]:
    """Real readers in a process of their own."""
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    config = CellConfig(
        service="checkout",
        region=REGION,
        ports=ports,
        group="checkout",
        consul_address=consul.address,
        consul_token=None,
        prefix=consul.prefix,
        directory=str(folder),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlplane.processes.demo_fleet.cell_process"),
        stdin=PIPE,
        stdout=PIPE,
        preexec_fn=die_with_parent(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(config.to_line())
        assert b"ready" in await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        yield FreezableReaders(process, ports)
    finally:
        process.kill()
        await process.wait()


def with_instances(fleet: str, ports: Mapping[str, int]) -> str:
    """The fleet file with further instances of `checkout`."""
    content: dict[str, Any] = yaml.safe_load(fleet)
    (checkout,) = (service for service in content["services"] if service["name"] == "checkout")
    checkout["instances"] += [
        {"id": name, "region": REGION, "address": LOOPBACK, "port": port} for name, port in ports.items()
    ]
    return yaml.safe_dump(content, sort_keys=False)
