"""Owns the process of one cell: five instances around one reader, ordered about through stdin.

The first line on stdin is its configuration, each further one the faults of its instances; each is answered
by one line on stdout. The end of stdin, and with it the end of its parent, is its own.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx

from controlplane.client import Client
from controlplane.processes.demo_fleet.fault import Fault, FaultKind, fault_from_json
from controlplane.processes.demo_fleet.features import in_force
from controlplane.processes.demo_fleet.instance import Instance, Reading
from controlplane.processes.demo_fleet.severed import SeverableTransport

LINE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CellConfig:
    """What the process of one cell needs to know. `group` is the failover group that its service follows."""

    service: str
    region: str
    ports: Mapping[str, int]
    """Instance id → port."""
    group: str
    consul_address: str
    consul_token: str | None
    prefix: str
    directory: str
    """Of the last-known-good files, this process's own."""

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The inverse of `to_line`."""
        return cls(**json.loads(line))


class CellProcess:
    """The instances of one cell and the reader that they share."""

    def __init__(self, config: CellConfig) -> None:
        self._config = config
        self._wire = SeverableTransport(httpx.AsyncHTTPTransport(retries=0, trust_env=False))
        self._reader = Client(
            [config.group],
            service=config.service,
            region=config.region,
            directory=Path(config.directory),
            address=config.consul_address,
            token=config.consul_token,
            prefix=config.prefix,
            transport=lambda: self._wire,
        )
        self._instances = {
            name: Instance(
                instance=name,
                service=config.service,
                region=config.region,
                port=port,
                read=self._read,
                features=partial(in_force, self._reader, config.service),
            )
            for name, port in config.ports.items()
        }

    async def run(self, orders: asyncio.StreamReader) -> None:
        """Listen and obey until the orders end."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._reader)
            for instance in self._instances.values():
                stack.push_async_callback(instance.stop)
                await instance.start()
            _reply({"ready": True})
            async for line in orders:
                await self._obey(json.loads(line))
                _reply({"done": True})

    async def _obey(self, order: Mapping[str, Any]) -> None:
        faults = {name: fault_from_json(fault) for name, fault in order["faults"].items()}
        self._wire.severed = all(_cut_off(faults.get(name)) for name in self._instances)
        for name, instance in self._instances.items():
            await instance.suffer(faults.get(name))

    def _read(self) -> Reading:
        document = self._reader.document(self._config.group)
        return Reading(
            applied_header=self._reader.applied_header(),
            active_region=self._reader.active_region(self._config.group),
            revision=document.revision if document else None,
        )


def _cut_off(fault: Fault | None) -> bool:
    return fault is not None and fault.kind is FaultKind.PARTITION


def _reply(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _main() -> str | None:
    """Run on stdin; answers what went wrong."""
    orders = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    config = CellConfig.from_line(await orders.readline())
    logging.basicConfig(format=f"%(levelname)s {config.service}/{config.region} %(message)s")
    try:
        await CellProcess(config).run(orders)
    except OSError as error:
        return f"the demo's {config.service} in {config.region} cannot listen: {error}"
    return None


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
