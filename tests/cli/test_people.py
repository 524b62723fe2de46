"""Users and tokens on the command line: who may come in, asked for once and told without a secret."""

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import Command
from tests.fakes.doors import FakeDoors

PASSWORD = "an unusual password"
DEADLINE_SECONDS = 60


Typed = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def typed(url: str) -> Typed:
    """Types a command, and passes it something on standard input, as a script does."""

    def run(*words: str, given: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        named = {"CONTROLPLANE_URL": url, "CONTROLPLANE_TOKEN": "admin-token", **environment}
        return subprocess.run(
            [sys.executable, "-m", "controlplane", *words],
            check=False,
            input=given,
            env=os.environ | named,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    return run


def test_a_user_is_added_with_a_password_from_standard_input(typed: Typed, fakes: FakeDoors):
    """The password reaches the control plane and nothing else."""
    ended = typed("user", "add", "alice", "--role", "operator", "--password-stdin", given=f"{PASSWORD}\n")

    assert (ended.returncode, ended.stdout) == (0, "done: alice may log in as operator\n")
    assert fakes.people.users._users["alice"].password_hash == f"today${PASSWORD}"


def test_a_password_is_typed_twice_and_not_shown(url: str, fakes: FakeDoors):
    """Without --password-stdin the keyboard is asked until both are the same."""
    keyboard, terminal = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "controlplane", "user", "add", "alice", "--role", "viewer", "--json"],
        stdin=terminal,
        env=os.environ | {"CONTROLPLANE_URL": url, "CONTROLPLANE_TOKEN": "admin-token"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no terminal but the one above
    )
    assert asking.stderr
    for line in (PASSWORD, "a mistake in it", PASSWORD, PASSWORD):
        while asking.stderr.read(1) != b" ":  # ends a prompt; what is typed before is lost
            assert asking.poll() is None
        os.write(keyboard, f"{line}\n".encode())
    said, _ = asking.communicate(timeout=DEADLINE_SECONDS)
    shown, _, _ = select.select([keyboard], [], [], 0)
    os.close(terminal)
    os.close(keyboard)

    assert asking.returncode == 0
    assert shown == []
    assert PASSWORD.encode() not in said
    assert fakes.people.users._users["alice"].password_hash == f"today${PASSWORD}"


def test_where_there_is_no_keyboard_the_way_is_told(typed: Typed):
    """A script that forgot --password-stdin does not hang."""
    ended = typed("user", "add", "alice", "--role", "viewer")

    assert ended.returncode == 2
    assert "--password-stdin" in ended.stderr


def test_a_short_password_is_refused(typed: Typed):
    """The refusal says what is allowed, and not what was typed."""
    ended = typed("user", "add", "alice", "--role", "viewer", "--password-stdin", given="tiny-secret")

    assert ended.returncode == 1
    assert "at least 12" in " ".join(ended.stderr.split())
    assert "tiny-secret" not in ended.stderr


def test_users_are_listed_given_another_role_and_removed(controlplane: Command, fakes: FakeDoors):
    """Each word does what it says, for people and for programs."""
    assert "a-operator  operator" in controlplane("user", "list").out
    assert controlplane("user", "role", "a-viewer", "--role", "admin").code == 0
    assert fakes.people.users._users["a-viewer"].role == "admin"
    assert controlplane("user", "remove", "a-viewer").out == "done: a-viewer cannot log in any more\n"
    assert json.loads(controlplane("user", "remove", "a-operator", "--json").out) == {"name": "a-operator"}
    users = json.loads(controlplane("user", "list", "--json").out)["users"]
    assert users == [{"name": "a-admin", "role": "admin"}]
    assert controlplane("user", "remove", "a-admin").code == 0
    assert "nobody may log in yet" in controlplane("user", "list").out


@pytest.mark.parametrize("words", [("user", "remove", "bob"), ("user", "role", "bob", "--role", "admin")])
def test_a_user_who_is_not_there_is_told(controlplane: Command, words: tuple[str, ...]):
    """Nothing is made by mistake."""
    ended = controlplane(*words)

    assert ended.code == 1
    assert "there is no user bob" in ended.err


def test_tokens_are_made_listed_and_revoked_over_the_api(controlplane: Command):
    """The secret is told once; afterwards only who holds what."""
    assert "no token was made yet" in controlplane("token", "list").out
    secret = controlplane("token", "create", "--name", "ci", "--role", "viewer").out.strip()
    listed = controlplane("token", "list").out

    assert secret.startswith("secret-")
    assert "ci" in listed
    assert secret not in listed
    assert len(json.loads(controlplane("token", "list", "--json").out)["tokens"]) == 1
    assert controlplane("token", "revoke", "ci").out == "done: the token of ci is revoked\n"
    assert controlplane("token", "revoke", "ci", "--json").code == 1


@pytest.mark.services
def test_a_first_user_is_written_straight_into_the_database(typed: Typed, postgres_url: str):
    """With --local neither a control plane nor a token is needed, and the password is kept as a hash."""
    url = postgres_url.replace("+psycopg", "")
    words = ("user", "add", "root", "--role", "admin", "--local", "--password-stdin")

    assert typed(*words, given=PASSWORD, CONTROLPLANE_DATABASE_URL=url).returncode == 0

    with psycopg.connect(url) as connection:
        kept = connection.execute("SELECT name, role, password_hash FROM users").fetchone()
    assert kept is not None
    assert kept[:2] == ("root", "admin")
    assert kept[2].startswith("$argon2id$")


def test_a_first_user_needs_a_database(typed: Typed, tmp_path: Path):
    """Without one it is said which setting is missing."""
    words = ("user", "add", "root", "--role", "admin", "--local", "--password-stdin")

    ended = typed(*words, "--data-dir", str(tmp_path), given=PASSWORD)

    assert ended.returncode == 1
    assert "CONTROLPLANE_DATABASE_URL" in ended.stderr
