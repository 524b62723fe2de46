"""The locks are what the project asks for, by hash and without an address."""

from collections.abc import Set as AbstractSet

import pytest

from tests.house.lock import LOCKS, ROOT, entries, problems

PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements.txt").read_text()
EVERYTHING = LOCKS["requirements.txt"]


@pytest.mark.parametrize(("name", "extras"), LOCKS.items())
def test_lock_is_current(name: str, extras: AbstractSet[str]):
    """Everything that is needed is pinned by hash, and nothing else is."""
    assert problems(PYPROJECT, (ROOT / name).read_text(), extras) == []


def test_what_runs_is_what_was_tested():
    """A running control plane gets the versions that developers have."""
    assert set(entries((ROOT / "deploy/requirements.txt").read_text())) < set(entries(LOCK))


def without(name: str) -> str:
    """The lock without the entry of one distribution."""
    return "\n".join(entry for entry in entries(LOCK) if not entry.startswith(f"{name}=="))


@pytest.mark.parametrize(
    ("pyproject", "lock", "complaint"),
    [
        (PYPROJECT, without("httpx"), "httpx is needed and not pinned"),
        (PYPROJECT, without("certifi"), "certifi is needed and not pinned"),
        (PYPROJECT, without("psycopg-binary"), "psycopg-binary is needed and not pinned"),
        (PYPROJECT.replace('"httpx>=0.28"', '"httpx>=99"'), LOCK, "does not satisfy httpx>=99"),
        (PYPROJECT.replace('"typer>=0.16",', ""), LOCK, "typer is pinned and nothing needs it"),
        (PYPROJECT.replace('"typer>=0.16",', '"typer", "absent",'), LOCK, "absent is needed and not pinned"),
        (PYPROJECT, "httpx==0.28.1\n", "httpx==0.28.1 has no hash"),
        (PYPROJECT, f"--index-url https://packages.example/simple\n{LOCK}", "tells where packages come from"),
        (PYPROJECT, f"--find-links /opt/wheels\n{LOCK}", "tells where packages come from"),
        (PYPROJECT, f"x @ https://packages.example/x.whl\n{LOCK}", "tells where packages come from"),
    ],
)
def test_lock_notices(pyproject: str, lock: str, complaint: str):
    """What is missing, left over, outdated, without a hash or with an address is named."""
    assert any(complaint in problem for problem in problems(pyproject, lock, EVERYTHING))


def test_order_is_free():
    """The same entries in another order are as good."""
    assert problems(PYPROJECT, "\n".join(reversed(entries(LOCK))), EVERYTHING) == []
