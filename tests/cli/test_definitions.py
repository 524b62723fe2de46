"""The fleet file, in and out."""

import io
import json
import sys
from pathlib import Path

import pytest

from controlplane.application.fleet_file import FleetFileError, Problem
from tests.cli.conftest import Command, served_in_thread
from tests.fakes.doors import FakeDoors

FLEET = "apiVersion: controlplane/v1\nregions: [{name: us-east}]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET)
    return path


def test_a_file_is_applied_as_it_is(controlplane: Command, fakes: FakeDoors, file: Path):
    """The text arrives unchanged; the differences and the new revision are told."""
    ended = controlplane("apply", "-f", str(file))

    assert ended.out == "+ region ap-south\ndone: the definitions are at revision 8\n"
    assert fakes.registry.applied == [(FLEET, "a-admin", False)]


def test_a_dry_run_says_that_it_was_one(controlplane: Command, fakes: FakeDoors, file: Path):
    """Nothing is changed, and nobody can think that it was."""
    ended = controlplane("apply", "--file", str(file), "--dry-run")

    assert ended.out.endswith("nothing was changed: this was a dry run\n")
    assert fakes.registry.applied == [(FLEET, "a-admin", True)]


def test_a_file_comes_by_standard_input_too(
    controlplane: Command, fakes: FakeDoors, monkeypatch: pytest.MonkeyPatch
):
    """`-f -` reads what is piped in."""
    original, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(FLEET.encode()))
    try:
        ended = controlplane("apply", "-f", "-", "--json")
    finally:
        sys.stdin = original

    assert json.loads(ended.out)["revision"] == 8
    assert fakes.registry.applied == [(FLEET, "a-admin", False)]


def test_mistakes_are_told_as_compilers_tell_them(controlplane: Command, fakes: FakeDoors, file: Path):
    """File, line, path, what is wrong, what is allowed: one line each, exit code 1."""
    fakes.registry.failure = FleetFileError(
        [
            Problem(3, "regions[0].name", "'EU' is not a name", "a-z"),
            Problem(None, "groups[0]", "unknown region 'x'", "us-east"),
        ]
    )

    ended = controlplane("apply", "-f", str(file))

    assert ended.code == 1
    assert " ".join(ended.err.split()) == (
        f"{file}:groups[0]: unknown region 'x'; allowed: us-east "
        f"{file}:3:regions[0].name: 'EU' is not a name; allowed: a-z"
    )


@pytest.mark.parametrize(("name", "why"), [("missing.yaml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_sentence(
    controlplane: Command, tmp_path: Path, name: str, why: str
):
    """Nothing is sent."""
    ended = controlplane("apply", "-f", str(tmp_path / name))

    assert ended.code == 1
    assert why in " ".join(ended.err.split())


def test_an_endless_file_is_not_read_to_its_end(controlplane: Command):
    """More than the API admits is not even sent."""
    ended = controlplane("apply", "-f", "/dev/zero")

    assert ended.code == 1
    assert "is larger than 4194304 bytes" in " ".join(ended.err.split())


def test_a_lost_answer_says_that_applying_again_is_harmless(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whether it was stored is not known; the same file twice changes nothing."""

    async def gone(scope, receive, send):
        await send({"type": "http.response.start", "status": 504, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with served_in_thread(gone) as url:
        monkeypatch.setenv("CONTROLPLANE_URL", url)
        ended = command("apply", "-f", str(file))

    assert ended.code == 1
    assert ended.err.startswith("unknown: ")
    assert "the same file twice changes nothing" in ended.err


def test_an_export_can_be_applied(controlplane: Command, fakes: FakeDoors):
    """What comes out is the file, byte for byte; as JSON it comes with its revision."""
    assert controlplane("export").out == fakes.registry.text
    assert json.loads(controlplane("export", "--json").out)["revision"] == 7
