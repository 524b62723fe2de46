"""Promises of readers as processes: started, forked, frozen, killed, ended, with Consul there and away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.contract.applied import APPLIED_HEADER, Applied, AppliedSource, AppliedState
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from tests.client.documents import (
    DEADLINE_SECONDS,
    KEY,
    RECOMMENDATIONS,
    SEARCH_DEPTH,
    SWITCHES_KEY,
    degraded,
    document,
    said_of,
    switches,
)
from tests.fixtures.consul import OwnConsul

pytestmark = pytest.mark.services

POLL_SECONDS = 0.02
ASKED_AT_ONCE = 16
"""Requests in one round: enough that each of a few workers answers some within a few rounds."""
WORKERS = 3


class Service:
    """A running service and what it answers."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, stderr: Path) -> None:
        self.process = process
        self.stderr = stderr
        self._url = f"http://127.0.0.1:{port}/value"

    async def ask(self) -> tuple[dict[str, Any], dict[str, Applied]]:
        """What one of its processes reads, and what they acknowledge together, by document."""
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_SECONDS) as http:
            answer = await http.get(self._url)
        header = answer.headers[APPLIED_HEADER]
        return answer.json(), {
            name: said_of(header, name) for name in ("failover.checkout", "switches.checkout")
        }

    async def workers(self) -> dict[int, dict[str, Any]]:
        """What each process reads that answered in one round, by pid."""
        answers = await asyncio.gather(*(self.ask() for _ in range(ASKED_AT_ONCE)))
        return {view["pid"]: view for view, _ in answers}

    async def all_workers(
        self, condition: Callable[[dict[str, Any]], bool], number: int = WORKERS
    ) -> set[int]:
        """Wait until so many processes read what satisfies the condition; their pids."""
        satisfied: set[int] = set()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(satisfied) < number:
                views = await self.workers()
                satisfied |= {pid for pid, view in views.items() if condition(view)}
        return satisfied

    async def until_acknowledged(self, revision: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await self.ask())[1]["switches.checkout"].revision != revision:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def running(consul: str, folder: Path, workers: int = 1) -> AsyncIterator[Service]:
    """A service; at the end all its processes are killed."""
    stderr = folder / "stderr"
    with stderr.open("wb") as noise:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.client.service", consul, str(folder), "--workers", str(workers)),
            stdout=subprocess.PIPE,
            stderr=noise,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        yield Service(process, int(await process.stdout.readline()), stderr)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def publish(consul: OwnConsul, revision: int, depth: int) -> None:
    entry = degraded(SEARCH_DEPTH, depth)
    off = degraded(RECOMMENDATIONS, value=False)
    async with httpx.AsyncClient(base_url=f"http://{consul.address}/v1/kv/", trust_env=False) as http:
        for key, raw in (
            (SWITCHES_KEY, switches(revision, recommendations=off, search_depth=entry).to_bytes()),
            (KEY, document(revision, "eu-west").to_bytes()),
        ):
            (await http.put(key, content=raw)).raise_for_status()


def reads(depth: int) -> Callable[[dict[str, Any]], bool]:
    return lambda view: bool(view["search-depth"] == depth)


async def test_a_reader_that_is_restarted_while_consul_is_away_serves_what_it_knew(own_consul, tmp_path):
    """After kill -9, without Consul, the first answer of the next process is the last known, from disk."""
    await publish(own_consul, 7, depth=1)
    async with running(own_consul.address, tmp_path) as service:
        await service.until_acknowledged(7)
        service.process.kill()
    await own_consul.stop()
    async with running(own_consul.address, tmp_path) as service:
        view, said = await service.ask()
        assert (view["search-depth"], view["recommendations"], view["active"]) == (1, False, "eu-west")
        for applied in said.values():
            assert (applied.revision, applied.state, applied.src) == (
                7,
                AppliedState.STALE,
                AppliedSource.DISK,
            )
        await own_consul.start()
        await publish(own_consul, 8, depth=2)
        await service.until_acknowledged(8)


