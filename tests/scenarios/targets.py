"""A fleet of small HTTP servers in the test's own process: each is up, down or hanging, as the test says."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import cycle
from typing import Any

import yaml

ADDRESS = "127.0.0.1"
BACKLOG_CONNECTIONS = 128
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

REGIONS = ("us-east", "eu-west", "ap-south")
CHECK = {"interval": "1s", "timeout": "500ms", "rise": 2, "fall": 3}
"""As the demo probes: a lost instance is down after 3 s and a half at most."""
POLICY = {"hold_down": "2s", "dwell": "1s", "max_automatic": "100 per 1h"}
"""A test asks for more moves than a person wants."""


class Mood(Enum):
    """What a target does with a connection."""

    UP = auto()
    """Answers 200."""
    DOWN = auto()
    """Resets it."""
    HANGING = auto()
    """Takes it and says nothing."""


@dataclass(slots=True, eq=False)
class Target:
    """One instance."""

    id: str
    service: str
    region: str
    mood: Mood = Mood.UP
    port: int = 0
    connections: set[asyncio.BaseTransport] = field(default_factory=set)


class _Conversation(asyncio.Protocol):
    def __init__(self, target: Target) -> None:
        self._target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._target.connections.add(transport)
        if self._target.mood is Mood.DOWN:
            transport.abort()

    def data_received(self, _data: bytes) -> None:
        if self._target.mood is Mood.UP:
            self._transport.write(WELL)
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._target.connections.discard(self._transport)


class Targets:
    """All instances of a fleet."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.all = targets

    def be(self, mood: Mood, *, region: str | None = None, service: str | None = None) -> None:
        """Let every instance of a region, a service, one of both, or all, be like this from now on."""
        for target in self.all:
            if region in (None, target.region) and service in (None, target.service):
                target.mood = mood

    async def flap(self, regions: Sequence[str], *, down_seconds: float, up_seconds: float) -> None:
        """Lose one region after the other, for ever."""
        for region in cycle(regions):
            self.be(Mood.DOWN, region=region)
            await asyncio.sleep(down_seconds)
            self.be(Mood.UP, region=region)
            await asyncio.sleep(up_seconds)

    def fleet_file(
        self,
        *,
        check: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> str:
        """The fleet file that describes them: a group per service, over the regions in their order."""
        services = list(dict.fromkeys(target.service for target in self.all))
        regions = list(dict.fromkeys(target.region for target in self.all))
        groups = [
            {"name": name, "services": [name], "regions": regions, "policy": POLICY | dict(policy or {})}
            for name in services
        ]
        content = {
            "apiVersion": "controlplane/v1",
            "regions": [{"name": region} for region in regions],
            "services": [self._service(name, CHECK | dict(check or {})) for name in services],
            "groups": groups,
        }
        return yaml.safe_dump(content, sort_keys=False)

    def _service(self, name: str, check: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "checks": [{"name": "health", "type": "http", "path": "/health", **check}],
            "instances": [
                {"id": target.id, "region": target.region, "address": ADDRESS, "port": target.port}
                for target in self.all
                if target.service == name
            ],
        }


@asynccontextmanager
async def listening(
    instances: Mapping[str, int] | None = None, *, services: Sequence[str] = ("checkout",)
) -> AsyncIterator[Targets]:
    """A fleet that listens: so many instances of each service per region, two in each of three by default."""
    targets = Targets([*_laid_out(instances or dict.fromkeys(REGIONS, 2), services)])
    servers = [await _listen(target) for target in targets.all]
    try:
        yield targets
    finally:
        for server in servers:
            server.close()
        for target in targets.all:
            for connection in tuple(target.connections):
                connection.close()
        await asyncio.sleep(0)  # closed transports say so on the loop


def _laid_out(instances: Mapping[str, int], services: Sequence[str]) -> Iterator[Target]:
    for service in services:
        for region, count in instances.items():
            for number in range(1, count + 1):
                yield Target(f"{service}-{region}-{number}", service, region)


async def _listen(target: Target) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Conversation(target), ADDRESS, 0, backlog=BACKLOG_CONNECTIONS)
    target.port = server.sockets[0].getsockname()[1]
    return server
