"""Owns the fleet's control endpoint: who holds the secret may break instances and heal them."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from controlplane.processes.demo_fleet.cell_keeper import CellKeeper
from controlplane.processes.demo_fleet.fault import Fault, FaultError, FaultKind, fault_from_json
from controlplane.processes.demo_fleet.layout import Cell, DemoInstance
from controlplane.processes.demo_fleet.listener import Request, Response

FAULTS_PATH = "/faults"
HEALTH_PATH = "/healthz"


class Faults:
    """Which instance has which fault. A killed one stays killed until it is healed."""

    def __init__(self, instances: Sequence[DemoInstance], keepers: Mapping[Cell, CellKeeper]) -> None:
        self._cells = {instance.id: instance.cell for instance in instances}
        self._keepers = keepers
        self._faults: dict[str, Fault] = {}
        self._turn = asyncio.Lock()

    async def inflict(self, fault: Fault | None, names: Sequence[str]) -> int:
        """Give these instances a fault, None heals them; returns when it is so. How many have it now.

        Raises:
            FaultError: there is no such instance.
        """
        if unknown := [name for name in names if name not in self._cells]:
            raise FaultError(f"there is no instance {unknown[0]!r}")
        async with self._turn:
            reached = [name for name in names if fault is None or not self._killed(name)]
            for name in reached:
                self._set(name, fault)
            await asyncio.gather(*(self._pass_on(cell) for cell in {self._cells[name] for name in reached}))
        return len(reached)

    def _killed(self, name: str) -> bool:
        fault = self._faults.get(name)
        return fault is not None and fault.kind is FaultKind.KILL

    def _set(self, name: str, fault: Fault | None) -> None:
        if fault is None:
            self._faults.pop(name, None)
        else:
            self._faults[name] = fault

    async def _pass_on(self, cell: Cell) -> None:
        faults = {name: fault for name, fault in self._faults.items() if self._cells[name] == cell}
        await self._keepers[cell].suffer(faults)


class ControlEndpoint:
    """`POST /faults {"fault": {…} or null, "instances": [ids]}` with a bearer secret; `GET /healthz`."""

    def __init__(self, faults: Faults, secret: str) -> None:
        self._faults = faults
        self._authorization = f"Bearer {secret}"

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if (request.method, request.path) == ("GET", HEALTH_PATH):
            return Response(HTTPStatus.OK, {"status": "ok"})
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given.encode(), self._authorization.encode()):
            return _refusal(HTTPStatus.UNAUTHORIZED, "the bearer secret stands in fleet.json")
        if (request.method, request.path) != ("POST", FAULTS_PATH):
            return _refusal(HTTPStatus.NOT_FOUND, f"POST {FAULTS_PATH}")
        try:
            fault, names = _order(request.body)
            return Response(HTTPStatus.OK, {"reached": await self._faults.inflict(fault, names)})
        except FaultError as error:
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


def _order(body: bytes) -> tuple[Fault | None, list[str]]:
    try:
        order: Mapping[str, Any] = json.loads(body)
        fault, names = order["fault"], [str(name) for name in order["instances"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FaultError(f"not an order: {error}") from error
    return None if fault is None else fault_from_json(fault), names


def _refusal(status: HTTPStatus, text: str) -> Response:
    return Response(status, {"error": text})
