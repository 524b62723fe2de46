"""Owns `controlplane history`: every change, what became of one thing, and why nothing was done."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from controlplane.cli.connection import DataDir, connect
from controlplane.cli.history_pictures import say_entries, say_evaluation, say_timeline
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say, say_json
from controlplane.cli.pictures import say_change
from controlplane.contract.documents import DocumentKind
from controlplane.contract.names import INSTANCE_ID_RULE, is_instance_id
from controlplane.domain.history_time import Resolution

ROWS = 20
ROWS_MAX = 200

app = typer.Typer(invoke_without_command=True)


def _instance_id(text: str) -> str:
    if not is_instance_id(text):
        raise typer.BadParameter(f"{text!r} is no id of an instance; an id is {INSTANCE_ID_RULE}")
    return text


def _pair(text: str) -> str:
    first, slash, second = text.partition("/")
    if not slash:
        raise typer.BadParameter(f"{text!r} is one name; two are wanted, with a slash between them")
    checked_name(first)
    checked_name(second)
    return text


Limit = Annotated[int, typer.Option(min=1, max=ROWS_MAX, help="How many rows.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where the page before ended.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="The beginning, RFC 3339; an hour before the end.", metavar="TIME"),
]
To = Annotated[str | None, typer.Option("--to", help="The end, RFC 3339; now.", metavar="TIME")]
Fineness = Annotated[Resolution, typer.Option("--resolution", help="What one row stands for.")]
Vantage = Annotated[
    str | None, typer.Option(help="Only what this vantage saw.", metavar="NAME", callback=checked_name)
]
Check = Annotated[
    str | None, typer.Option(help="Only what this check found.", metavar="NAME", callback=checked_name)
]
TurnsCursor = Annotated[
    str | None, typer.Option(help="Go on with the changes of health where the answer before ended.")
]


@app.callback()
def changes(
    context: typer.Context,
    *,
    kind: Annotated[DocumentKind | None, typer.Option(help="Only documents of this kind.")] = None,
    name: Annotated[str | None, typer.Option(help="Only documents of this name.")] = None,
    limit: Limit = ROWS,
    cursor: Cursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show who changed what and why; newest first."""
    if context.invoked_subcommand:
        _require_nothing_before(context)
        return
    with connect(data_dir) as api:
        page = api.read("/changes", kind=kind, name=name, limit=limit, cursor=cursor)
    if as_json:
        say_json(page)
        return
    for change in page["changes"]:
        say_change(change)
    _say_end(page, page["changes"], "no changes")


@app.command()
def instance(
    name: Annotated[
        str, typer.Argument(help="Id of the instance.", show_default=False, callback=_instance_id)
    ],
    *,
    first: From = None,
    last: To = None,
    resolution: Fineness = Resolution.MINUTE,
    vantage: Vantage = None,
    check: Check = None,
    turns_cursor: TurnsCursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show health and latency of an instance over time."""
    asked = _span(first, last, resolution) | {"vantage": vantage, "check": check}
    with connect(data_dir) as api:
        found = api.read(f"/history/instances/{name}", **asked, turns_cursor=turns_cursor)
    say_json(found) if as_json else say_timeline(name, found["timeline"])


@app.command()
def cell(
    place: Annotated[
        str, typer.Argument(metavar="SERVICE/REGION", help="A service in a region.", callback=_pair)
    ],
    *,
    first: From = None,
    last: To = None,
    resolution: Fineness = Resolution.MINUTE,
    vantage: Vantage = None,
    check: Check = None,
    turns_cursor: TurnsCursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show health and latency of a service in a region over time."""
    asked = _span(first, last, resolution) | {"vantage": vantage, "check": check}
    with connect(data_dir) as api:
        found = api.read(f"/history/cells/{place}", **asked, turns_cursor=turns_cursor)
    say_json(found) if as_json else say_timeline(place, found["timeline"])


@app.command()
def group(
    name: Annotated[
        str, typer.Argument(help="Name of the group.", show_default=False, callback=checked_name)
    ],
    *,
    limit: Limit = ROWS,
    cursor: Cursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the moves of a group, and why it did not move."""
    with connect(data_dir) as api:
        story = api.read(f"/history/groups/{name}", limit=limit, cursor=cursor)
    _say_story(story, as_json=as_json)


@app.command()
def switch(
    place: Annotated[str, typer.Argument(metavar="SERVICE/SWITCH", help="A switch.", callback=_pair)],
    *,
    limit: Limit = ROWS,
    cursor: Cursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the changes of one switch."""
    with connect(data_dir) as api:
        story = api.read(f"/history/switches/{place}", limit=limit, cursor=cursor)
    _say_story(story, as_json=as_json)


@app.command()
def evaluations(
    *,
    of_group: Annotated[
        str | None, typer.Option("--group", help="Only of this group.", callback=checked_name)
    ] = None,
    of_service: Annotated[
        str | None, typer.Option("--service", help="Only of this service's switches.", callback=checked_name)
    ] = None,
    limit: Limit = ROWS,
    cursor: Cursor = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show why nothing was moved, and what was refused."""
    if of_group and of_service:
        raise typer.BadParameter("either --group or --service is allowed, not both")
    with connect(data_dir) as api:
        page = api.read("/evaluations", group=of_group, service=of_service, limit=limit, cursor=cursor)
    if as_json:
        say_json(page)
        return
    for evaluation in page["evaluations"]:
        say_evaluation(evaluation)
    _say_end(page, page["evaluations"], "no evaluations")


def _require_nothing_before(context: typer.Context) -> None:
    given = [parameter for parameter in context.params if _is_given(context, parameter)]
    if given:
        raise typer.BadParameter(f"options stand behind `{context.invoked_subcommand}`, not before it")


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _span(first: str | None, last: str | None, resolution: Resolution) -> dict[str, str | None]:
    return {"from": first, "to": last, "resolution": resolution}


def _say_story(story: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(story)
        return
    say_entries(story["entries"])
    _say_end(story, story["entries"], f"nothing is known of {story['name']}")


def _say_end(page: dict[str, Any], rows: Iterable[object], nothing: str) -> None:
    if page["next_cursor"]:
        say(f"older: --cursor {page['next_cursor']}")
    elif not rows:
        say(nothing)
