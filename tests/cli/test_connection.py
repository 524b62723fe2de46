"""Which control plane is meant: the one that is named, else the one that runs on the data folder."""

import json
import stat
from pathlib import Path

import pytest

from controlplane.processes.data_dir import supervised
from controlplane.processes.runtime_file import Runtime, write_runtime
from tests.cli.conftest import Command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONTROLPLANE_DATA_DIR", str(tmp_path))
    return tmp_path


def runtime(url: str) -> Runtime:
    return Runtime(api=url, token="admin-token", consul="127.0.0.1:1", database="postgresql://x", pids={})


def test_what_runs_on_the_data_folder_needs_no_setting(command: Command, folder: Path, url: str):
    """Address and token come from the private file of the running control plane."""
    with supervised(folder):
        write_runtime(folder, runtime(url))
        ended = command("status", "--json")

    assert ended.code == 0
    assert stat.S_IMODE((folder / "runtime.json").stat().st_mode) == 0o600


def test_a_demo_is_found_where_it_keeps_its_data(command: Command, folder: Path, url: str):
    """A demo that runs beside no real control plane needs no setting either."""
    with supervised(folder / "demo"):
        write_runtime(folder / "demo", runtime(url))
        ended = command("status", "--json")

    assert ended.code == 0


def test_a_folder_on_the_command_line_wins(
    command: Command, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    """`--data-dir` names the control plane that is meant, whatever the environment says."""
    monkeypatch.setenv("CONTROLPLANE_URL", "http://127.0.0.1:1")
    with supervised(tmp_path):
        write_runtime(tmp_path, runtime(url))
        ended = command("failover", "status", "catalog", "--data-dir", str(tmp_path))

    assert ended.code == 0


def test_a_file_that_a_killed_control_plane_left_is_not_believed(command: Command, folder: Path, url: str):
    """Without a supervisor the file says nothing."""
    write_runtime(folder, runtime(url))

    ended = command("status", "--json")

    assert (ended.code, json.loads(ended.out)["code"]) == (1, "no_target")


def test_a_named_control_plane_wins(
    command: Command, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    """CONTROLPLANE_URL and CONTROLPLANE_TOKEN are never mixed with the file's."""
    monkeypatch.setenv("CONTROLPLANE_URL", url)

    with supervised(folder):
        write_runtime(folder, runtime("http://127.0.0.1:1"))
        ended = command("status", "--json")

    assert (ended.code, json.loads(ended.out)["code"]) == (1, "unauthenticated")


def test_nobody_named_and_nobody_here_says_what_to_set(command: Command, folder: Path):
    """The sentence names the folder and the variables."""
    said = " ".join(command("status").err.split())

    assert str(folder) in said
    assert "CONTROLPLANE_URL and CONTROLPLANE_TOKEN" in said


def test_a_misspelt_setting_is_one_sentence(command: Command, monkeypatch: pytest.MonkeyPatch):
    """A setting that does not exist stops the command before it asks anybody."""
    monkeypatch.setenv("CONTROLPLANE_TOKNE", "x")

    ended = command("status", "--json")

    assert (ended.code, json.loads(ended.out)["code"]) == (1, "settings")
    assert "did you mean CONTROLPLANE_TOKEN?" in " ".join(ended.err.split())
