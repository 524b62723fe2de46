"""Owns the person's side of the demo's faults: what is typed, what the fleet is told, what is said of it."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import httpx

from controlplane.processes.demo_fleet.control import FAULTS_PATH
from controlplane.processes.demo_fleet.fault import (
    HEAL,
    Fault,
    FaultError,
    FaultKind,
    read_fault,
    read_share,
)
from controlplane.processes.demo_fleet.fleet_json import FleetJson, NoDemo, read_fleet
from controlplane.processes.demo_fleet.layout import DemoInstance, UnknownTarget, select

FAULTS = (*(kind.value for kind in FaultKind), HEAL)
ANSWER_SECONDS_MAX = 90.0
"""Healing waits until killed processes listen again."""

NAMED_MAX = 5
"""Instances that are named one by one, where not all of a target are meant."""


class ChaosError(Exception):
    """Nothing was broken or healed; the text is one sentence for the person who typed the command."""


async def apply_fault(
    data_dir: Path, fault: str, scope: str, share: str | None = None, latency: str | None = None
) -> str:
    """Break or heal a part of the demo's fleet; answers what was done, in one sentence.

    Args:
        data_dir: the data folder of the demo.
        fault: one of `FAULTS`.
        scope: a region, a service, a cell (`checkout/us-east`), an instance, or `all`.
        share: of the instances in scope, such as `10%`; all of them by default.
        latency: of `slow`, such as `200ms` or `100ms-500ms`.

    Raises:
        ChaosError: a mistake in the words, or no demo runs on this folder.
    """
    try:
        chosen = read_fault(fault, latency)
        fleet = read_fleet(data_dir)
        whole = select(fleet.instances, scope)
        targets = select(fleet.instances, scope, read_share(share)) if share else whole
    except (FaultError, NoDemo, UnknownTarget) as error:
        raise ChaosError(str(error)) from error
    reached = await _send(data_dir, fleet, chosen, targets)
    return _summary(fault + _delay(chosen), scope, targets, len(whole), reached)


async def _send(
    data_dir: Path, fleet: FleetJson, fault: Fault | None, targets: Sequence[DemoInstance]
) -> int:
    order = {"fault": fault.to_json() if fault else None, "instances": [target.id for target in targets]}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS_MAX) as http:
            response = await http.post(
                fleet.control + FAULTS_PATH, json=order, headers={"Authorization": f"Bearer {fleet.secret}"}
            )
    except httpx.HTTPError as error:
        raise ChaosError(f"the demo on the folder {data_dir} does not run: {error}") from error
    if response.status_code != HTTPStatus.OK:
        raise ChaosError(f"the demo's fleet refused: HTTP {response.status_code} {response.text}")
    return int(response.json()["reached"])


def _summary(done: str, scope: str, targets: Sequence[DemoInstance], whole: int, reached: int) -> str:
    names = ", ".join(target.id for target in targets[:NAMED_MAX])
    more = ", …" if len(targets) > NAMED_MAX else ""
    listed = f": {names}{more}" if len(targets) < whole else ""
    rest = len(targets) - reached
    kept = f"; {rest} of them are killed and stay so until they are healed" if rest else ""
    return f"{done}: {len(targets)} of {whole} instances of {scope}{listed}{kept}"


def _delay(fault: Fault | None) -> str:
    if fault is None or fault.kind is not FaultKind.SLOW:
        return ""
    low, high = (round(seconds * 1000) for seconds in fault.latency_seconds)
    return f" by {low} to {high} ms"
