"""Writes what the long runs showed: `python -m pytest -m prove -p tests.proof --proof=docs/proof.md`.

A row of the page is one test: its promise (the docstring), whether it held, how long it took, and the figures
that it gave with `record_property("commit to reader, p99", "3.1 ms")`.
"""

import os
import platform
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass(eq=False)  # pytest keeps plugins by their identity
class Proof:
    """Collects one row per test and writes the page when the session ends."""

    path: Path
    rows: list[str] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take down a test that ran, or that could not be set up."""
        report = yield
        if report.when == "call" or (report.when == "setup" and report.failed):
            self.rows.append(row(item, report))
        return report

    def pytest_sessionfinish(self) -> None:
        """Write the page, also when something did not hold; but not over an older one when nothing ran."""
        if self.rows:
            self.path.write_text(_HEAD.format(**_place()) + "".join(self.rows))


_HEAD = """\
# Proof

<!-- written by `make prove` -->

{date}, at commit {commit}, {cores} cores, Python {python}, {system}.

| promise | held | seconds | figures |
|---|---|---:|---|
"""


def row(item: pytest.Item, report: pytest.TestReport) -> str:
    """One line of the table."""
    docstring = getattr(getattr(item, "function", None), "__doc__", None) or item.name
    promise = " ".join(docstring.split())
    if "[" in item.name:
        promise += f" ({item.name.partition('[')[2].removesuffix(']')})"
    figures = "; ".join(f"{name}: {value}" for name, value in item.user_properties)
    held = "yes" if report.passed else "**no**"
    return f"| {promise} | {held} | {report.duration:.1f} | {figures} |\n"


def _place() -> dict[str, str]:
    """When and where this was run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True
    ).stdout
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit.strip() or "unknown",
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the page goes."""
    parser.addoption("--proof", type=Path, help="write what the long runs showed to this Markdown page")


def pytest_configure(config: pytest.Config) -> None:
    """Collect only where a page is wanted."""
    if path := config.getoption("--proof"):
        config.pluginmanager.register(Proof(path))
