"""A fleet that is probed and served by real processes, steady: where every story begins."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from controlplane.contract.documents import FailoverDocument
from tests.scenarios.consul_sight import ConsulSight
from tests.scenarios.ledger import Ledger, read_ledger
from tests.scenarios.plane import Plane
from tests.scenarios.targets import Targets
from tests.scenarios.waiting import eventually

PEACE_POLL_SECONDS = 0.1


@dataclass(slots=True)
class Scene:
    """The parts of one story. `sight` and the database follow a plane that brings its own."""

    plane: Plane
    targets: Targets

    @property
    def sight(self) -> ConsulSight:
        """What really stands in Consul."""
        return ConsulSight(self.plane.runtime.consul, self.plane.prefix)

    async def ledger(self) -> Ledger:
        """What was published, once history has caught up."""
        return await read_ledger(self.sight, self.plane.runtime.database)

    async def steady(self) -> dict[str, Any]:
        """Wait until nothing is amiss and nothing stands in the automation's way; the status then."""
        return await eventually(self.plane.status, is_calm, pause=PEACE_POLL_SECONDS)

    async def moved(self, group: str, former: FailoverDocument) -> FailoverDocument:
        """Wait until Consul holds a later document that names another region."""
        return await eventually(
            lambda: self.sight.held(group),
            lambda held: held.revision > former.revision and held.active != former.active,
        )

    async def seen_down(self, service: str, region: str) -> None:
        """Wait until a report counts a whole cell as down."""
        await eventually(
            lambda: self.sight.cell(service, region), lambda cell: cell.down and not cell.up + cell.degraded
        )

    async def disagreements(self) -> list[str]:
        """Where the API says something else of the groups than Consul does."""
        said = {
            group["name"]: (group["active"], group["revision"])
            for group in (await self.plane.status())["groups"]
        }
        held = {name: await self.sight.held(name) for name in said}
        return [
            f"{name}: the API says {said[name]}, Consul {document.active} at {document.revision}"
            for name, document in held.items()
            if said[name] != (document.active, document.revision)
        ]


@asynccontextmanager
async def playing(
    plane: Plane,
    targets: Targets,
    *,
    check: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    followers: Sequence[Plane] = (),
) -> AsyncIterator[Scene]:
    """Start a plane that leads and others that follow it, apply the fleet, and wait for peace.

    All of them have ended when the block is left.
    """
    async with running(plane):
        await plane.apply(targets.fleet_file(check=check, policy=policy))
        scene = Scene(plane, targets)
        async with running(*followers):
            await scene.steady()
            yield scene


@asynccontextmanager
async def running(*planes: Plane) -> AsyncIterator[None]:
    """Start planes, all at once; they have ended when the block is left."""
    try:
        await asyncio.gather(*(plane.start() for plane in planes))
        yield
    finally:
        await asyncio.gather(*(plane.stop() for plane in planes))


def is_calm(status: Mapping[str, Any]) -> bool:
    """Whether the automation could act, and has no reason to."""
    held = status["freezes"] or status["restraints"] or status["unsettled"]
    return bool(status["groups"]) and not held and all(map(_is_steady, status["groups"]))


def _is_steady(group: Mapping[str, Any]) -> bool:
    up = all(region["verdict"] == "up" for region in group["regions"])
    return bool(group["regions"]) and up and group["state"] == "steady"
