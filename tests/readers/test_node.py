"""The Node recipe for switches passes the vectors, and keeps the reader rules beside a real Consul."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from controlplane.contract.applied import APPLIED_HEADER, Applied
from controlplane.processes.free_port import free_ports
from tests.client.documents import RECOMMENDATIONS as RECS
from tests.client.documents import SEARCH_DEPTH, SWITCHES_KEY, degraded, said_of, switches
from tests.fixtures.consul import OwnConsul
from tests.readers.conftest import NODE_PACKAGE
from tests.readers.programs import RECIPES, Program, running
from tests.scenarios.waiting import eventually

pytestmark = pytest.mark.services

VECTORS_TIMEOUT_SECONDS = 120
EXPIRY_SECONDS = 6.0
NORMAL = {"recommendations": True, "search-depth": 3}


@dataclass(frozen=True, slots=True)
class NodeReader:
    """The running recipe: what it prints, and what it says on its port."""

    program: Program
    http: httpx.AsyncClient

    async def line(self) -> Mapping[str, object]:
        """The next values that it prints."""
        values: Mapping[str, object] = json.loads(await self.program.line())
        return values

    async def said(self) -> Applied:
        """What it acknowledges."""
        response = await self.http.get("/")
        return said_of(response.headers[APPLIED_HEADER], "switches.checkout")

    async def says(self, **wanted: object) -> Applied:
        """Wait until it acknowledges this."""
        return await eventually(
            self.said,
            lambda applied: all(getattr(applied, name) == value for name, value in wanted.items()),
        )


@asynccontextmanager
async def node_reader(consul: str, path: str, directory: Path) -> AsyncIterator[NodeReader]:
    """The recipe as README.md starts it, with a port and a folder."""
    (port,) = free_ports(1)
    environment = {
        "PATH": path,
        "CONSUL_HTTP_ADDR": consul,
        "PORT": str(port),
        "READER_DIRECTORY": str(directory),
    }
    command = ("node", str(RECIPES / "switches.mjs"), SWITCHES_KEY, "eu-west")
    async with (
        running(*command, environment=environment) as program,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield NodeReader(program, http)


def publish(consul: OwnConsul, raw: bytes) -> None:
    httpx.put(f"http://{consul.address}/v1/kv/{SWITCHES_KEY}", content=raw).raise_for_status()


def test_node_passes_the_vectors(reader_path: str, tmp_path: Path):
    """What the vectors say, the recipe does; only what floats cannot tell apart is left out, by name."""
    for file in (RECIPES / "switches.mjs", NODE_PACKAGE / "vectors.test.mjs"):
        shutil.copy(file, tmp_path)
    environment = {**os.environ, "PATH": reader_path, "VECTORS": str(RECIPES / "vectors")}
    done = subprocess.run(
        ["node", "--test", "vectors.test.mjs"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=VECTORS_TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert "# skipped 2" in done.stdout


async def test_node_follows_flips_and_expiries(own_consul: OwnConsul, reader_path: str, tmp_path: Path):
    """It prints the values at the start, after each flip, and when an expiry passes that nobody publishes."""
    publish(own_consul, switches(1).to_bytes())
    async with node_reader(own_consul.address, reader_path, tmp_path) as node:
        assert await node.line() == NORMAL
        publish(own_consul, switches(2, search_depth=degraded(SEARCH_DEPTH, 1)).to_bytes())
        assert await node.line() == NORMAL | {"search-depth": 1}
        await node.says(revision=2, state="ok", src="live")
        soon = datetime.now(UTC) + timedelta(seconds=EXPIRY_SECONDS)  # noqa: TID251 - it reads the real clock
        publish(own_consul, switches(3, recommendations=degraded(RECS, value=False, until=soon)).to_bytes())
        assert await node.line() == NORMAL | {"recommendations": False}
        assert await node.line() == NORMAL


async def test_node_refuses_and_keeps(own_consul: OwnConsul, reader_path: str, tmp_path: Path):
    """What it cannot read, and what is older, is refused with a reason; the former values stay."""
    flipped = switches(5, recommendations=degraded(RECS, value=False))
    publish(own_consul, flipped.to_bytes())
    async with node_reader(own_consul.address, reader_path, tmp_path) as node:
        values = await node.line()
        for raw, observed, err in (
            (replace(flipped, revision=6).to_bytes().replace(b'"bool"', b'"int"'), 6, "recommendations"),
            (switches(4).to_bytes(), 4, "revision went back"),
        ):
            publish(own_consul, raw)
            refusal = await node.says(state="nack", observed=observed)
            assert (refusal.revision, err in refusal.err) == (5, True)
        assert (await node.http.get("/")).json() == values == NORMAL | {"recommendations": False}


async def test_node_outlives_consul(own_consul: OwnConsul, reader_path: str, tmp_path: Path):
    """While Consul is away it keeps the flip, restarted it serves it from its file; then it follows again."""
    publish(own_consul, switches(5, recommendations=degraded(RECS, value=False)).to_bytes())
    async with node_reader(own_consul.address, reader_path, tmp_path) as node:
        flipped = await node.line()
        await node.says(revision=5, state="ok")
        await own_consul.stop()
        await node.says(revision=5, state="stale", src="live")
    async with node_reader(own_consul.address, reader_path, tmp_path) as node:
        assert await node.line() == flipped
        assert (await node.says(revision=5)).src == "disk"
        await own_consul.start()
        await asyncio.to_thread(publish, own_consul, switches(6).to_bytes())
        assert await node.line() == NORMAL
        await node.says(revision=6, state="ok", src="live")


async def test_node_says_that_it_knows_nothing(reader_path: str, tmp_path: Path):
    """Without Consul and without a file, the code's default is all there is, and the header says so."""
    async with node_reader("127.0.0.1:1", reader_path, tmp_path) as node:
        await node.says(revision=0, state="stale", src="default")
