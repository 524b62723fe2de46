"""Owns `controlplane apply` and `controlplane export`: the fleet file in and out."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from controlplane.cli.connection import DataDir, connect
from controlplane.cli.failures import CommandFailed, Refused, UnknownOutcome
from controlplane.cli.output import AsJson, say, say_item, say_json

FLEET_FILE_BYTES_MAX = 4 * 1024 * 1024
STDIN = Path("-")

_AGAIN = "Apply it again: the same file twice changes nothing"


def apply(
    file: Annotated[
        Path, typer.Option("--file", "-f", help="The fleet file; - reads standard input.", show_default=False)
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the differences, change nothing.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a fleet file as the definitions. All of it is taken, or nothing."""
    content = _read(file)
    with connect(data_dir) as api:
        try:
            send = api.ask if dry_run else api.change
            answer = send("/registry/apply", params={"dry_run": dry_run}, content=content)
        except Refused as refused:
            raise _located(refused, file) from refused
        except UnknownOutcome as unknown:
            raise UnknownOutcome(f"unknown: {unknown}\n{_AGAIN}", code=unknown.code) from unknown
    say_json(answer) if as_json else _say_applied(answer)


def export(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print the definitions as a fleet file. With --json: with their revision."""
    with connect(data_dir) as api:
        if as_json:
            say_json(api.read("/registry/definitions"))
        else:
            sys.stdout.write(api.fetch("/api/v1/registry/export").text)


def _read(file: Path) -> bytes:
    try:
        with sys.stdin.buffer if file == STDIN else file.open("rb") as source:
            content = source.read(FLEET_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}", code="unreadable_file") from error
    if len(content) > FLEET_FILE_BYTES_MAX:
        raise CommandFailed(f"{file} is larger than {FLEET_FILE_BYTES_MAX} bytes", code="body_too_large")
    return content


def _say_applied(answer: dict[str, Any]) -> None:
    for line in answer["differences"]:
        say_item(line)
    if not answer["differences"]:
        say(f"nothing differs from revision {answer['revision']}")
    elif answer["dry_run"]:
        say("nothing was changed: this was a dry run")
    else:
        say(f"done: the definitions are at revision {answer['revision']}")


def _located(refused: Refused, file: Path) -> Refused:
    """The refusal, its mistakes told as compilers do: file, line, path, what is wrong and what is allowed."""
    mistakes = refused.details.get("mistakes")
    if not mistakes:
        return refused
    lines = [_mistake(file, mistake) for mistake in mistakes]
    return Refused("\n".join(lines), code=refused.code, details=refused.details)


def _mistake(file: Path, mistake: dict[str, Any]) -> str:
    places = [str(file), *([str(mistake["line"])] if "line" in mistake else []), mistake["path"]]
    allowed = f"; allowed: {mistake['allowed']}" if "allowed" in mistake else ""
    return f"{':'.join(places)}: {mistake['wrong']}{allowed}"
