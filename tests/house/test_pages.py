"""The pages that are read first say what is true."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.house.settings_page import page

ROOT = Path(__file__).parents[2]
README_LINES_MAX = 80
"""One screen."""
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_settings_page_is_current():
    """docs/settings.md is what the settings say of themselves; `make docs` writes it."""
    assert (ROOT / "docs/settings.md").read_text() == page()


def test_readme_shows_the_two_commands():
    """The README is one screen and shows how to start it and how to test it."""
    readme = (ROOT / "README.md").read_text()

    assert "make demo" in readme
    assert "make test" in readme
    assert len(readme.splitlines()) <= README_LINES_MAX


@pytest.mark.parametrize(
    "name", [str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))]
)
def test_links(name: str):
    """Every link to a file leads to one."""
    page = ROOT / name

    assert [target for target in _LINK.findall(page.read_text()) if not (page.parent / target).exists()] == []


def test_help_lists_every_command():
    """`make` alone lists the commands with a sentence each, and each of them exists."""
    said = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    named = re.findall(r"^  make (\w+) +\S", said, flags=re.MULTILINE)
    assert set(named) >= {"setup", "demo", "test", "prove", "check", "serve", "migrate", "bench"}


def test_ci_runs_what_people_run():
    """Continuous integration runs `make test` and nothing more."""
    script = ROOT / ".ci/run"
    commands = [
        line for line in script.read_text().splitlines() if line and not line.startswith(("#", "set ", "cd "))
    ]

    assert commands == ["exec make test"]
    assert script.stat().st_mode & 0o111
