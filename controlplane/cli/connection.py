"""Owns which control plane a command speaks to: the one named, else the one that runs on the data folder."""

from dataclasses import dataclass

from pydantic import SecretStr

from controlplane.cli.api_client import ApiClient
from controlplane.cli.failures import CommandFailed
from controlplane.processes.runtime_file import FILE_NAME, read_runtime
from controlplane.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Target:
    """Where the API is, with which token, and who said so."""

    url: str
    token: str | None
    source: str

    def client(self) -> ApiClient:
        """A client for it."""
        return ApiClient(self.url, self.token)


def target() -> Target:
    """The control plane that is meant.

    Raises:
        SettingsError: a setting is not allowed.
        CommandFailed: none is named and none runs on the data folder.
    """
    settings = load_settings()
    if settings.token is not None or "url" in settings.model_fields_set:
        token = settings.token.get_secret_value() if settings.token else None
        return Target(settings.url, token, "the settings")
    runtime = read_runtime(settings.data_dir)
    if runtime is None:
        raise CommandFailed(
            f"no control plane is named and none runs on {settings.data_dir}: set CONTROLPLANE_URL and "
            "CONTROLPLANE_TOKEN, or CONTROLPLANE_DATA_DIR of one that runs on this machine",
            code="no_target",
        )
    return Target(runtime.api, runtime.token, str(settings.data_dir / FILE_NAME))


def connect() -> ApiClient:
    """A client for the control plane that is meant.

    Raises:
        SettingsError: a setting is not allowed.
        CommandFailed: none is named and none runs on the data folder.
    """
    return target().client()


def with_running_database(settings: Settings) -> Settings:
    """The settings, with the private PostgreSQL that runs on the data folder where no other is set."""
    runtime = None if settings.database_url else read_runtime(settings.data_dir)
    return settings.model_copy(update={"database_url": SecretStr(runtime.database)}) if runtime else settings
