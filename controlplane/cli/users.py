"""Owns `controlplane user`: who may log in to the console."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from controlplane.cli.connection import DataDir, connect, with_running_database
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say, say_json, say_table
from controlplane.cli.starting import settings_with

PASSWORD_BYTES_MAX = 4096
"""What is read of standard input; the control plane says how long a password may be."""

app = typer.Typer(help="Let people log in to the console.", no_args_is_help=True)


class Role(StrEnum):
    """What somebody may do: each role includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


NameArgument = Annotated[
    str, typer.Argument(callback=checked_name, help="What they log in with.", show_default=False)
]
RoleOption = Annotated[Role, typer.Option(help="What they may do.", show_default=False)]


@app.command()
def add(
    name: NameArgument,
    role: RoleOption,
    *,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input."),
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Write straight into the database; the way to the first one.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody log in. Who is there already gets this role and password, and is logged out."""
    password = _password(from_stdin=password_stdin)
    if local:
        from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

        settings = with_running_database(settings_with(data_dir=data_dir))
        commands.put_local_user(settings, name=name, role=role, password=password)
    else:
        with connect(data_dir) as api:
            api.change(f"/users/{name}", method="PUT", json={"role": role, "password": password})
    _say_stored(name, role, as_json=as_json)


@app.command()
def role(name: NameArgument, role: RoleOption, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Give somebody another role. Their password stays, they are logged out."""
    with connect(data_dir) as api:
        api.change(f"/users/{name}", method="PUT", json={"role": role})
    _say_stored(name, role, as_json=as_json)


@app.command("list")
def list_users(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show everybody who may log in."""
    with connect(data_dir) as api:
        answer = api.read("/users")
    if as_json:
        say_json(answer)
    elif not answer["users"]:
        say("nobody may log in yet: `controlplane user add NAME --role admin`")
    else:
        say_table(("name", "role"), [(user["name"], user["role"]) for user in answer["users"]])


@app.command()
def remove(name: NameArgument, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Let somebody log in no more. Their sessions end."""
    with connect(data_dir) as api:
        answer = api.change(f"/users/{name}", method="DELETE")
    say_json(answer) if as_json else say(f"done: {name} cannot log in any more")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read(PASSWORD_BYTES_MAX).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no keyboard here: say --password-stdin")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    return password


def _say_stored(name: str, role: Role, *, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "role": role})
    else:
        say(f"done: {name} may log in as {role}")
