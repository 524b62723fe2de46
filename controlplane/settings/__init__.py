"""Owns every knob: its name, type, unit, default and explanation. Read once, when a process starts.

A setting is an environment variable; or, in the TOML file that `CONTROLPLANE_CONFIG` names, the same name in
lower case without `CONTROLPLANE_`. The environment wins; an empty variable counts as not set. Variables of
Consul's own tools keep their names. An unknown name is an error: a misspelt limit, silently ignored, would be
found during an outage.
"""

import os
import types
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source

from controlplane.contract.keys import DEFAULT_PREFIX
from controlplane.domain.fleet import LOCAL_VANTAGE
from controlplane.settings.kinds import (
    DatabaseUrl,
    HttpUrl,
    Name,
    Networks,
    Port,
    Prefix,
    Rule,
    SecretKey,
    Unit,
)

PREFIX = "CONTROLPLANE_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
"""Names the TOML file; only ever read from the environment."""


class SettingsError(ValueError):
    """The settings cannot be used; the text names each one, where it was found and what is allowed."""


class LogLevel(StrEnum):
    """The least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "controlplane"


class Settings(BaseSettings):
    """Everything that may differ between two installations, frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Field(default_factory=_data_home)
    """Where everything that must survive a restart is kept: the embedded databases, the last definitions,
    `runtime.json`. Not set: `controlplane` in `$XDG_DATA_HOME`, else in `~/.local/share`."""

    database_url: DatabaseUrl | None = None
    """The PostgreSQL to use. Not set: a private one, started and kept in the data folder."""

    host: str = "127.0.0.1"
    """The address that the API and the console listen on."""

    port: Port = 8600
    """The TCP port that the API and the console listen on."""

    public_url: HttpUrl | None = None
    """The address under which people and other replicas reach this one; it stands in the leader's key.
    Not set: `http://` with the host and port above."""

    probers: Annotated[int, Ge(0), Le(1), Unit("processes")] = 1
    """How many prober processes `serve` starts beside the control process. One makes thousands of probes a
    second (`python -m bench.probes`); a vantage is not divided among several yet."""

    vantage: Name = LOCAL_VANTAGE
    """The vantage that the probers of this machine belong to, as the fleet file names it."""

    prober_name: Name = "prober-1"
    """What one prober process is called among those of its vantage; two of one name abstain."""

    probes_in_flight_per_region: Annotated[int, Ge(1), Le(4096), Unit("probes")] = 512
    """How many probes of one region a prober has under way at most: a region of hanging targets delays no
    other."""

    log_level: LogLevel = LogLevel.INFO
    """The least severity that is logged."""

    log_retention_hours: Annotated[int, Ge(1), Le(24 * 365), Unit("hours")] = 24
    """How long a change stays in Consul's `log/` although it is a row in PostgreSQL: more than any standby
    that may be promoted can lag."""

    trusted_proxies: Networks | None = None
    """Proxies in front of the console that add to `X-Forwarded-For` who is asking. Log-ins are limited per
    source: not set, everybody behind a proxy is one source."""

    secret_key: SecretKey | None = None
    """Signs what a browser carries to stay logged in. All replicas behind one address need the same; a new
    one ends every session. Not set: a random one, kept in the data folder."""

    history_spool_mib: Annotated[int, Ge(16), Le(64 * 1024), Unit("MiB")] = 256
    """How much a prober keeps on disk while its history cannot be uploaded. Beyond it the oldest samples go
    first, then the oldest sums; changes of health are never dropped."""

    history_raw_days: Annotated[int, Ge(1), Le(3650), Unit("days")] = 30
    """How long every single probe is kept in PostgreSQL."""

    history_hourly_days: Annotated[int, Ge(1), Le(3650), Unit("days")] = 400
    """How long hourly sums, changes of health and evaluations are kept; sums as long as probes at least."""

    history_daily_days: Annotated[int, Ge(1), Le(36500), Unit("days")] = 3650
    """How long daily sums are kept; as long as hourly ones at least."""

    url: HttpUrl = "http://127.0.0.1:8600"
    """The control API that the command line and a prober speak to."""

    token: SecretStr | None = None
    """The token that the command line and a prober show to the control API."""

    tokens_file: Path | None = None
    """Hashes of tokens that are known without PostgreSQL: `serve` writes this file for the processes that it
    starts."""

    home_datacenter: str = "dc1"
    """The Consul datacenter that decides."""

    consul_prefix: Prefix = DEFAULT_PREFIX
    """What every key of this control plane begins with."""

    consul_bin: Path | None = Field(default=None, validation_alias="consul_bin")
    """The `consul` program to start as the private server. Not set: looked for on `PATH`, then fetched."""

    consul_http_addr: str | None = Field(default=None, validation_alias="consul_http_addr")
    """The Consul agent to use, `host:port` or an address with `http://` or `https://`. Not set: a private
    server, started and kept in the data folder."""

    consul_http_token: SecretStr | None = Field(default=None, validation_alias="consul_http_token")
    """The ACL token for Consul; `deploy/consul` holds the policies it needs."""

    consul_http_ssl: bool = Field(default=False, validation_alias="consul_http_ssl")
    """Whether Consul is spoken to through TLS."""

    consul_http_ssl_verify: bool = Field(default=True, validation_alias="consul_http_ssl_verify")
    """Whether Consul's certificate must be valid."""

    consul_cacert: Path | None = Field(default=None, validation_alias="consul_cacert")
    """The certificate authority that Consul's certificate must come from. Not set: those of the system."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Source,
        env_settings: Source,
        dotenv_settings: Source,  # noqa: ARG003 - the library passes it by name
        file_secret_settings: Source,  # noqa: ARG003 - the library passes it by name
    ) -> tuple[Source, ...]:
        """The environment, then the file that it names; `.env` files are not read."""
        file = os.environ.get(CONFIG_VARIABLE) or None
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)


def load_settings() -> Settings:
    """Read the environment and the file that it names.

    Raises:
        SettingsError: an unknown name, a value that is not allowed, or a file that cannot be read.
    """
    _refuse_unknown_variables()
    file = os.environ.get(CONFIG_VARIABLE)
    try:
        if file:
            Path(file).open("rb").close()  # the library passes over a file that is not there
        return Settings()
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {file} cannot be read: {error.strerror}") from error
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {file} is not TOML: {error}") from error
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(mistake, file) for mistake in error.errors())) from error


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting as its page in the manual and the error messages describe it."""

    variable: str
    allowed: str
    unit: str
    default: str
    """Empty where the explanation says what happens when it is not set."""
    meaning: str
    secret: bool


