"""Owns what a demo adds to `serve`: the simulated fleet as one more child, its definitions, and a log-in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from controlplane.processes.child import Child
from controlplane.processes.demo_fleet.control import HEALTH_PATH
from controlplane.processes.demo_fleet.definition import fleet_file
from controlplane.processes.demo_fleet.fleet_json import NoDemo, read_fleet
from controlplane.processes.demo_login import demo_login, store_login
from controlplane.processes.errors import ProcessError
from controlplane.processes.readiness import http_status
from controlplane.processes.runtime_file import Runtime
from controlplane.processes.serve import supervise
from controlplane.processes.table import ServePlan, Stage, log_file

APPLY_SECONDS_MAX = 30.0

Result = TypeVar("Result")


async def run_demo(plan: ServePlan, act: Callable[[Runtime], Awaitable[Result]]) -> Result | None:
    """Run everything with the simulated fleet and, once its definitions are in the registry, `act`.

    All of it ends when `act` has ended, and its result is answered; or at SIGTERM or SIGINT, and then it is
    None. Main thread only, as `supervise` is.

    Raises:
        ProcessError: something that is needed cannot be had, in one sentence.
    """
    up: asyncio.Future[Runtime] = asyncio.get_running_loop().create_future()
    plan = replace(plan, further=partial(_fleet_beside, plan))
    running = asyncio.create_task(supervise(plan, on_ready=up.set_result), name="demo")
    acting = asyncio.create_task(_act(plan, up, act), name="act")
    try:
        await asyncio.wait({running, acting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (acting, running):
            await _ended(task)
    for task in (running, acting):
        if not task.cancelled() and (error := task.exception()):
            raise error
    return None if acting.cancelled() else acting.result()


async def _act(
    plan: ServePlan, up: asyncio.Future[Runtime], act: Callable[[Runtime], Awaitable[Result]]
) -> Result:
    runtime = await up
    await apply_fleet_file(api_url=runtime.api, token=runtime.token, data_dir=plan.data_dir)
    await store_login(api_url=runtime.api, token=runtime.token, login=demo_login(plan.data_dir))
    return await act(runtime)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task unless it has ended, and wait until it has."""
    task.cancel()
    await asyncio.wait({task})


def _fleet_beside(plan: ServePlan, runtime: Runtime) -> Sequence[Child]:
    return (fleet_child(plan, runtime),)


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
        log=log_file(plan, "demo-fleet"),
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
