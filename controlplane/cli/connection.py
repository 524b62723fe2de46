"""Owns which control plane a command speaks to: the one named, else the one that runs on the data folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from controlplane.cli.api_client import ApiClient
from controlplane.cli.failures import CommandFailed
from controlplane.processes.runtime_file import FILE_NAME, Runtime, read_runtime
from controlplane.settings import Settings, load_settings

DataDir = Annotated[
    Path | None,
    typer.Option(help="The data folder; instead of CONTROLPLANE_DATA_DIR."),
]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the API is, with which token, and who said so."""

    url: str
    token: str | None
    source: str

    def client(self) -> ApiClient:
        """A client for it."""
        return ApiClient(self.url, self.token)


def target(data_dir: Path | None = None) -> Target:
    """The control plane that is meant; a folder that was named on the command line decides.

    Raises:
        SettingsError: a setting is not allowed.
        CommandFailed: none is named and none runs on the data folder.
    """
    settings = load_settings()
    if data_dir is not None:
        return _on_folder(settings.model_copy(update={"data_dir": data_dir}))
    if settings.token is not None or "url" in settings.model_fields_set:
        token = settings.token.get_secret_value() if settings.token else None
        return Target(settings.url, token, "the settings")
    return _on_folder(settings)


def _on_folder(settings: Settings) -> Target:
    running = _running(settings)
    if running:
        folder, runtime = running
        return Target(runtime.api, runtime.token, str(folder / FILE_NAME))
    raise CommandFailed(
        f"no control plane is named and none runs on {settings.data_dir}: set CONTROLPLANE_URL and "
        "CONTROLPLANE_TOKEN, or CONTROLPLANE_DATA_DIR of one that runs on this machine",
        code="no_target",
    )


def connect(data_dir: Path | None = None) -> ApiClient:
    """A client for the control plane that is meant.

    Raises:
        SettingsError: a setting is not allowed.
        CommandFailed: none is named and none runs on the data folder.
    """
    return target(data_dir).client()


def demo_folder(settings: Settings) -> Path:
    """Where a demo keeps its data: apart, so that it never meets those of a real control plane."""
    return settings.data_dir / "demo"


def with_running_database(settings: Settings) -> Settings:
    """The settings, with the private PostgreSQL that runs on the data folder where no other is set."""
    running = None if settings.database_url else _running(settings)
    return (
        settings.model_copy(update={"database_url": SecretStr(running[1].database)}) if running else settings
    )


def _running(settings: Settings) -> tuple[Path, Runtime] | None:
    """What runs here, and on which folder: the control plane of the data folder, else the demo."""
    for folder in (settings.data_dir, demo_folder(settings)):
        runtime = read_runtime(folder)
        if runtime:
            return folder, runtime
    return None
