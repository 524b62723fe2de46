"""Owns what a demo adds to `serve`: the simulated fleet as one more child, and its definitions."""

from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from controlplane.processes.child import Child
from controlplane.processes.demo_fleet.control import HEALTH_PATH
from controlplane.processes.demo_fleet.definition import fleet_file
from controlplane.processes.demo_fleet.fleet_json import NoDemo, read_fleet
from controlplane.processes.errors import ProcessError
from controlplane.processes.readiness import http_status
from controlplane.processes.runtime_file import Runtime
from controlplane.processes.table import ServePlan, Stage

APPLY_SECONDS_MAX = 30.0


def fleet_child(plan: ServePlan, runtime: Runtime) -> Child:
    """The simulated fleet as one more row of the supervisor's table, for `ServePlan.further`.

    It is up before the first probe: a restart of the demo must not look like the loss of everything.
    """
    told = {"CONTROLPLANE_DATA_DIR": str(plan.data_dir), "CONSUL_HTTP_ADDR": runtime.consul}
    return Child(
        name="demo-fleet",
        argv=(*plan.command, "demo-fleet"),
        environment={**plan.environment, **told},
        stage=Stage.CONTROL,
        is_ready=partial(_is_ready, plan.data_dir),
    )


async def apply_fleet_file(*, api_url: str, token: str, data_dir: Path) -> None:
    """Put the simulated fleet into the registry; with the same ports, doing so again changes nothing.

    Raises:
        ProcessError: the fleet does not run, or the API does not take it.
    """
    try:
        definition = fleet_file(read_fleet(data_dir).instances)
        async with httpx.AsyncClient(trust_env=False, timeout=APPLY_SECONDS_MAX) as http:
            response = await http.post(
                f"{api_url}/api/v1/registry/apply",
                content=definition,
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/yaml"},
            )
    except (NoDemo, httpx.HTTPError) as error:
        raise ProcessError(f"the demo's fleet cannot be applied: {error}") from error
    if response.status_code != HTTPStatus.OK:
        raise ProcessError(f"the API refused the demo's fleet: HTTP {response.status_code} {response.text}")


def _is_ready(data_dir: Path) -> bool:
    try:
        control = urlsplit(read_fleet(data_dir).control)
    except NoDemo:
        return False
    return http_status(control.hostname or "", control.port or 0, HEALTH_PATH) == HTTPStatus.OK
