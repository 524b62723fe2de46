"""Owns the commands that run processes: serve, probe, migrate, and what these start in turn.

What they need is loaded when they are called: `controlplane status` should not load a web framework, a
database driver and an event loop in order to ask one question.
"""

from typing import Annotated, Any

import typer

from controlplane.cli.connection import DataDir
from controlplane.cli.output import AsJson, say, say_json
from controlplane.settings import Settings, load_settings

PROBERS_MAX = 1
PORT_MAX = 65535

Port = Annotated[
    int | None, typer.Option(min=1, max=PORT_MAX, help="Of API and page; instead of CONTROLPLANE_PORT.")
]


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; instead of CONTROLPLANE_HOST.")
    ] = None,
    port: Port = None,
    probers: Annotated[
        int | None, typer.Option(min=0, max=PROBERS_MAX, help="Prober processes on this machine.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the control plane and its probers. PostgreSQL and Consul are brought along unless configured."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loaded when called, see above

    commands.serve(settings_with(host=host, port=port, probers=probers, data_dir=data_dir))


def control() -> None:
    """Run one control process; `serve` starts it."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loaded when called, see above

    commands.control(load_settings())


def probe(
    *,
    vantage: Annotated[
        str | None, typer.Option(help="The vantage it probes for; instead of CONTROLPLANE_VANTAGE.")
    ] = None,
) -> None:
    """Run one prober, here or in a far region."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loaded when called, see above

    settings = load_settings()
    commands.probe(settings, vantage or settings.vantage)


def migrate(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say how the database stands.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the schema of PostgreSQL up to date. An embedded one is migrated by `serve`."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loaded when called, see above

    text = commands.migrate(load_settings(), check=check)
    say_json({"outcome": "done", "text": text}) if as_json else say(text)


def settings_with(**options: Any) -> Settings:
    """The settings, with those options that were given on the command line.

    Raises:
        SettingsError: a setting is not allowed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return load_settings().model_copy(update=given)
