"""Owns `controlplane token`: who may use the API."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from controlplane.cli.connection import DataDir, connect, with_running_database
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say, say_json, say_table
from controlplane.cli.starting import settings_with

app = typer.Typer(help="Make tokens for people, programs and probers.", no_args_is_help=True)


class Role(StrEnum):
    """What a token may do: each role of people includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    PROBER = "prober"


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
        bool, typer.Option("--local", help="Write straight into the database; the way to the first one.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print its secret, once."""
    if (role is Role.PROBER) is (vantage is None):
        raise typer.BadParameter("--vantage goes with --role prober, and with it only")
    wanted = {"name": name, "role": role, "vantage": vantage}
    if local:
        from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

        settings = with_running_database(settings_with(data_dir=data_dir))
        secret = commands.create_local_token(settings, name=name, role=role, vantage=vantage)
        answer: dict[str, Any] = {**wanted, "token": secret}
    else:
        with connect(data_dir) as api:
            answer = api.change("/tokens", json=wanted)
    say_json(answer) if as_json else say(answer["token"])


@app.command("list")
def list_tokens(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show every token, without its secret."""
    with connect(data_dir) as api:
        answer = api.read("/tokens")
    if as_json:
        say_json(answer)
    elif not answer["tokens"]:
        say("no token was made yet: `controlplane token create`")
    else:
        rows = [(token["name"], token["role"], token["vantage"] or "") for token in answer["tokens"]]
        say_table(("name", "role", "vantage"), rows)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(callback=checked_name, help="Who holds it.", show_default=False)],
    *,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let the holder of a token in no more."""
    with connect(data_dir) as api:
        answer = api.change(f"/tokens/{name}", method="DELETE")
    say_json(answer) if as_json else say(f"done: the token of {name} is revoked")
