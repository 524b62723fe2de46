"""Processes that start together know each other's tokens, and the file between them holds no secret."""

import stat
from pathlib import Path

from controlplane.application.gatekeeper import hashed
from controlplane.processes.local_tokens import load_token_hashes, make_local_tokens


def test_control_learns_hashes_alone(tmp_path: Path) -> None:
    """The file names both tokens by role and hash, the prober's with its vantage, and no secret."""
    tokens = make_local_tokens(tmp_path, vantage="us-1")
    admin, prober = load_token_hashes(tokens.hashes)

    assert (admin.role, admin.sha256, admin.vantage) == ("admin", hashed(tokens.admin), None)
    assert (prober.role, prober.sha256, prober.vantage) == ("prober", hashed(tokens.prober), "us-1")
    assert tokens.admin not in tokens.hashes.read_text()
    assert tokens.prober not in tokens.hashes.read_text()


def test_tokens_stay_the_same(tmp_path: Path) -> None:
    """After a restart the tokens that people wrote down still open the door."""
    assert make_local_tokens(tmp_path, vantage="us-1") == make_local_tokens(tmp_path, vantage="us-1")


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    """Every file is 0600 in a folder that is 0700."""
    folder = make_local_tokens(tmp_path, vantage="us-1").hashes.parent

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