def knobs() -> Mapping[str, Knob]:
    """Every setting by its name in the file, in the order of their declaration."""
    return {name: _knob(name, field) for name, field in Settings.model_fields.items()}


def _knob(name: str, field: FieldInfo) -> Knob:
    kind, metadata = _unwrapped(field)
    default = "" if field.default_factory or field.default is None else str(field.default)
    return Knob(
        variable=name.upper() if field.validation_alias else f"{PREFIX}{name.upper()}",
        allowed=_allowed(kind, metadata),
        unit=next((item.name for item in metadata if isinstance(item, Unit)), ""),
        default=default.lower() if kind is bool else default,
        meaning=" ".join((field.description or "").split()),
        secret=kind is SecretStr,
    )


def _unwrapped(field: FieldInfo) -> tuple[Any, list[Any]]:
    """The type without `None` and `Annotated`, and everything that was annotated."""
    kind, metadata = field.annotation, list(field.metadata)
    if get_origin(kind) in (Union, types.UnionType):
        kind = get_args(kind)[0]
    if get_origin(kind) is Annotated:
        kind, *inner = get_args(kind)
        metadata += inner
    return kind, metadata


def _allowed(kind: Any, metadata: list[Any]) -> str:
    bounds = {type(item): item for item in metadata}
    if Rule in bounds:
        return str(bounds[Rule].text)
    if Ge in bounds:
        return f"{bounds[Ge].ge} to {bounds[Le].le}"
    if issubclass(kind, StrEnum):
        return ", ".join(kind)
    return {bool: "true, false", Path: "a path"}.get(kind, "a text")


def _refuse_unknown_variables() -> None:
    known = {knob.variable for knob in knobs().values()} | {CONFIG_VARIABLE}
    strangers = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if strangers:
        raise SettingsError("\n".join(_unknown(name, known, "the environment") for name in strangers))


def _sentence(mistake: ErrorDetails, file: str | None) -> str:
    name = str(mistake["loc"][0])
    knob = knobs().get(name)
    if knob is None:
        return _unknown(name, set(knobs()), str(file))
    place = "the environment" if knob.variable in os.environ else str(file)
    shown = "what stands there" if knob.secret else repr(mistake["input"])
    allowed = f"{knob.allowed} {knob.unit}".rstrip()
    return f"{knob.variable}: {shown} (from {place}) is not allowed; allowed is {allowed}"


def _unknown(name: str, known: set[str], place: str) -> str:
    stems = {candidate.removeprefix(PREFIX): candidate for candidate in known}
    close = get_close_matches(name.removeprefix(PREFIX), stems, n=1)
    hint = f"did you mean {stems[close[0]]}?" if close else "docs/settings.md lists all of them"
    return f"{name} (from {place}) is not a setting; {hint}"
