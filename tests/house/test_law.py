"""The house keeps its own law, and each law notices a violation."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.settings import knobs
from tests.house import law
from tests.house.hosts import registry_hosts

ROOT = Path(__file__).parents[2]
CODE, TESTS = ROOT / "controlplane", ROOT / "tests"
ALL_CODE = (CODE, TESTS, ROOT / "bench", ROOT / "migrations")


def project_files() -> list[str]:
    """Everything that belongs to the project, committed or about to be, by its path from the top."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    ("broken", "folders"),
    [
        (law.long_modules, (CODE,)),
        (law.long_functions, (CODE,)),
        (law.undescribed_modules, ALL_CODE),
        (law.left_overs, (CODE, ROOT / "web")),
        (law.unseen_tests, (TESTS,)),
        (law.promiseless_tests, (TESTS,)),
        (law.patched_tests, (TESTS,)),
        (law.clashing_log_fields, (CODE,)),
    ],
)
def test_house_keeps_the_law(broken: Callable[..., list[str]], folders: tuple[Path, ...]):
    """No file of the house breaks this law."""
    assert broken(*folders) == []


SHORT = '"""Owns nothing."""\n\n\ndef small() -> int:\n    return 1\n'


@pytest.mark.parametrize(
    ("broken", "content"),
    [
        (law.long_modules, '"""Long."""\n' + "x = 1\n" * law.MODULE_LINES_MAX),
        (law.long_functions, '"""Long."""\ndef f():\n' + "    x = 1\n" * law.FUNCTION_LINES_MAX),
        (law.long_functions, '"""Longish."""\n' + "def f():\n    x = 1\n" * 1 + "    x = 1\n" * 8),
        (law.undescribed_modules, "import os\n"),
        (law.undescribed_modules, '#!/usr/bin/env python3\n"""Too late."""\n'),
        (law.left_overs, '"""Owns."""\n# TO' + "DO: the rest\n"),
        (law.left_overs, '"""Owns."""\nraise NotImplemented' + "Error\n"),
        (
            law.unseen_tests,
            '"""Tests."""\n@pytest.mark.sk' + 'ipif(True, reason="slow")\ndef test_x(): ...\n',
        ),
        (law.unseen_tests, '"""Tests."""\ndef test_x():\n    pytest.sk' + 'ip("not today")\n'),
        (law.promiseless_tests, '"""Tests."""\nasync def test_x():\n    assert True\n'),
        (law.patched_tests, '"""Tests."""\ndef test_x(monkeypatch):\n    monkeypatch.setattr(x, "y", 1)\n'),
        (law.clashing_log_fields, '"""Owns."""\nlog.info("applied", extra={"name": 1})\n'),
    ],
)
def test_law_notices_a_violation(tmp_path: Path, broken: Callable[[Path], list[str]], content: str):
    """A file that breaks the law is named, and one that keeps it is not."""
    (tmp_path / "test_good.py").write_text(SHORT)
    assert broken(tmp_path) == []

    (tmp_path / "test_good.py").unlink()
    (tmp_path / "test_bad.py").write_text(content)
    violations = broken(tmp_path)
    assert violations
    assert all(violation.startswith(str(tmp_path)) for violation in violations)


def test_top_level():
    """The top level holds the agreed names and no other."""
    assert law.strangers_at_the_top(name.split("/")[0] for name in project_files()) == []
    assert law.strangers_at_the_top(["README.md", ".gitignore", "utils"]) == [
        "utils: not part of the top level"
    ]


def test_every_setting_has_an_effect():
    """Whatever can be set is read somewhere, and a setting that is not is named."""
    names = {field: knob.variable for field, knob in knobs().items()}

    assert law.unread_settings(CODE, names) == []
    assert law.unread_settings(CODE, {"fancy": "CONTROLPLANE_FANCY"}) == ["fancy: no code reads this setting"]


def test_no_registry_is_named(tmp_path: Path):
    """No file names a host that packages are fetched from on this or any other machine."""
    hosts = registry_hosts()
    assert hosts
    assert law.named_registries(map(ROOT.joinpath, project_files()), hosts) == []

    planted = tmp_path / "pip.conf"
    planted.write_text(f"[global]\nindex-url = https://{min(hosts)}/simple\n")
    (violation,) = law.named_registries([planted], hosts)
    assert violation.startswith(f"{planted}:2:")


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            "--no-cache",
            "--no-logo",
            "--config",
            ROOT / "pyproject.toml",
        ],
        cwd=house,
        check=False,
        capture_output=True,
        text=True,
    )


def test_doors():
    """Every room is entered through its doors only."""
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("path", "content", "contract"),
    [
        ("domain/clock.py", "import asyncio", "The domain and the contract touch nothing"),
        ("domain/wish.py", "import controlplane.application.ports", "Doors open inward only"),
        ("application/wire.py", "import httpx", "The application speaks ports, not libraries"),
        ("api/shortcut.py", "import controlplane.adapters.clock", "Doors open inward only"),
        ("adapters/knob.py", "import controlplane.settings", "Doors open inward only"),
        ("api/reader.py", "import controlplane.client", "The reader library is for services"),
        ("adapters/second.py", "import consul", "Each library has one owner"),
        ("console/query.py", "import sqlalchemy", "SQL is spoken in one room"),
        ("utils/__init__.py", "", "Doors open inward only"),
    ],
)
def test_doors_notice_a_violation(tmp_path: Path, path: str, content: str, contract: str):
    """An import through the wall is reported by the contract that is meant for it."""
    shutil.copytree(CODE, tmp_path / "controlplane", ignore=shutil.ignore_patterns("__pycache__"))
    planted = tmp_path / "controlplane" / path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(f"{content}\n")

    answer = lint_imports(tmp_path)

    assert answer.returncode == 1
    broken = [line for line in answer.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), answer.stdout
