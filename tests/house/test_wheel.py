"""What is built and installed elsewhere has everything with it: pages, migrations, the command."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this source tree."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", folder, wheel],
        check=True,
        capture_output=True,
    )
    return folder


def run_elsewhere(installed: Path, cwd: Path, code: str) -> str:
    """What the code prints when run with the installed package, far from the source tree."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": str(installed), "PATH": os.defpath, "HOME": str(cwd)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def shipped(folder: str) -> set[str]:
    """The files of a top-level folder as they must travel, by their path inside it."""
    files = (ROOT / folder).rglob("*")
    return {
        str(path.relative_to(ROOT / folder)) for path in files if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize(("source", "inside"), [("web", "_web"), ("migrations", "_migrations")])
def test_wheel_carries_folders(wheel: Path, source: str, inside: str):
    """Every page, static file and migration is inside the package."""
    prefix = f"controlplane/{inside}/"
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == shipped(source)


def test_wheel_leaves_the_rest_at_home(wheel: Path):
    """Tests, benches and notes of developers are not installed."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top.partition("-")[0] for top in tops} == {"controlplane"}


def test_installed_package_is_its_own(installed: Path, tmp_path: Path):
    """The installed package is what is imported, not the source tree."""
    said = run_elsewhere(installed, tmp_path, "import controlplane; print(controlplane.__file__)")

    assert Path(said).is_relative_to(installed)


def test_installed_migrations(installed: Path, tmp_path: Path):
    """The installed package finds its own migrations, all of them."""
    said = run_elsewhere(
        installed,
        tmp_path,
        "from alembic.script import ScriptDirectory\n"
        "from controlplane.adapters.postgres.migrate import migrations_folder\n"
        "print(migrations_folder())\n"
        "print(len(list(ScriptDirectory(str(migrations_folder())).walk_revisions())))\n",
    )

    folder, count = said.splitlines()
    assert Path(folder).is_relative_to(installed)
    assert int(count) == len(list((ROOT / "migrations/versions").glob("*.py")))


def test_installed_pages(installed: Path, tmp_path: Path):
    """The installed package finds its own templates and static files, and renders a page."""
    said = run_elsewhere(
        installed,
        tmp_path,
        "from controlplane.console.assets import web_root\n"
        "from controlplane.console.rendering import templates\n"
        "print(web_root())\n"
        "page = templates().get_template('refusal.html')\n"
        "print(page.render(theme='', title='Not found', text='No such page.'))\n",
    )

    folder, page = said.split("\n", 1)
    assert Path(folder).is_relative_to(installed)
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>")
