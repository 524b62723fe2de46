"""Owns the command `controlplane`: its words, and the one place where failures become text and exit codes.

Exit codes: 0 done, 1 refused, failed or unknown (the text says which), 2 a mistake in the command itself.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from controlplane.cli import (
    definitions,
    demonstrating,
    doctor,
    failover,
    history,
    looking,
    maintenance,
    starting,
    switches,
    tokens,
    users,
)
from controlplane.cli.failures import CommandFailed
from controlplane.cli.output import complain, say, say_json
from controlplane.settings import SettingsError

FAILED = 1

app = typer.Typer(
    help="Health checks, region failover and degradation switches, published through Consul KV.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(looking.status)
app.add_typer(failover.app, name="failover")
app.add_typer(switches.app, name="switch")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(history.app, name="history")
app.command()(looking.events)
app.command()(definitions.apply)
app.command()(definitions.export)
app.add_typer(users.app, name="user")
app.add_typer(tokens.app, name="token")
app.command()(doctor.doctor)
app.command()(starting.serve)
app.command()(starting.probe)
app.command()(starting.migrate)
app.command()(demonstrating.demo)
app.command()(demonstrating.chaos)
app.command(hidden=True)(starting.control)
app.command("demo-fleet", hidden=True)(demonstrating.demo_fleet)


def _say_version(wanted: bool) -> None:
    if wanted:
        say(f"controlplane {version('controlplane')}")
        raise typer.Exit


@app.callback()
def controlplane(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Options of the command itself, before its first word."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=words, prog_name="controlplane")
    except Exception as error:
        failure = _known(error)
        if failure is None:
            raise
        if "--json" in words:
            say_json(failure.to_json())
        complain(str(failure))
        sys.exit(FAILED)


def _known(error: Exception) -> CommandFailed | None:
    """The failure that an exception stands for; None for one that nobody foresaw."""
    if isinstance(error, CommandFailed):
        return error
    if isinstance(error, SettingsError):
        return CommandFailed(str(error), code="settings")
    from controlplane.cli.known_failures import KNOWN  # noqa: PLC0415 - loads all rooms, a second

    return CommandFailed(str(error)) if isinstance(error, KNOWN) else None
