"""A data directory has one supervisor, and its runtime file tells of a living one only."""

import os
import stat
from pathlib import Path

import pytest

from controlplane.processes.data_dir import is_supervised, supervised
from controlplane.processes.errors import ProcessError
from controlplane.processes.runtime_file import Runtime, read_runtime, remove_runtime, write_runtime

RUNTIME = Runtime(
    api="http://127.0.0.1:8600",
    token="secret-token",
    consul="127.0.0.1:8500",
    database="postgresql://controlplane:secret-password@127.0.0.1/controlplane",
    pids={"control": 4711},
)


def test_a_second_supervisor_is_refused(tmp_path: Path) -> None:
    """While one runs, the next is told its process and what to do."""
    with supervised(tmp_path):
        assert is_supervised(tmp_path)
        with pytest.raises(ProcessError) as refusal, supervised(tmp_path):
            pass

    assert str(refusal.value) == (
        f"controlplane runs on {tmp_path} already (process {os.getpid()}); "
        "stop that one, or choose another folder by --data-dir or CONTROLPLANE_DATA_DIR"
    )


def test_the_next_one_is_welcome(tmp_path: Path) -> None:
    """When one has ended, another may run."""
    for _ in range(2):
        with supervised(tmp_path):
            pass

    assert not is_supervised(tmp_path)
    assert not is_supervised(tmp_path / "never")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The sentence names the folder and the reason."""
    (tmp_path / "supervisor.lock").mkdir()
    with (
        pytest.raises(ProcessError, match=f"^cannot write into {tmp_path}: Is a directory$"),
        supervised(tmp_path),
    ):
        pass


def test_the_runtime_file_is_read_back(tmp_path: Path) -> None:
    """What was written is what is read, by its owner alone."""
    with supervised(tmp_path):
        write_runtime(tmp_path, RUNTIME)
        assert read_runtime(tmp_path) == RUNTIME
        assert stat.S_IMODE((tmp_path / "runtime.json").stat().st_mode) == 0o600
        remove_runtime(tmp_path)
        assert read_runtime(tmp_path) is None


def test_a_runtime_file_left_by_a_killed_supervisor_is_ignored(tmp_path: Path) -> None:
    """Where nobody supervises, nothing runs, whatever the file says."""
    write_runtime(tmp_path, RUNTIME)

    assert read_runtime(tmp_path) is None


def test_no_secret_is_shown_by_accident() -> None:
    """The repr of what runs holds neither token nor password."""
    assert "secret" not in repr(RUNTIME)
