"""Secrets are readable by their owner alone and never half written."""

import stat
from pathlib import Path

import pytest

from controlplane.processes.errors import ProcessError
from controlplane.processes.private_file import kept_secret, private_folder, write_private


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """The second call finds what the first one made."""
    assert kept_secret(tmp_path / "secret") == kept_secret(tmp_path / "secret")


def test_two_secrets_differ(tmp_path: Path) -> None:
    """Each file has a secret of its own."""
    assert kept_secret(tmp_path / "one") != kept_secret(tmp_path / "two")


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """The mode is 0600, also where a wider file stood before."""
    file = tmp_path / "secret"
    file.touch(mode=0o644)
    write_private(file, "text")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The sentence has the path and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(ProcessError, match=r"cannot make the folder .*/file/folder: Not a directory"):
        private_folder(tmp_path / "file" / "folder")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The sentence has the path and the reason."""
    with pytest.raises(ProcessError, match=r"cannot write .*/missing/secret: No such file or directory"):
        kept_secret(tmp_path / "missing" / "secret")
