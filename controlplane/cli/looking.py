"""Owns `controlplane status` and `events`: what is, and what changes now."""

import contextlib
import json
import sys
from itertools import islice
from typing import Annotated

import typer

from controlplane.cli.connection import DataDir, connect
from controlplane.cli.event_lines import event_line
from controlplane.cli.event_stream import follow
from controlplane.cli.output import AsJson, say_item, say_json
from controlplane.cli.pictures import say_status

EventKinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kinds",
        help="Only events of this kind; may be given several times. document, group, confirmation, health, "
        "vantage, restraint, leader, dependency, registry or alarm.",
    ),
]


def status(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what is wrong, and the failover groups."""
    with connect(data_dir) as api:
        answer = api.read("/status")
    say_json(answer) if as_json else say_status(answer)


def events(
    *,
    kinds: EventKinds = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after this many events.")] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Follow what changes, one line each, until Ctrl-C. A lost connection is taken up where it broke off."""
    with connect(data_dir) as api, contextlib.suppress(KeyboardInterrupt):
        for event in islice(follow(api, kinds or ()), limit):
            print(json.dumps(event, ensure_ascii=False)) if as_json else say_item(event_line(event))
            sys.stdout.flush()
