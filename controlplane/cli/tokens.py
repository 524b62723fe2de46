"""Owns `controlplane token`: who may use the API."""

from enum import StrEnum
from typing import Annotated

import typer

from controlplane.cli.connection import DataDir, with_running_database
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say, say_json
from controlplane.cli.starting import settings_with

app = typer.Typer(help="Make tokens for people, programs and probers.", no_args_is_help=True)


class Role(StrEnum):
    """What a token may do: each role of people includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    PROBER = "prober"


@app.callback()
def token() -> None:
    """Keep `create` a word of its own: typer would drop it while it is the only command."""


@app.command()
def create(
    name: Annotated[
        str, typer.Option(callback=checked_name, help="Who holds it; a second one of that name replaces it.")
    ],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    *,
    vantage: Annotated[
        str | None, typer.Option(callback=checked_name, help="Of a prober: the vantage it reports for.")
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Write it straight into the database; the only way to the first one."),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print its secret, once."""
    if not local:
        raise typer.BadParameter("say --local: this version makes tokens in the database only")
    if (role is Role.PROBER) is (vantage is None):
        raise typer.BadParameter("--vantage goes with --role prober, and with it only")
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

    settings = with_running_database(settings_with(data_dir=data_dir))
    secret = commands.create_local_token(settings, name=name, role=role, vantage=vantage)
    if as_json:
        say_json({"name": name, "role": role, "vantage": vantage, "token": secret})
    else:
        say(secret)
