"""A crowd of Go readers beside the demo's fleet: some can be made to refuse, some to freeze."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import yaml

from controlplane.contract.applied import APPLIED_HEADER
from controlplane.contract.times import parse_rfc3339
from tests.client.documents import said_of
from tests.fixtures.consul import ConsulAccess
from tests.fixtures.golang import GoReader, go_reader
from tests.fixtures.proxy import Proxy
from tests.scenarios.plane import Plane
from tests.scenarios.readers import REGION, with_instances
from tests.scenarios.waiting import PATIENCE_SECONDS, eventually, now

SERVICES = ("checkout", "catalog", "payments")
JOINED = "checkout"
"""The service that the Go readers belong to."""
SWITCH = "recommendations"
POLL_SECONDS = 0.02
REFUSERS = 3
SLEEPERS = 2

Flipped = Mapping[str, int]
"""Service → the revision of its switches that a flip published."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Go readers by instance id; all follow the switches and the group of `checkout`."""

    readers: Mapping[str, GoReader]
    wires: Sequence[Proxy]
    """Between Consul and those that can be made to refuse."""

    @property
    def refusers(self) -> Sequence[str]:
        """The first ones."""
        return [*self.readers][:REFUSERS]

    @property
    def sleepers(self) -> Sequence[str]:
        """The last ones."""
        return [*self.readers][-SLEEPERS:]

    def joined(self, fleet: str) -> str:
        """The fleet file with these readers among the instances, and a switch for every service."""
        content: dict[str, Any] = yaml.safe_load(
            with_instances(fleet, {name: reader.port for name, reader in self.readers.items()})
        )
        for service in content["services"]:
            service["switches"] = [{"name": SWITCH, "type": "bool", "normal": True, "degraded": False}]
        return yaml.safe_dump(content, sort_keys=False)

    def fall_ill(self) -> None:
        """From now on three read documents of a schema they do not know, and two are frozen."""
        for wire in self.wires:
            wire.rewrite = _of_another_schema
        for name in self.sleepers:
            self.readers[name].freeze()

    async def recover(self) -> None:
        """All read what there is, and are awake."""
        for wire in self.wires:
            wire.rewrite = bytes
            await wire.cut()
        for name in self.sleepers:
            self.readers[name].thaw()


@asynccontextmanager
async def crowd(program: Path, consul: ConsulAccess, folder: Path, *, size: int) -> AsyncIterator[Crowd]:
    """So many processes of the compiled reader, the three that will refuse behind a wire of their own."""
    host, port = consul.address.split(":")
    options = {"service": JOINED, "groups": JOINED, "region": REGION, "prefix": consul.prefix}
    async with AsyncExitStack() as stack:
        wires = [Proxy(host, int(port)) for _ in range(REFUSERS)]
        for wire in wires:
            await wire.open()
            stack.push_async_callback(wire.close)
        addresses = [wire.address for wire in wires] + [consul.address] * (size - REFUSERS)
        readers = {}
        for number, address in enumerate(addresses, start=1):
            name = f"{JOINED}-go-{number}"
            reader = go_reader(
                program, consul=address, instance=name, directory=str(folder / name), **options
            )
            readers[name] = await stack.enter_async_context(reader)
        yield Crowd(readers, wires)


def _of_another_schema(chunk: bytes) -> bytes:
    return chunk.replace(b"controlplane.switches/1", b"controlplane.switches/2")


async def flip_all(plane: Plane, verb: str) -> Flipped:
    """Degrade or restore the switch of every service at once."""
    answers = await asyncio.gather(
        *(plane.flip(service, SWITCH, verb, reason="a rehearsal") for service in SERVICES)
    )
    assert [answer.outcome for answer in answers] == ["done"] * len(SERVICES), answers
    return {service: answer.body["revision"] for service, answer in zip(SERVICES, answers, strict=True)}


async def switch_confirmations(plane: Plane) -> Mapping[str, Mapping[str, Any]]:
    """What the status says of each service's switches."""
    status = await plane.status()
    return {one["name"]: one for one in status["confirmations"] if one["kind"] == "switches"}


async def all_confirmed(plane: Plane, flipped: Flipped) -> int:
    """Wait until everybody confirms the flips, and say how many they are."""
    found = await eventually(
        lambda: switch_confirmations(plane),
        lambda found: all(
            found[service]["revision"] == revision
            and found[service]["confirmed"] == found[service]["instances"]
            for service, revision in flipped.items()
        ),
    )
    return sum(one["confirmed"] for one in found.values())


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """How long after a flip was asked for each reader had it in force.

    The Go readers say when their listener heard; the demo's instances of one cell share a reader, and one of
    them is asked every 20 ms, so that what is measured is no less than what was.
    """

    fleet: Mapping[str, Any]
    crowd: Crowd

    async def flip(self, plane: Plane, verb: str) -> tuple[Flipped, list[float]]:
        """Flip everything: the revisions, and the seconds of every instance."""
        began, began_at = now(), datetime.now(UTC)  # noqa: TID251 - the Go readers tell wall-clock time
        flipped = await flip_all(plane, verb)
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS, verify=False) as http:
            seconds = await asyncio.gather(
                *(self._of_go(reader, flipped[JOINED], began_at) for reader in self.crowd.readers.values()),
                *(self._of_cell(http, cell, flipped, began) for cell in self._cells()),
            )
        return flipped, [value for values in seconds for value in values]

    def _cells(self) -> list[tuple[str, int, int]]:
        """Service, port of one instance, number of instances, of each cell of the demo."""
        cells = []
        for service in self.fleet["services"]:
            demo = [one for one in service["instances"] if one["id"] not in self.crowd.readers]
            for _, instances in groupby(demo, key=lambda one: str(one["region"])):
                first, *others = instances
                cells.append((str(service["name"]), int(first["port"]), 1 + len(others)))
        return cells

    async def _of_go(self, reader: GoReader, revision: int, began: datetime) -> list[float]:
        changes = await eventually(reader.changes, lambda changes: any(_is(one, revision) for one in changes))
        (at,) = [one["at"] for one in changes if _is(one, revision)]
        return [(parse_rfc3339(at) - began).total_seconds()]

    async def _of_cell(
        self, http: httpx.AsyncClient, cell: tuple[str, int, int], flipped: Flipped, began: float
    ) -> list[float]:
        service, port, instances = cell
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                response = await http.get(f"http://127.0.0.1:{port}/health")
                applied = said_of(response.headers[APPLIED_HEADER], f"switches.{service}")
                if applied.revision >= flipped[service]:
                    return [now() - began] * instances
                await asyncio.sleep(POLL_SECONDS)


def _is(change: Mapping[str, Any], revision: int) -> bool:
    return bool(change["document"] == f"switches.{JOINED}" and change["revision"] == revision)
