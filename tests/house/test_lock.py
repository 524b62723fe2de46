"""The lock is what the project asks for, by hash and without an address."""

import pytest

from tests.house.lock import ROOT, problems

PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements.txt").read_text()


def test_lock_is_current():
    """Everything that is needed is pinned by hash, and nothing else is."""
    assert problems(PYPROJECT, LOCK) == []


def without(name: str) -> str:
    """The lock without the entry of one distribution."""
    entries = LOCK.replace("\\\n", "\\ ").splitlines(keepends=True)
    return "".join(entry for entry in entries if not entry.startswith(f"{name}==")).replace("\\ ", "\\\n")


@pytest.mark.parametrize(
    ("pyproject", "lock", "complaint"),
    [
        (PYPROJECT, without("httpx"), "httpx is needed and not pinned"),
        (PYPROJECT, without("certifi"), "certifi is needed and not pinned"),
        (PYPROJECT, without("psycopg-binary"), "psycopg-binary is needed and not pinned"),
        (PYPROJECT.replace('"httpx>=0.28"', '"httpx>=99"'), LOCK, "does not satisfy httpx>=99"),
        (PYPROJECT.replace('"typer>=0.16",', ""), LOCK, "typer is pinned and nothing needs it"),
        (PYPROJECT.replace('"typer>=0.16",', '"typer", "absent",'), LOCK, "absent is needed and not pinned"),
        (PYPROJECT, "httpx==0.28.1\n", "httpx has no hash"),
        (PYPROJECT, f"--index-url https://packages.example/simple\n{LOCK}", "tells where packages come from"),
        (PYPROJECT, f"--find-links /opt/wheels\n{LOCK}", "tells where packages come from"),
    ],
)  # fmt: skip
def test_lock_notices(pyproject: str, lock: str, complaint: str):
    """What is missing, left over, outdated, without a hash or with an address is named."""
    assert any(complaint in problem for problem in problems(pyproject, lock))


def test_order_is_free():
    """The same entries in another order are as good."""
    entries = LOCK.replace("\\\n", "\\ ").splitlines(keepends=True)

    assert problems(PYPROJECT, "".join(reversed(entries)).replace("\\ ", "\\\n")) == []
