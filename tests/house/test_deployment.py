"""What is shipped for production names commands, settings, files and pages that exist.

No container engine runs here: what an engine would be told is compared with the program instead.
"""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from controlplane.cli.main import app
from controlplane.settings import CONFIG_VARIABLE, knobs, load_settings
from tests.house.command_lines import Command, shown_in, unknown

ROOT = Path(__file__).parents[2]
VARIABLES = {knob.variable for knob in knobs().values()} | {CONFIG_VARIABLE}
SHOWING = [
    *(ROOT / name for name in ("Dockerfile", "compose.yaml", "Makefile", "README.md")),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("deploy/**/*.service"),
]
"""Files that show commands to people or to machines."""


@pytest.fixture(scope="module")
def program() -> Command:
    """The command line as it is."""
    return typer.main.get_command(app)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Put shipped variables into the environment, with what compose would fill in."""
    for name, value in variables.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value))


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(program: Command, path: Path):
    """Every command that a page, a unit or an image shows exists, with the options shown."""
    assert unknown(program, shown_in(path)) == []


def test_unknown_commands_are_noticed(program: Command, tmp_path: Path):
    """A command or an option that does not exist is named."""
    page = tmp_path / "page.md"
    page.write_text("Run `controlplane serv`, then\n\n```sh\nX=1 controlplane serve --fast  # now\n```\n")

    assert unknown(program, shown_in(page)) == [
        "`controlplane serv` is not a command",
        "`controlplane serve` has no option --fast",
    ]


def test_example_settings(monkeypatch: pytest.MonkeyPatch):
    """The example of production settings can be used as it stands."""
    monkeypatch.setenv(CONFIG_VARIABLE, str(ROOT / "deploy/controlplane.toml"))

    assert load_settings().probers == 0


@pytest.mark.parametrize("name", ["migrate", "control", "prober"])
def test_compose_settings(monkeypatch: pytest.MonkeyPatch, compose: dict[str, Any], name: str):
    """Each process of the compose file is told settings that exist, with values that are allowed."""
    set_variables(monkeypatch, compose["services"][name]["environment"])

    assert load_settings().consul_http_addr == "consul:8500"


def test_compose_fits_together(compose: dict[str, Any]):
    """Services that others wait for, and volumes, are declared."""
    services = compose["services"]
    waited_for = {name for service in services.values() for name in service.get("depends_on", ())}
    mounted = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", ())}

    assert waited_for <= services.keys()
    assert mounted == compose["volumes"].keys()
    assert "raft_multiplier = 1" in " ".join(services["consul"]["command"])


def dockerfile(instruction: str) -> list[str]:
    """The arguments of every instruction of one kind."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{instruction} +(.*)$", text, flags=re.MULTILINE)


def test_image_settings(monkeypatch: pytest.MonkeyPatch):
    """The image sets settings that exist, and listens where it says."""
    variables = dict(pair.split("=", 1) for line in dockerfile("ENV") for pair in shlex.split(line))
    set_variables(monkeypatch, {name: value for name, value in variables.items() if name in VARIABLES})

    assert {name for name in variables if name.startswith("CONTROLPLANE_")} <= VARIABLES
    assert dockerfile("EXPOSE") == [str(load_settings().port)]


def test_image_is_built_from_what_is_there():
    """Everything that the image copies exists and reaches the builder."""
    admitted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    copied = [
        source for line in dockerfile("COPY") if not line.startswith("--from") for source in line.split()[:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source.removeprefix("./"), pattern) for pattern in admitted), source


def test_image_is_careful():
    """The image installs by hash, does not run as root, and is asked whether it lives."""
    installs = [line for line in dockerfile("RUN") if "pip install" in line]

    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert dockerfile("USER") == ["controlplane"]
    assert "/healthz" in dockerfile("HEALTHCHECK")[0]


@pytest.mark.parametrize("path", [*ROOT.glob("deploy/systemd/*.service")], ids=lambda path: path.stem)
def test_units(path: Path):
    """A unit sets variables that exist, and does not run as root."""
    text = path.read_text()

    assert set(re.findall(r"^Environment=(\w+)=", text, flags=re.MULTILINE)) <= VARIABLES
    assert "DynamicUser=yes" in text
