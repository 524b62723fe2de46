"""Owns the commands of the demo: start it, play its story, break and heal parts of its fleet."""

from typing import Annotated

import typer

from controlplane.cli.connection import DataDir, demo_folder
from controlplane.cli.output import AsJson, say, say_json
from controlplane.cli.starting import Port, settings_with
from controlplane.processes.demo_login import Login, demo_login
from controlplane.settings import load_settings

RUNS_MAX = 1_000


def demo(
    *,
    port: Port = None,
    data_dir: DataDir = None,
    story: Annotated[
        bool, typer.Option("--story", help="Play a region outage, check it, print the timeline, end.")
    ] = False,
    runs: Annotated[int, typer.Option(min=1, max=RUNS_MAX, help="How often the story is played.")] = 1,
    show_login: Annotated[
        bool, typer.Option("--show-login", help="Only print the console's log-in, and end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run everything with a simulated fleet. Three regions on this machine, until Ctrl-C."""
    settings = settings_with(port=port)
    folder = data_dir or demo_folder(settings)
    if show_login:
        _say_login(demo_login(folder), as_json=as_json)
        return
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

    code = commands.demo(
        settings, port=settings.port, data_dir=folder, story=story, as_json=as_json, runs=runs
    )
    raise typer.Exit(code)


def _say_login(login: Login, *, as_json: bool) -> None:
    if as_json:
        say_json({"name": login.name, "password": login.password})
    else:
        say(f"{login.name}, password {login.password}")


def demo_fleet() -> None:
    """Run the simulated fleet; `demo` starts it."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

    commands.demo_fleet(load_settings())


def chaos(
    fault: Annotated[
        str, typer.Argument(help="kill, hang, slow, flap, error, partition or heal.", show_default=False)
    ],
    scope: Annotated[
        str,
        typer.Argument(
            help="A region, a service, a cell (checkout/us-east), an instance, or all.", show_default=False
        ),
    ],
    *,
    share: Annotated[str | None, typer.Option(help="Of the instances in scope, such as 10%.")] = None,
    latency: Annotated[str | None, typer.Option(help="Of slow, such as 100ms-500ms.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Break or heal a part of the demo's fleet."""
    from controlplane.bootstrap import commands  # noqa: PLC0415 - loads all rooms, a second

    folder = data_dir or demo_folder(load_settings())
    text = commands.chaos(folder, fault, scope, share=share, latency=latency)
    say_json({"outcome": "done", "text": text}) if as_json else say(text)