async def test_a_reader_that_starts_for_the_first_time_without_consul_says_so(own_consul, tmp_path):
    """Without Consul and files the code's defaults are served, `src=default`, first stale, then absent."""
    await own_consul.wipe()
    async with running(own_consul.address, tmp_path) as service:
        view, said = await service.ask()
        assert (view["search-depth"], view["recommendations"], view["active"]) == (-1, True, None)
        assert {(a.revision, a.state, a.src) for a in said.values()} == {
            (0, AppliedState.STALE, AppliedSource.DEFAULT)
        }
        await own_consul.start()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while any(applied.state is not AppliedState.ABSENT for applied in said.values()):
                await asyncio.sleep(POLL_SECONDS)
                _, said = await service.ask()
        assert {applied.src for applied in said.values()} == {AppliedSource.DEFAULT}


async def test_forked_workers_follow_by_themselves(own_consul, tmp_path):
    """A client that was started before the fork is followed in every worker; all end without a word."""
    await publish(own_consul, 1, depth=1)
    async with running(own_consul.address, tmp_path, workers=WORKERS) as service:
        await service.all_workers(reads(1))
        await publish(own_consul, 2, depth=2)
        pids = await service.all_workers(reads(2))
        await service.until_acknowledged(2)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert await service.process.wait() == 0
        assert service.stderr.read_text() == ""


async def test_workers_report_the_lowest_revision_among_them(own_consul, tmp_path):
    """A frozen worker holds the acknowledgement of all back, until it goes on or is dead."""
    await publish(own_consul, 1, depth=1)
    async with running(own_consul.address, tmp_path, workers=WORKERS) as service:
        pids = await service.all_workers(reads(1))
        await service.until_acknowledged(1)
        frozen, killed = sorted(pids - {service.process.pid})
        for pid, way_out in ((frozen, signal.SIGCONT), (killed, signal.SIGKILL)):
            await hold_back(service, own_consul, pid, way_out)


async def hold_back(service: Service, consul: OwnConsul, pid: int, way_out: signal.Signals) -> None:
    """Freeze one worker over a flip: the others read it, and the acknowledgement waits for the way out."""
    _, said = await service.ask()
    revision = said["switches.checkout"].revision
    os.kill(pid, signal.SIGSTOP)
    await publish(consul, revision + 1, depth=revision + 1)
    others = await service.all_workers(reads(revision + 1), WORKERS - 1)
    assert pid not in others
    for _ in range(ASKED_AT_ONCE):
        view, said = await service.ask()
        assert (view["revision"], said["switches.checkout"].revision) == (revision + 1, revision)
    os.kill(pid, way_out)
    await service.until_acknowledged(revision + 1)


ENDINGS = {
    "never closed": "client.start()",
    "closed twice": "client.start(); client.close(); client.close()",
    "started again": "client.start(); client.close(); client.start()",
    "closed by a listener": "client.on_change(lambda change: client.close()); client.start(); time.sleep(1)",
    "forked and left": "client.start(); pid = os.fork(); pid and os.waitpid(pid, 0)",
    "forked without exec": "client.start(); subprocess.run(['true'], preexec_fn=lambda: None)",
    "main thread gone": (
        "client.start(); ask = lambda: (time.sleep(1), client.enabled('recommendations', default=True)); "
        "threading.Thread(target=ask).start()"
    ),
    "an exception": "client.start(); signal.raise_signal(signal.SIGTERM)",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("there", [True, False], ids=["Consul there", "Consul away"])
def test_a_process_ends_without_noise(consul, tmp_path, ending, there):
    """However a process with a client ends, it ends at once, with its own exit code and an empty stderr."""
    if there:
        key = Keys(consul.prefix).document(DocumentKind.SWITCHES, "checkout")
        httpx.put(f"http://{consul.address}/v1/kv/{key}", content=switches(1).to_bytes())
    address = consul.address if there else f"localhost:{UNUSED_PORT}"
    code = PREAMBLE.format(address=address, prefix=consul.prefix, folder=tmp_path) + ENDINGS[ending]
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3 if ending == "an exception" else 0, "", "")


UNUSED_PORT = 1
PREAMBLE = """
import logging, os, pathlib, signal, subprocess, sys, threading, time
from controlplane.client import SyncClient
logging.getLogger("controlplane.client").setLevel(logging.ERROR)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
client = SyncClient(
    ["checkout"],
    service="checkout",
    address="{address}",
    prefix="{prefix}",
    directory=pathlib.Path("{folder}"),
)
"""
