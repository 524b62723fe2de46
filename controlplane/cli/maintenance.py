"""Owns `controlplane maintenance`: a region is worked on, so nothing moves into or out of it."""

from typing import Annotated

import typer

from controlplane.cli.acts import For, IdempotencyKey, Reason, Until, act
from controlplane.cli.connection import DataDir
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson

app = typer.Typer(help="Put a region into maintenance and take it out again.", no_args_is_help=True)

Region = Annotated[str, typer.Argument(help="Name of the region.", show_default=False, callback=checked_name)]


@app.command()
def start(
    region: Region,
    reason: Reason,
    *,
    duration: For = None,
    until: Until = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put a region into maintenance. The automation moves nothing into it and nothing out of it."""
    body = {"scope": "region", "name": region, "for": duration, "until": until, "reason": reason}
    act("/pause", body, key=idempotency_key, as_json=as_json, data_dir=data_dir)


@app.command()
def end(
    region: Region,
    reason: Reason,
    *,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a region out of maintenance."""
    body = {"scope": "region", "name": region, "reason": reason}
    act("/resume", body, key=idempotency_key, as_json=as_json, data_dir=data_dir)
