"""What foreign readers need: a value to follow, the recipes' tools, Node with the package `consul`."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import DEFAULT_PREFIX
from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.readers.followed import Followed, followed_at
from tests.readers.programs import RECIPES

NODE_PACKAGE = Path(__file__).parent / "node"
NPM_TIMEOUT_SECONDS = 300


@pytest.fixture(params=DocumentKind)
async def followed(
    request: pytest.FixtureRequest, consul: ConsulAccess, reader_path: str
) -> AsyncIterator[Followed]:
    """The plain value of a group, and that of a switch, in the session's Consul."""
    async with followed_at(consul.address, consul.prefix, reader_path, request.param) as followed:
        yield followed


@pytest.fixture
async def followed_alone(own_consul: OwnConsul, reader_path: str) -> AsyncIterator[Followed]:
    """A value in the test's own Consul, under the key that the recipes are documented with."""
    async with followed_at(
        own_consul.address, DEFAULT_PREFIX, reader_path, DocumentKind.FAILOVER
    ) as followed:
        yield followed


@pytest.fixture(scope="session")
def reader_path(consul_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with the tests' `consul`, and with `node` and `npm` of the machine, else of the wheel."""
    tools = tmp_path_factory.mktemp("tools")
    (tools / "consul").symlink_to(consul_binary)
    beside = Path(sys.executable).parent
    path = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath), str(beside)])
    for program in ("curl", "node", "npm"):
        assert shutil.which(program, path=path), f"{program} is neither on PATH nor in {beside}"
    return path


@pytest.fixture(scope="session")
def node_recipes(reader_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Node recipe and the packages it needs, exactly as locked."""
    folder = tmp_path_factory.mktemp("node")
    for file in (*NODE_PACKAGE.iterdir(), RECIPES / "follow.mjs"):
        if file.is_file():
            shutil.copy(file, folder)
    done = subprocess.run(
        ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        env={**os.environ, "PATH": reader_path},
        capture_output=True,
        text=True,
        check=False,
        timeout=NPM_TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, f"npm ci failed:\n{done.stdout}\n{done.stderr}"
    return folder
