"""One `controlplane serve` as a person starts it, the processes that belong to it, and its API."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from controlplane.contract.keys import DEFAULT_PREFIX
from controlplane.processes.free_port import LOOPBACK, free_ports
from controlplane.processes.parent_death import die_with_parent
from controlplane.processes.runtime_file import Runtime, read_runtime
from tests.fixtures.consul import ConsulAccess
from tests.processes.supervised import is_alive
from tests.scenarios.waiting import PATIENCE_SECONDS, now

ANSWER_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said to an act, and how long that took; status 0: it could not be reached."""

    status: int
    body: Mapping[str, Any]
    seconds: float
    reason: str
    """The act's own: it stands in the log of what was done."""

    @property
    def outcome(self) -> str:
        """`done`, `unknown`, the code of the refusal, or the name of the error."""
        return str(self.body.get("outcome") or self.body.get("code"))


class Plane:
    """Starts, kills and asks one `serve`; its data stay in its folder and its port is always the same."""

    def __init__(
        self,
        data_dir: Path,
        *,
        consul: str | None = None,
        prefix: str = DEFAULT_PREFIX,
        database: str | None = None,
        probers: int = 1,
    ) -> None:
        """Without `consul` and `database` it brings its own."""
        self.data_dir = data_dir
        self.prefix = prefix
        self.log = data_dir.with_suffix(".log")
        (self._port,) = free_ports(1)
        self._probers = probers
        self._settings = {"CONTROLPLANE_CONSUL_PREFIX": prefix}
        if consul:
            self._settings["CONSUL_HTTP_ADDR"] = consul
        if database:
            self._settings["CONTROLPLANE_DATABASE_URL"] = plain_url(database)
        self._process: Process | None = None

    @property
    def api(self) -> str:
        """URL of its API, which is how a leader is told from another."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def runtime(self) -> Runtime:
        """What runs."""
        runtime = read_runtime(self.data_dir)
        assert runtime is not None, "it does not run"
        return runtime

    async def start(self) -> None:
        """Start it and wait until it says that it is up."""
        options = (
            "--data-dir",
            str(self.data_dir),
            "--port",
            str(self._port),
            "--probers",
            str(self._probers),
        )
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "controlplane", "serve", *options),
                env={**os.environ, **self._settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._is_up(self._process):
                assert self._process.returncode is None, self.log.read_text()[-2000:]
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> int:
        """Ask it to end by SIGTERM; answers its exit code. What does not obey is killed."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                return await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def kill(self) -> None:
        """Kill -9 the supervisor, and wait until all that belonged to it has gone the same way."""
        assert self._process is not None
        pids = [*self.runtime.pids.values()]
        self._process.kill()
        await self._process.wait()
        self._process = None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(map(is_alive, pids)):  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(POLL_SECONDS)

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to one of its processes; False while that is just being started again."""
        pid = self.runtime.pids.get(name)
        if pid is None or not is_alive(pid):
            return False
        os.kill(pid, number)
        return True

    def processes(self) -> list[str]:
        """The command lines of all processes that have to do with its folder, whosever children they are."""
        return [line for pid, line in _processes() if _names(pid, str(self.data_dir))]

    async def status(self) -> dict[str, Any]:
        """What `GET /api/v1/status` says."""
        async with self._http() as http:
            response = await http.get("/api/v1/status")
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
            return answer

    async def group(self, name: str) -> dict[str, Any]:
        """One group, as the status shows it."""
        groups = (await self.status())["groups"]
        return next((group for group in groups if group["name"] == name), {})

    async def ready(self) -> httpx.Response:
        """What `GET /readyz` says."""
        async with self._http() as http:
            return await http.get("/readyz")

    async def apply(self, fleet_file: str) -> None:
        """Put a fleet into the registry."""
        async with self._http() as http:
            response = await http.post("/api/v1/registry/apply", content=fleet_file)
            assert response.status_code == httpx.codes.OK, response.text

    async def changes(self) -> list[dict[str, Any]]:
        """The newest rows of history."""
        async with self._http() as http:
            response = await http.get("/api/v1/changes", params={"limit": 200})
            response.raise_for_status()
            rows: list[dict[str, Any]] = response.json()["changes"]
            return rows

    async def move(self, group: str, to: str, *, reason: str) -> Answer:
        """Move a group, as a person does."""
        return await self._act(f"/api/v1/failover/{group}/move", {"to": to, "reason": reason})

    async def flip(
        self, service: str, switch: str, verb: str, *, expected: int | None = None, **body: object
    ) -> Answer:
        """Degrade, restore or force a switch; `expected`: only if the service's switches are at it."""
        headers = {} if expected is None else {"If-Match": f'"{expected}"'}
        return await self._act(f"/api/v1/switches/{service}/{switch}/{verb}", body, headers)

    async def pause(self, group: str, *, reason: str) -> Answer:
        """Restrain the automation of a group for a while."""
        return await self._act("/api/v1/pause", _restraint(group, reason) | {"for": "1m"})

    async def resume(self, group: str, *, reason: str) -> Answer:
        """Release it again."""
        return await self._act("/api/v1/resume", _restraint(group, reason))

    async def switches(self, service: str) -> dict[str, Any]:
        """The switches of a service, as the API shows them."""
        async with self._http() as http:
            response = await http.get(f"/api/v1/switches/{service}")
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
            return answer

    async def _act(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        began = now()
        try:
            async with self._http() as http:
                response = await http.post(path, json=body, headers=headers)
        except httpx.TransportError as error:
            return Answer(0, {"code": type(error).__name__}, now() - began, str(body["reason"]))
        return Answer(response.status_code, response.json(), now() - began, str(body["reason"]))

    def _http(self) -> httpx.AsyncClient:
        token = (self.data_dir / "tokens" / "admin").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(
            base_url=self.api,
            headers=headers,
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            verify=False,  # there is no TLS here, and loading authorities each time would be measured, too
        )

    def _is_up(self, process: Process) -> bool:
        runtime = read_runtime(self.data_dir)
        return runtime is not None and runtime.pids.get("supervisor") == process.pid


def two_planes(folder: Path, consul: ConsulAccess, database: str) -> tuple[Plane, Plane]:
    """Two on the same Consul and PostgreSQL; the first one has the prober."""
    options: dict[str, Any] = {"consul": consul.address, "prefix": consul.prefix, "database": database}
    return Plane(folder / "one", **options), Plane(folder / "two", **options, probers=0)


def plain_url(database: str) -> str:
    """The address of a database as people write it, without a driver."""
    return database.replace("postgresql+psycopg://", "postgresql://", 1)


def _restraint(group: str, reason: str) -> dict[str, str]:
    return {"scope": "group", "name": group, "reason": reason}


def _processes() -> Iterator[tuple[Path, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield folder, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _names(process: Path, text: str) -> bool:
    """Whether a text stands in a process's command, its environment, or its working directory."""
    said = b""
    with suppress(OSError):
        said += (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        said += str((process / "cwd").readlink()).encode()
    return text.encode() in said
