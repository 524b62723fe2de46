"""Owns one simulated instance: what it answers when it is well, and what becomes of that under a fault."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from controlplane.contract.applied import APPLIED_HEADER
from controlplane.processes.demo_fleet.fault import FLAP_SECONDS, Fault, FaultKind
from controlplane.processes.demo_fleet.listener import Listener, Request, Response


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader of this process says at one moment."""

    applied_header: str
    active_region: str | None
    revision: int | None


class Instance:
    """One listener. `read` asks the process's reader, `features` what holds for a unit (None: for nobody)."""

    def __init__(
        self,
        *,
        instance: str,
        service: str,
        region: str,
        port: int,
        read: Callable[[], Reading],
        features: Callable[[str | None], Mapping[str, Any]],
    ) -> None:
        self._facts = {"instance": instance, "service": service, "region": region}
        self._read = read
        self._features = features
        self._fault: Fault | None = None
        self._since = 0.0
        self._changed = asyncio.Event()
        self._listener = Listener(port, self._handle)

    @property
    def port(self) -> int:
        """The port it answers on."""
        return self._listener.port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        await self._listener.open()

    async def stop(self) -> None:
        """Refuse connections and end those that are open."""
        await self._listener.close()

    async def suffer(self, fault: Fault | None) -> None:
        """Have this fault instead of the former; None: be well."""
        if fault == self._fault:
            return
        self._fault, self._since = fault, asyncio.get_running_loop().time()
        self._changed.set()
        self._changed = asyncio.Event()
        match fault and fault.kind:
            case FaultKind.KILL:
                await self._listener.close()
            case FaultKind.PARTITION:
                await self._listener.open()
                await self._listener.deafen()
            case _:
                await self._listener.open()

    async def _handle(self, request: Request) -> Response | None:
        fault = self._fault
        match fault:
            case Fault(FaultKind.HANG | FaultKind.PARTITION | FaultKind.KILL):
                await self._changed.wait()
                return None
            case Fault(FaultKind.SLOW, (low, high)):
                await asyncio.sleep(random.uniform(low, high))  # noqa: S311 - a delay, not a secret
            case Fault(FaultKind.ERROR):
                return self._failure()
            case Fault(FaultKind.FLAP) if self._flaps_down():
                return self._failure()
        return self._answer(request)

    def _flaps_down(self) -> bool:
        elapsed = asyncio.get_running_loop().time() - self._since
        return int(elapsed / FLAP_SECONDS) % 2 == 0

    def _failure(self) -> Response:
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR, {**self._facts, "status": "failing"})

    def _answer(self, request: Request) -> Response:
        reading = self._read()
        path, _, query = request.path.partition("?")
        match path:
            case "/health":
                headers = {APPLIED_HEADER: reading.applied_header}
                return Response(HTTPStatus.OK, {**self._facts, "status": "ok"}, headers)
            case "/active":
                view = {"active": reading.active_region, "revision": reading.revision}
                return Response(HTTPStatus.OK, {**self._facts, **view})
            case "/features":
                (unit,) = parse_qs(query).get("unit", [None])[:1]
                return Response(HTTPStatus.OK, {**self._facts, "features": self._features(unit)})
            case _:
                error = "GET /health, GET /active or GET /features?unit=user-1"
                return Response(HTTPStatus.NOT_FOUND, {"error": error})
