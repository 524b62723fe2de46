"""What is installed from the wheel has its pages with it."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
RENDER = """
import sys
from controlplane.console import assets, pages
print(assets.web_root())
print(pages.templates().get_template("closed.html").render())
"""


def test_the_wheel_renders_a_page_far_from_the_checkout(tmp_path: Path):
    """The wheel, unpacked into an empty folder, finds its own templates."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)

    rendered = subprocess.run(
        [sys.executable, "-c", RENDER],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert rendered.startswith(str(installed / "controlplane" / "_web"))
    assert "This page is not open here." in rendered
