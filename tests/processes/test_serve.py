"""One `serve`: real databases from an empty folder, told to stand-ins for our own processes."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from controlplane.processes.errors import ProcessError
from controlplane.processes.free_port import LOOPBACK, free_ports
from controlplane.processes.runtime_file import Runtime, read_runtime
from controlplane.processes.serve import supervise
from controlplane.processes.table import ServePlan
from tests.processes.supervised import is_alive, until

pytestmark = pytest.mark.services

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))
SERVE = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from controlplane.processes.serve import supervise
from tests.processes.test_serve import plan
given = replace(plan(Path(sys.argv[1])), ends_with_parent=sys.argv[2] == "tied")
asyncio.run(supervise(given, on_ready=lambda _: print("ready", flush=True)))
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


def plan(data_dir: Path, **fields: Any) -> ServePlan:
    """A plan for everything embedded, with stand-ins for our own processes."""
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "host": LOOPBACK,
        "port": free_ports(1)[0],
        "vantage": "local",
        "probers": 1,
        "environment": dict(os.environ),
        "command": STAND_IN,
    }
    return ServePlan(**given | fields)


@asynccontextmanager
async def serving(given: ServePlan) -> AsyncIterator[Runtime]:
    """What runs; it has ended when the block is left."""
    ready = asyncio.Event()
    task = asyncio.create_task(supervise(given, on_ready=lambda _: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield _runtime(given.data_dir)
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait({task})


def _runtime(data_dir: Path) -> Runtime:
    runtime = read_runtime(data_dir)
    assert runtime is not None
    return runtime


def _told(data_dir: Path, command: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((data_dir / f"{command}.json").read_text())
    return told


async def test_everything_runs_and_a_second_start_finds_the_former_data(tmp_path: Path) -> None:
    """From an empty folder both databases come up; stopped and started again they hold what was written."""
    async with serving(plan(tmp_path)) as first:
        with psycopg.connect(first.database) as connection:
            connection.execute("CREATE TABLE mine AS SELECT 42 AS id")
        async with httpx.AsyncClient() as client:
            await client.put(f"http://{first.consul}/v1/kv/key", content="value")
    assert not any(map(is_alive, (pid for name, pid in first.pids.items() if name != "supervisor")))
    assert not (tmp_path / "runtime.json").exists()

    async with serving(plan(tmp_path)) as second:
        with psycopg.connect(second.database) as connection:
            assert connection.execute("SELECT id FROM mine").fetchone() == (42,)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{second.consul}/v1/kv/key?raw")).text == "value"
    assert second.token == first.token


async def test_each_process_is_told_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """A prober is told the API and its token, not the database; no secret stands in a command line."""
    stranger = {"CONSUL_HTTP_TOKEN": "of another Consul", "CONSUL_HTTP_SSL": "true", "CONSUL_CACERT": "/ca"}
    key = {"CONTROLPLANE_SECRET_KEY": "signs what browsers carry, and nothing else"}
    given = plan(tmp_path, environment={**os.environ, **stranger, **key}, vantage="us-1", probers=2)
    async with serving(given) as runtime:
        await until((tmp_path / "prober-2" / "probe.json").exists)
        await until((tmp_path / "prober-1" / "probe.json").exists)
        control, prober = _told(tmp_path, "control"), _told(tmp_path / "prober-2", "probe")

    assert set(runtime.pids) == {"supervisor", "consul", "postgres", "control", "prober-1", "prober-2"}
    assert control["environment"]["CONTROLPLANE_DATABASE_URL"] == runtime.database
    assert key.items() <= control["environment"].items()
    assert not key.keys() & prober["environment"].keys()
    assert prober["environment"]["CONTROLPLANE_URL"] == runtime.api
    assert prober["environment"]["CONTROLPLANE_PROBER_NAME"] == "prober-2"
    assert prober["argv"][1:] == ["probe", "--vantage", "us-1"]
    secrets = {runtime.token, runtime.database, prober["environment"]["CONTROLPLANE_TOKEN"]}
    assert not secrets & {*control["argv"], *prober["argv"]}
    assert not secrets & {*prober["environment"].values()} - {prober["environment"]["CONTROLPLANE_TOKEN"]}
    for told in (control, prober):
        assert told["environment"]["CONSUL_HTTP_ADDR"] == runtime.consul
        assert not stranger.keys() & told["environment"].keys()


async def test_given_databases_are_used_as_they_are(tmp_path: Path) -> None:
    """With both databases given, nothing is started or migrated beside our own processes.

    What is set for the control process reaches it; the database's address does not reach a prober.
    """
    set_by_person = {"CONSUL_HTTP_SSL": "true", "CONTROLPLANE_DATABASE_URL": "postgresql://given"}
    given = plan(
        tmp_path,
        database_url="postgresql://given",
        consul_address="given:8501",
        consul_token="a token",
        environment={**os.environ, **set_by_person},
    )
    async with serving(given) as runtime:
        await until((tmp_path / "prober-1" / "probe.json").exists)
        control = _told(tmp_path, "control")["environment"]
        prober = _told(tmp_path / "prober-1", "probe")["environment"]

    assert (runtime.database, runtime.consul) == ("postgresql://given", "given:8501")
    assert set(runtime.pids) == {"supervisor", "control", "prober-1"}
    assert not (tmp_path / "migrate.json").exists()
    assert control["CONSUL_HTTP_ADDR"] == "given:8501"
    assert control["CONSUL_HTTP_TOKEN"] == "a token"
    assert control["CONSUL_HTTP_SSL"] == prober["CONSUL_HTTP_SSL"] == "true"
    assert "CONTROLPLANE_DATABASE_URL" not in prober


async def test_the_runtime_file_follows_a_restart(tmp_path: Path) -> None:
    """After kill -9 of Consul another one runs on the same address with the same data, under a new pid."""
    async with serving(plan(tmp_path)) as before, httpx.AsyncClient() as client:
        await client.put(f"http://{before.consul}/v1/kv/key", content="value")
        os.kill(before.pids["consul"], signal.SIGKILL)
        await until(
            lambda: _runtime(tmp_path).pids.get("consul", before.pids["consul"]) != before.pids["consul"]
        )
        assert _runtime(tmp_path).consul == before.consul
        value = client.build_request("GET", f"http://{before.consul}/v1/kv/key?raw")
        await _until_answered(client, value, "value")


async def test_a_killed_postgres_comes_back_while_its_workers_still_end(tmp_path: Path) -> None:
    """After kill -9 of the server alone, with a connection at work, it serves again on the same address."""
    async with serving(plan(tmp_path)) as before:
        async with await psycopg.AsyncConnection.connect(before.database) as connection:
            await connection.execute("CREATE TABLE mine AS SELECT 42 AS id")
            await connection.commit()
            working = asyncio.create_task(_broken_off(connection))
            os.kill(before.pids["postgres"], signal.SIGKILL)
            await working
        await until(
            lambda: (
                _runtime(tmp_path).pids.get("postgres", before.pids["postgres"]) != before.pids["postgres"]
            )
        )
        await until(lambda: _selected(before.database) == (42,))


async def _broken_off(connection: psycopg.AsyncConnection[Any]) -> None:
    with pytest.raises(psycopg.OperationalError):
        await connection.execute("SELECT pg_sleep(600)")


def _selected(url: str) -> Any:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT id FROM mine").fetchone()
    except psycopg.OperationalError:
        return None


async def _until_answered(client: httpx.AsyncClient, request: httpx.Request, text: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.send(request)).text == text:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def test_a_second_start_on_a_running_folder_is_refused(tmp_path: Path) -> None:
    """Who starts a second one is told in one sentence, and the first goes on."""
    given = plan(tmp_path, database_url="postgresql://given", consul_address="given:8500")
    async with serving(given) as runtime:
        with pytest.raises(ProcessError, match=r"^controlplane runs on .* already \(process \d+\)"):
            await supervise(given, on_ready=lambda _: None)
        assert _runtime(tmp_path) == runtime


async def test_a_taken_port_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """The sentence names the port, and no database was started for nothing."""
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(ProcessError, match=f"^port {port} on 127.0.0.1 is taken"):
            await supervise(plan(tmp_path, port=port), on_ready=lambda _: None)

    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "consul").exists()


async def test_consul_not_to_be_had_is_refused(tmp_path: Path) -> None:
    """The sentence comes from the search and nothing is started."""
    environment = {**os.environ, "CONSUL_BIN": "/nonexistent"}
    with pytest.raises(
        ProcessError, match=r"^Consul is not to be had \(CONSUL_BIN: /nonexistent does not run"
    ):
        await supervise(plan(tmp_path, environment=environment), on_ready=lambda _: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Asked by a signal, everything ends, the runtime file goes and the exit code is 0."""
    process = await _process(tmp_path)
    pids = _runtime(tmp_path).pids.values()
    process.send_signal(number)

    assert await process.wait() == 0
    assert not any(map(is_alive, pids))
    assert not (tmp_path / "runtime.json").exists()


