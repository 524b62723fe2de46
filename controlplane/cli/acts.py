"""Owns what all acts of the command line share: a reason, an idempotency key, and the answer in words."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from controlplane.cli.connection import connect
from controlplane.cli.failures import UnknownOutcome
from controlplane.cli.output import say, say_json

KEY_BYTES = 12

Reason = Annotated[str, typer.Option(help="Why, in one line; it stands in the history.")]
For = Annotated[str | None, typer.Option("--for", help="How long, such as 30m or 2h.", metavar="DURATION")]
Until = Annotated[str | None, typer.Option(help="When it ends, RFC 3339 with a time zone.", metavar="TIME")]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(help="The same key makes a repeated command the same act; one is made up otherwise."),
]


def act(
    path: str,
    body: Mapping[str, Any],
    *,
    key: str | None,
    as_json: bool,
    data_dir: Path | None,
    if_match: int | None = None,
    exactly: Mapping[str, Any] | None = None,
) -> None:
    """Send an act once and print what was done. What is None in `body` is left out, in `exactly` it is null.

    Raises:
        CommandFailed: it was refused, was not sent, or its outcome is unknown.
    """
    key = key or secrets.token_urlsafe(KEY_BYTES)
    headers = {"Idempotency-Key": key, "If-Match": None if if_match is None else f'"{if_match}"'}
    given = {name: value for name, value in body.items() if value is not None} | dict(exactly or {})
    with connect(data_dir) as api:
        try:
            answer = api.act(path, given, headers)
        except UnknownOutcome as unknown:
            raise _unknown(unknown, key) from unknown
    say_json(answer) if as_json else say(f"done: {answer['text']}")


def _unknown(unknown: UnknownOutcome, key: str) -> UnknownOutcome:
    return UnknownOutcome(
        f"unknown, it may still take effect: {unknown}\n"
        f"Look at `controlplane history`, or repeat the same command with --idempotency-key {key}",
        code=unknown.code,
        details={**unknown.details, "idempotency_key": key},
    )
