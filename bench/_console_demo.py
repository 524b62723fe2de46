"""Owns the demo that `bench.console` measures: a process of its own, as a person starts it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from controlplane.processes.demo_login import Login, demo_login
from controlplane.processes.free_port import free_ports
from controlplane.processes.parent_death import die_with_parent
from controlplane.processes.runtime_file import Runtime, read_runtime

READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.2
INSTANCES = 45


@dataclass(frozen=True, slots=True)
class Demo:
    """A control plane with a simulated fleet, and how to enter it."""

    folder: Path
    runtime: Runtime
    login: Login

    def client(self) -> httpx.AsyncClient:
        """Speaks to the API as an admin."""
        headers = {"Authorization": f"Bearer {self.runtime.token}"}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        return httpx.AsyncClient(base_url=self.runtime.api, headers=headers, timeout=30, limits=limits)


@contextmanager
def running_demo() -> Iterator[Demo]:
    """A demo whose whole fleet is up and whose log-in works; it ends with the block."""
    with TemporaryDirectory(prefix="bench-demo-") as temporary:
        folder = Path(temporary, "data")
        (port,) = free_ports(1)
        process = subprocess.Popen(
            (sys.executable, "-m", "controlplane", "demo", "--data-dir", str(folder), "--port", str(port)),
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - it only calls what was looked up before
        )
        try:
            yield Demo(folder, _ready(folder), demo_login(folder))
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)


def _ready(folder: Path) -> Runtime:
    deadline = time.perf_counter() + READY_SECONDS_MAX
    while time.perf_counter() < deadline:
        runtime = read_runtime(folder)
        if runtime and _is_up(runtime):
            return runtime
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"the demo in {folder} is not up after {READY_SECONDS_MAX:g} s")


def _is_up(runtime: Runtime) -> bool:
    """Whether everything is probed, every document confirmed and somebody can log in."""
    headers = {"Authorization": f"Bearer {runtime.token}"}
    with httpx.Client(base_url=f"{runtime.api}/api/v1", headers=headers) as http:
        try:
            status, users = http.get("/status"), http.get("/users")
        except httpx.HTTPError:
            return False
    if not (status.is_success and users.is_success and users.json()["users"]):
        return False
    picture = status.json()
    confirmed = sum(one["confirmed"] == one["instances"] for one in picture["confirmations"])
    return bool(picture["instances"]["up"] == INSTANCES and confirmed == len(picture["confirmations"]) > 0)
