"""Readers that know nothing of us follow a plain value: each recipe of docs/readers as it is printed."""

import asyncio
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.consul import OwnConsul
from tests.readers.followed import Followed
from tests.readers.programs import RECIPES, Program, running

pytestmark = pytest.mark.services

OUTAGE_SECONDS = 1.0
DOCUMENTED_KEY = "controlplane/values/failover/checkout"


def documented(beginning: str, key: str) -> list[str]:
    """The command of README.md that begins so, on the key of the test."""
    page = (RECIPES / "README.md").read_text().replace("\\\n", " ")
    (command,) = re.findall(rf"^{beginning} .*$", page, flags=re.MULTILINE)
    return shlex.split(command.replace(DOCUMENTED_KEY, key))


async def follows(program: Program, followed: Followed) -> None:
    """It prints the value at the start, and then each one that is written, the empty one as well."""
    first, *later = followed.values
    assert await program.line() == first
    for value in later:
        await followed.write(value)
        assert await program.line() == value


async def outlives(program: Program, followed: Followed, consul: OwnConsul) -> None:
    """The first line after an outage is the value of the first move after it."""
    assert await program.line() == "us-east"
    await consul.stop()
    await asyncio.sleep(OUTAGE_SECONDS)
    await consul.start()
    await followed.write("eu-west")
    assert await program.line() == "eu-west"


async def test_consul_kv_get(followed: Followed) -> None:
    """`consul kv get` prints the value before and after it changes."""
    for value in followed.values[:2]:
        await followed.write(value)
        async with running(
            *documented("consul kv get", followed.key), environment=followed.environment
        ) as program:
            assert await program.line() == value


async def test_consul_watch(followed: Followed) -> None:
    """A plain `consul watch` runs its command at the start and after each change."""
    command = documented("consul watch", followed.key)
    async with running(*command, environment=followed.environment) as program:
        await follows(program, followed)


async def test_shell(followed: Followed) -> None:
    """The shell loop prints the value at the start and after each change."""
    async with running(*shell(followed), environment=followed.environment) as program:
        await follows(program, followed)


async def test_node(followed: Followed, node_recipes: Path) -> None:
    """Node's package `consul` is told of each change."""
    async with running(*node(followed, node_recipes), environment=followed.environment) as program:
        await follows(program, followed)


@pytest.mark.parametrize(
    "command", [["sh", "follow.sh"], ["node", "switches.mjs"], ["node", "switches.mjs", "checkout"]]
)
def test_a_recipe_without_its_key_says_what_it_wants(command: list[str], reader_path: str) -> None:
    """One line of usage and exit code 2, not the innards of the program."""
    ended = subprocess.run(
        command, cwd=RECIPES, env={"PATH": reader_path}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert f"{command[1]} controlplane/" in ended.stderr


async def test_shell_outlives_consul(followed_alone: Followed, own_consul: OwnConsul) -> None:
    """The shell loop sees the move after an outage of Consul, and nothing is printed for the outage."""
    async with running(*shell(followed_alone), environment=followed_alone.environment) as program:
        await outlives(program, followed_alone, own_consul)


async def test_node_outlives_consul(
    followed_alone: Followed, own_consul: OwnConsul, node_recipes: Path
) -> None:
    """Node's package `consul` sees the move after an outage of Consul."""
    command = node(followed_alone, node_recipes)
    async with running(*command, environment=followed_alone.environment) as program:
        await outlives(program, followed_alone, own_consul)


def shell(followed: Followed) -> list[str]:
    return ["sh", str(RECIPES / "follow.sh"), followed.key]


def node(followed: Followed, recipes: Path) -> list[str]:
    return ["node", str(recipes / "follow.mjs"), followed.key]
