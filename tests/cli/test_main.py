"""The command as a whole: version, help, the commands that start things, and failures without tracebacks."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from controlplane.api.server import open_listener
from controlplane.cli.main import run
from tests.cli.conftest import Command, served_in_thread

LOADED_ONLY_TO_SERVE = ("fastapi", "sqlalchemy", "uvicorn", "jinja2", "psycopg", "apscheduler")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the machine's own control plane is touched."""
    monkeypatch.setenv("CONTROLPLANE_DATA_DIR", str(tmp_path))
    return tmp_path


def test_the_version_is_that_of_the_package(command: Command):
    """One line, exit code 0."""
    assert command("--version").out == f"controlplane {version('controlplane')}\n"


def test_the_bare_command_shows_its_words(command: Command):
    """Help names every command that people type, whole, and none of those that processes start."""
    said = command("--help").out

    starting, operating = "serve probe migrate demo chaos", "status history failover switch maintenance"
    words = f"{starting} {operating} apply export doctor user token"
    assert [word for word in words.split() if f"\n  {word} " not in said] == []
    assert "demo-fleet" not in said
    assert "control " not in said.replace("controlplane ", "").replace("control plane", "")
    assert [line for line in said.splitlines() if line.endswith("...")] == [
        "Usage: controlplane [OPTIONS] COMMAND [ARGS]..."
    ]


def test_a_question_does_not_load_the_server():
    """`controlplane status` starts without a web framework, a database driver or a scheduler."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, controlplane.cli.main; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    assert [name for name in LOADED_ONLY_TO_SERVE if name in loaded] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("control",), "CONTROLPLANE_DATABASE_URL is not set"),
        (("probe",), "is not set"),
        (("migrate",), "CONTROLPLANE_DATABASE_URL is not set"),
        (("demo-fleet",), "CONSUL_HTTP_ADDR is not set"),
        (("token", "create", "--name", "ci", "--role", "viewer", "--local"), "CONTROLPLANE_DATABASE_URL"),
        (("chaos", "kil", "us-east"), "'kil' is not a fault"),
        (("chaos", "kill", "us-east"), "no demo runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_started_is_one_sentence(command: Command, words: tuple[str, ...], said: str):
    """A foreseen failure has exit code 1 and no traceback."""
    ended = command(*words)

    assert (ended.code, ended.out) == (1, "")
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


def test_a_port_that_is_taken_is_one_sentence(command: Command):
    """The port and the setting that chooses another are named."""
    with open_listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        ended = command("serve", "--port", str(port))

    assert ended.code == 1
    assert str(port) in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--port", "0"),
        ("serve", "--probers", "65"),
        ("token", "create", "--name", "No Name", "--role", "viewer", "--local"),
        ("token", "create", "--name", "ci", "--role", "owner", "--local"),
        ("token", "create", "--name", "p", "--role", "prober", "--local"),
        ("token", "create", "--name", "p", "--role", "viewer", "--vantage", "us-1", "--local"),
        ("user", "add", "alice"),
        ("user", "add", "Alice", "--role", "admin", "--password-stdin"),
        ("user", "add", "alice", "--role", "prober", "--password-stdin"),
        ("demo", "--runs", "0"),
        ("chaos", "kill"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_exit_code_2(command: Command, words: tuple[str, ...]):
    """A mistake in the command is told before anything starts."""
    assert command(*words).code == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:port", "is no address of a control plane"),
        ("http://127.0.0.1:1", "cannot be reached"),
        ("http://no-such-host.invalid", "cannot be reached"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch, url: str, said: str
):
    """The address that was tried is named."""
    monkeypatch.setenv("CONTROLPLANE_URL", url)

    ended = command("status")

    assert ended.code == 1
    assert url in ended.err
    assert said in " ".join(ended.err.split())


def answering(body: bytes) -> ASGIApp:
    """Something that is not our API answers 200 with this."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


def test_another_program_behind_the_address_is_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    """A page of somebody else's is not taken for an answer."""
    with served_in_thread(answering(b"<html>")) as url:
        monkeypatch.setenv("CONTROLPLANE_URL", url)
        ended = command("status")

    assert ended.code == 1
    assert "did not answer JSON" in " ".join(ended.err.split())


def test_an_unforeseen_failure_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    """A fault of ours is not disguised as a sentence."""
    with served_in_thread(answering(b"{}")) as url:
        monkeypatch.setenv("CONTROLPLANE_URL", url)
        with pytest.raises(KeyError):
            run(["status"])


@pytest.mark.services
def test_a_first_token_is_written_straight_into_the_database(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The secret is printed once; a second token of that name replaces the first."""
    monkeypatch.setenv("CONTROLPLANE_DATABASE_URL", postgres_url.replace("+psycopg", ""))
    words = ("token", "create", "--name", "root", "--role", "admin", "--local")

    spoken, written = command(*words), command(*words, "--json")

    token = json.loads(written.out)
    assert (token["name"], token["role"], token["vantage"]) == ("root", "admin", None)
    assert len(spoken.out.strip()) >= 43
    assert spoken.out.strip() != token["token"]


@pytest.mark.services
def test_migrate_says_how_the_database_stands(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """A database at the head of the migrations is as this program needs it."""
    monkeypatch.setenv("CONTROLPLANE_DATABASE_URL", postgres_url.replace("+psycopg", ""))

    assert "as this program needs it" in command("migrate", "--check").out.replace("\n", " ")
