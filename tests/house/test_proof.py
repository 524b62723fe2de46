"""The page of proofs says what held, what did not, and the figures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SAMPLE = '''
import pytest

pytestmark = pytest.mark.prove

def test_fast(record_property):
    """A reader follows
    within a second."""
    record_property("p99", "3.1 ms")

@pytest.mark.parametrize("cause", ["cut", "kill"])
def test_cause(cause):
    """Nothing is lost."""
    assert cause == "cut"

@pytest.fixture
def broken():
    raise RuntimeError("no server")

def test_setup(broken):
    """A server is found."""
'''


def test_page_of_proofs(tmp_path: Path):
    """Each test is one row: promise, whether it held, seconds, figures; a failure stands there as one."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    page = tmp_path / "proof.md"

    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "prove", "-p", "tests.proof", f"--proof={page}"),
            *("-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, tmp_path),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 1, answer.stdout + answer.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in page.read_text().splitlines()[8:]]
    assert [(promise, held, figures) for _, promise, held, _, figures, _ in rows] == [
        ("A reader follows within a second.", "yes", "p99: 3.1 ms"),
        ("Nothing is lost. (cut)", "yes", ""),
        ("Nothing is lost. (kill)", "**no**", ""),
        ("A server is found.", "**no**", ""),
    ]
