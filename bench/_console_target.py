"""Owns the instances of the large fleet: 2,000 addresses in one process, which say what they have applied.

`python -m bench._console_target PORT CONSUL` answers until it is ended. The answers are those of well-behaved
readers: what Consul holds is acknowledged as soon as it is seen, by all instances of a service alike.
"""

import asyncio
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import httpx
import uvloop

from bench._console_fleet import SERVICES, addresses
from bench._probes_target import Answering
from controlplane.contract.applied import APPLIED_HEADER, Applied, AppliedState, render
from controlplane.contract.documents import DocumentKind, checksum
from controlplane.contract.json_fields import json_object
from controlplane.contract.keys import Keys

LOOK_EVERY_SECONDS = 0.2
DOCUMENT_BYTES_MAX = 128 * 1024


class Service:
    """All instances of one service."""

    def __init__(self, name: str) -> None:
        """An instance without documents."""
        self._keys = {Keys().document(kind, name): kind for kind in DocumentKind}
        self._name = name
        self.answer = _answer("")

    def apply(self, held: Mapping[str, bytes]) -> None:
        """Take what Consul holds."""
        known = ((kind, held[key]) for key, kind in self._keys.items() if key in held)
        self.answer = _answer(render(self._applied(kind, raw) for kind, raw in known))

    def connection(self) -> asyncio.Protocol:
        """One connection to an instance."""
        return Acknowledging(self)

    def _applied(self, kind: DocumentKind, raw: bytes) -> Applied:
        revision = json_object(raw, bytes_max=DOCUMENT_BYTES_MAX)["revision"]
        return Applied(
            kind=kind, name=self._name, revision=revision, sum=checksum(raw), state=AppliedState.OK
        )


class Acknowledging(Answering):
    """Answers what its service has applied."""

    def __init__(self, service: Service) -> None:
        """For one connection."""
        self._service = service

    def answer(self) -> bytes:
        """What every request is answered with."""
        return self._service.answer


def _answer(applied: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{APPLIED_HEADER}: {applied}\r\n\r\nok".encode()


async def serve(port: int, consul: str) -> None:
    """Listen and follow until the process is ended."""
    loop = asyncio.get_running_loop()
    services = [Service(name) for name in SERVICES]
    for number, service in enumerate(services):
        for address in addresses(number):
            await loop.create_server(service.connection, address, port)
    async with httpx.AsyncClient(base_url=f"http://{consul}/v1/kv", trust_env=False) as http:
        while True:
            held = {key: raw for kind in DocumentKind for key, raw in await _documents(http, kind)}
            for service in services:
                service.apply(held)
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _documents(http: httpx.AsyncClient, kind: DocumentKind) -> list[tuple[str, bytes]]:
    answer = await http.get(f"/{Keys().documents(kind)}", params={"recurse": ""})
    return list(_pairs(answer.json())) if answer.status_code == HTTPStatus.OK else []


def _pairs(entries: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        yield entry["Key"], b64decode(entry["Value"])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
