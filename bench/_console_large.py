"""Owns the control plane that `bench.console` loads: `serve` as in production, with 2,000 instances."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench._console_demo import POLL_SECONDS, READY_SECONDS_MAX, STOP_SECONDS_MAX, Demo
from bench._console_fleet import INSTANCES, SERVICES, fleet_file
from controlplane.processes.demo_login import demo_login, store_login
from controlplane.processes.free_port import free_ports
from controlplane.processes.parent_death import die_with_parent
from controlplane.processes.runtime_file import Runtime, read_runtime

FLIPS = 200
"""Ten of each service, so that there is history to list, and a few switches that are not normal."""
APPLY_SECONDS_MAX = 30.0


@contextmanager
def running_large_fleet() -> Iterator[Demo]:
    """A control plane that sees 2,000 instances up, every document confirmed; it ends with the block."""
    with TemporaryDirectory(prefix="bench-large-") as temporary:
        folder = Path(temporary, "data")
        port, target_port = free_ports(2)
        command = (sys.executable, "-m", "controlplane", "serve")
        with _process(*command, "--data-dir", str(folder), "--port", str(port)):
            runtime = _runtime(folder)
            target = (sys.executable, "-m", "bench._console_target", str(target_port), runtime.consul)
            with _process(*target):
                yield _prepared(folder, runtime, target_port)


@contextmanager
def _process(*argv: str) -> Iterator[None]:
    process = subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - it only calls what was looked up before
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS_MAX)


def _prepared(folder: Path, runtime: Runtime, target_port: int) -> Demo:
    headers = {"Authorization": f"Bearer {runtime.token}"}
    with httpx.Client(
        base_url=f"{runtime.api}/api/v1", headers=headers, timeout=APPLY_SECONDS_MAX, trust_env=False
    ) as http:
        http.post("/registry/apply", content=fleet_file(target_port)).raise_for_status()
        login = demo_login(folder)
        asyncio.run(store_login(api_url=runtime.api, token=runtime.token, login=login))
        _await_confirmation(http)
        for number in range(FLIPS):
            _flip(http, number)
        _await_confirmation(http)
    return Demo(folder, runtime, login)


def _flip(http: httpx.Client, number: int) -> None:
    """Degrade in one round and restore in the next; the last round stays degraded."""
    turn, service = divmod(number, len(SERVICES))
    verb = "restore" if turn % 2 and turn < FLIPS // len(SERVICES) - 1 else "degrade"
    path = f"/switches/{SERVICES[service]}/feature-{turn // 2:02}/{verb}"
    http.post(
        path, json={"reason": f"INC-{4800 + number} shed load while search recovers"}
    ).raise_for_status()


def _runtime(folder: Path) -> Runtime:
    for _ in _patience():
        runtime = read_runtime(folder)
        if runtime and _is_ready(runtime):
            return runtime
    raise RuntimeError(f"the control plane in {folder} is not ready after {READY_SECONDS_MAX:g} s")


def _is_ready(runtime: Runtime) -> bool:
    try:
        return httpx.get(f"{runtime.api}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _await_confirmation(http: httpx.Client) -> None:
    for _ in _patience():
        status = http.get("/status").raise_for_status().json()
        confirmed = [one["confirmed"] == one["instances"] > 0 for one in status["confirmations"]]
        if status["instances"]["up"] == INSTANCES and len(confirmed) == 2 * len(SERVICES) and all(confirmed):
            return
    raise RuntimeError(f"not all of {INSTANCES} instances have confirmed after {READY_SECONDS_MAX:g} s")


def _patience() -> Iterator[None]:
    deadline = time.perf_counter() + READY_SECONDS_MAX
    while time.perf_counter() < deadline:
        yield
        time.sleep(POLL_SECONDS)
