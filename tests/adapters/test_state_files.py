"""Small files of a replica: who was known last, readable by their owner alone."""

from pathlib import Path

import pytest

from controlplane.adapters.state_files import UserFile
from controlplane.application.ports import User

ALICE = User("alice", "admin", "$argon2id$a", "epoch-1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


def test_users_survive_a_restart_in_a_private_file(path: Path):
    """What was saved is loaded, and nobody else may read it."""
    UserFile(path).save([ALICE])

    assert list(UserFile(path).load()) == [ALICE]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"users": [{"name": "alice"}]}', '{"users": 3}'])
def test_a_spoiled_file_knows_nobody(path: Path, text: str | None):
    """Whatever stands there, the process starts."""
    if text is not None:
        path.write_text(text)

    assert list(UserFile(path).load()) == []
