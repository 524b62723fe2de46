"""Users and tokens on the command line: who may come in, asked for once and told without a secret."""

import io
import json

import psycopg
import pytest

from tests.cli.conftest import Command
from tests.fakes.doors import FakeDoors

PASSWORD = "an unusual password"


@pytest.fixture
def typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a script passes on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))


@pytest.mark.usefixtures("typed_in")
def test_a_user_is_added_with_a_password_from_standard_input(controlplane: Command, fakes: FakeDoors):
    """The password reaches the control plane and nothing else."""
    ended = controlplane("user", "add", "alice", "--role", "operator", "--password-stdin")

    assert (ended.code, ended.out) == (0, "done: alice may log in as operator\n")
    assert fakes.people.users._users["alice"].password_hash == f"today${PASSWORD}"


def test_a_password_is_typed_twice(controlplane: Command, fakes: FakeDoors, monkeypatch: pytest.MonkeyPatch):
    """Without --password-stdin the keyboard is asked, and not where there is none."""
    typed = iter([PASSWORD, "a mistake in it", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    words = ("user", "add", "alice", "--role", "viewer")

    assert controlplane(*words).code == 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert controlplane(*words, "--json").code == 0
    assert list(typed) == []


def test_a_short_password_is_refused(
    controlplane: Command, fakes: FakeDoors, monkeypatch: pytest.MonkeyPatch
):
    """The refusal says what is allowed, and not what was typed."""
    monkeypatch.setattr("sys.stdin", io.StringIO("tiny-secret"))

    ended = controlplane("user", "add", "alice", "--role", "viewer", "--password-stdin")

    assert ended.code == 1
    assert "at least 12" in " ".join(ended.err.split())
    assert "tiny-secret" not in ended.err


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
@pytest.mark.usefixtures("typed_in")
def test_a_first_user_is_written_straight_into_the_database(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """With --local neither a control plane nor a token is needed, and the password is kept as a hash."""
    url = postgres_url.replace("+psycopg", "")
    monkeypatch.setenv("CONTROLPLANE_DATABASE_URL", url)

    assert command("user", "add", "root", "--role", "admin", "--local", "--password-stdin").code == 0

    with psycopg.connect(url) as connection:
        (name, role, password_hash) = connection.execute(
            "SELECT name, role, password_hash FROM users"
        ).fetchone() or ("", "", "")
    assert (name, role) == ("root", "admin")
    assert password_hash.startswith("$argon2id$")


@pytest.mark.usefixtures("typed_in")
def test_a_first_user_needs_a_database(command: Command):
    """Without one it is said which setting is missing."""
    ended = command("user", "add", "root", "--role", "admin", "--local", "--password-stdin")

    assert ended.code == 1
    assert "CONTROLPLANE_DATABASE_URL" in ended.err
