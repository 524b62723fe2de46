"""No child outlives its parent."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.processes.supervised import is_alive, until

PARENT = """
import subprocess, sys, time
from controlplane.processes.parent_death import die_with_parent
from controlplane.processes.user_namespace import as_known_user
child = subprocess.Popen([*as_known_user(), "sleep", "600"], preexec_fn=die_with_parent())
print(child.pid, flush=True)
time.sleep(600)
"""
STOPS_WITH_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
STOPPER = """
import time
from controlplane.processes.parent_death import stop_with_parent
stop_with_parent()
print("tied", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("code", [PARENT, STOPS_WITH_PARENT], ids=["child", "ourselves"])
async def test_a_child_ends_with_its_killed_parent(code: str) -> None:
    """After kill -9 of the parent the child is gone, in a user namespace as well."""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, STOPPER, stdout=PIPE)
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    await parent.wait()

    await until(lambda: not is_alive(child))
