"""What `serve` says when everything is up, and what `demo --show-login` says at any time."""

import json
from pathlib import Path

import pytest

from controlplane.bootstrap.greeting import greeting
from controlplane.processes.runtime_file import Runtime
from tests.cli.conftest import Command
from tests.fakes.doors import FakeDoors
from tests.fakes.people import FakeUsers

FOLDER = Path("/srv/controlplane")


def runtime(url: str, token: str = "admin-token") -> Runtime:
    return Runtime(api=url, token=token, consul="127.0.0.1:1", database="postgresql://x", pids={})


def test_without_a_user_it_is_said_how_to_add_the_first(url: str, fakes: FakeDoors):
    """The command is whole: it can be copied."""
    fakes.people.users._users.clear()

    where, how = greeting(runtime(url), FOLDER).splitlines()
    assert where == f"controlplane is up: {url}"
    assert how.startswith("Nobody may log in yet.")
    assert how.endswith(" controlplane user add NAME --role admin --data-dir /srv/controlplane")


@pytest.mark.parametrize("hindrance", ["none", "away", "refused", "gone"])
def test_with_users_or_without_an_answer_it_is_one_line(url: str, fakes: FakeDoors, hindrance: str):
    """What is not known is not claimed."""
    assert isinstance(fakes.people.users, FakeUsers)
    fakes.people.users.away = hindrance == "away"
    address = "http://127.0.0.1:1" if hindrance == "gone" else url
    token = "nobody-token" if hindrance == "refused" else "admin-token"

    assert greeting(runtime(address, token), FOLDER) == f"controlplane is up: {address}"


def test_the_demos_log_in_can_be_read_again(command: Command, tmp_path: Path):
    """Without starting anything: for people, and for scripts."""
    words = ("demo", "--show-login", "--data-dir", str(tmp_path))
    said, told = command(*words), json.loads(command(*words, "--json").out)

    assert said.out == f"operator, password {told['password']}\n"
    assert told["name"] == "operator"
