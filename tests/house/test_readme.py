"""The lines of the README that show how a service reads the active region do so."""

import asyncio
import os
import re
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.client import Client
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from tests.client.documents import DEADLINE_SECONDS, document
from tests.fixtures.consul import OwnConsul

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.1:8500"
KEYS = Keys()
GROUP = "checkout"
ENOUGH_ANSWERS = 20
"""Requests that arrive before the region becomes active."""

pytestmark = pytest.mark.services


def lines(language: str) -> str:
    """The fenced block of one language that reads from Consul."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (block,) = [block for block in blocks if ADDRESS in block]
    return str(block)


@pytest.fixture
def http(own_consul: OwnConsul) -> Iterator[httpx.Client]:
    """The key-value store of a Consul in which checkout is active in eu-west."""
    with httpx.Client(base_url=f"http://{own_consul.address}/v1/kv/") as client:
        publish(client, 1, "eu-west")
        yield client


def publish(http: httpx.Client, revision: int, region: str) -> None:
    for key, value in (
        (KEYS.document(DocumentKind.FAILOVER, GROUP), document(revision, region).to_bytes()),
        (KEYS.failover_value(GROUP), region.encode()),
    ):
        http.put(key, content=value).raise_for_status()


def test_shell(http: httpx.Client, own_consul: OwnConsul, consul_binary: Path):
    """The shell reads the region now, and is told of every change."""
    script = lines("sh").replace(ADDRESS, own_consul.address)
    environment = {"PATH": f"{consul_binary.parent}:{os.defpath}"}

    with subprocess.Popen(
        ["/bin/sh", "-c", script], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        try:
            said = [shell.stdout.readline().strip(), shell.stdout.readline().strip()]
            publish(http, 2, "us-east")
            said.append(shell.stdout.readline().strip())
        finally:
            os.killpg(shell.pid, signal.SIGKILL)

    assert said == ["eu-west", "eu-west", "us-east"]


async def test_python(http: httpx.Client, own_consul: OwnConsul):
    """The Python lines serve while the region is the active one, and notice when it becomes so."""
    answers: list[bool] = []

    async def next_request() -> bool:
        await asyncio.sleep(0.01)
        return not (answers and answers[-1])

    async def answer(_request: object, *, active: bool) -> None:
        if len(answers) == ENOUGH_ANSWERS:
            publish(http, 2, "us-east")
        answers.append(active)

    scope: dict[str, Any] = {"Client": Client, "next_request": next_request, "answer": answer}
    code = lines("python").replace(ADDRESS, own_consul.address)
    exec(f"async def service():\n{textwrap.indent(code, '    ')}", scope)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await scope["service"]()

    assert len(answers) > ENOUGH_ANSWERS
    assert answers.index(True) == len(answers) - 1


@pytest.mark.prove
def test_go(http: httpx.Client, own_consul: OwnConsul, tmp_path: Path):
    """The Go lines answer with the active region, and with what was known when there is none to be had."""
    code = textwrap.indent(lines("go").replace(ADDRESS, own_consul.address), "\t")
    (tmp_path / "main.go").write_text(GO_PROGRAM % code)

    def ask() -> str:
        return subprocess.run(
            ["go", "run", "main.go"], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    assert ask() == "eu-west"
    http.delete(KEYS.failover_value(GROUP)).raise_for_status()
    assert ask() == "known"


GO_PROGRAM = """
package main

import ("fmt"; "io"; "net/http")

func active(known string) string {
%s
\tif err != nil { return known }
\treturn string(region)
}

func main() { fmt.Print(active("known")) }
"""