async def test_ctrl_c_ends_a_preparation_that_takes_long(tmp_path: Path) -> None:
    """While something slow is looked for or fetched, Ctrl-C is heard at once, and nothing stays."""
    asked, slow = tmp_path / "asked", tmp_path / "consul"
    slow.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 600\n")
    slow.chmod(0o755)
    environment = {**os.environ, "CONSUL_BIN": str(slow)}
    serve = (sys.executable, "-c", SERVE, str(tmp_path), "free")
    process = await asyncio.create_subprocess_exec(*serve, env=environment, stderr=PIPE)
    await until(asked.exists)
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()

    assert process.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in said
    assert read_runtime(tmp_path) is None


async def test_nothing_survives_kill_9_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    """After kill -9 no process is left, and at once the next start on the folder comes up with the data."""
    process = await _process(tmp_path)
    former = _runtime(tmp_path)
    with psycopg.connect(former.database) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS id")
    process.kill()
    await process.wait()
    assert read_runtime(tmp_path) is None

    async with serving(plan(tmp_path)) as again:
        assert not any(map(is_alive, former.pids.values()))
        with psycopg.connect(again.database) as connection:
            assert connection.execute("SELECT id FROM mine").fetchone() == (42,)


async def test_it_ends_with_its_parent_where_asked(tmp_path: Path) -> None:
    """When the process that started it is killed, all of it ends cleanly."""
    parent = await _process(tmp_path, tied=True)
    pids = _runtime(tmp_path).pids
    parent.kill()
    await parent.wait()

    await until(lambda: not any(map(is_alive, pids.values())))
    assert not (tmp_path / "runtime.json").exists()


async def _process(data_dir: Path, *, tied: bool = False) -> Process:
    """A process that serves, up; if tied, the parent of one that ends with it."""
    serve = [SERVE, str(data_dir), "tied" if tied else "free"]
    code = [PARENT, *serve] if tied else serve
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", *code, stdout=PIPE)
    assert process.stdout
    assert await process.stdout.readline() == b"ready\n"
    return process
