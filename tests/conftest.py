"""What all tests share: real servers, an environment of their own, how hard hypothesis searches."""

import asyncio
import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.certificates",
    "tests.fixtures.consul",
    "tests.fixtures.golang",
    "tests.fixtures.logs",
    "tests.fixtures.postgres",
]

SLOW_FILES = "tests/scenarios/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the stories: one worker runs a file, and the last one would work on alone for minutes."""
    items.sort(key=lambda item: SLOW_FILES not in item.path.as_posix())


for name in [*os.environ]:  # the caller's own control plane and Consul are none of the tests' business
    if name.startswith(("CONTROLPLANE_", "CONSUL_")) and name != "CONSUL_BIN":
        del os.environ[name]

asyncio.set_event_loop(
    None
)  # else looptime, looking for a loop in a test that has none, makes one and leaves it

settings.register_profile("quick", deadline=None)  # a loaded machine is slow, not wrong
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
