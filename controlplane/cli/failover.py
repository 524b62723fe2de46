"""Owns `controlplane failover`: look at groups, plan and make moves, pause and resume the automation."""

from pathlib import Path
from typing import Annotated, Any

import typer

from controlplane.cli.acts import For, IdempotencyKey, Reason, Until, act
from controlplane.cli.confirmation import confirmation_of
from controlplane.cli.connection import DataDir, connect
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say_json
from controlplane.cli.pictures import say_group, say_plan
from controlplane.contract.documents import DocumentKind

app = typer.Typer(help="Look at failover groups, move them, pause the automation.", no_args_is_help=True)

Group = Annotated[str, typer.Argument(help="Name of the group.", show_default=False, callback=checked_name)]
OneGroup = Annotated[
    str | None,
    typer.Argument(help="Name of the group; or --fleet.", show_default=False, callback=checked_name),
]
Fleet = Annotated[bool, typer.Option("--fleet", help="The whole fleet instead of one group.")]
To = Annotated[str, typer.Option(help="The region to move to.", callback=checked_name)]


@app.command()
def status(
    group: Annotated[
        str | None, typer.Argument(help="Only this group.", show_default=False, callback=checked_name)
    ] = None,
    *,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the groups, who has applied what is in force, and who could take over."""
    with connect(data_dir) as api:
        answer = api.read(f"/failover/{group}" if group else "/failover")
        confirmed = {} if as_json else api.read("/confirmations")
    if as_json:
        say_json(answer)
        return
    for one in [answer] if group else answer["groups"]:
        say_group(one, confirmation_of(confirmed, DocumentKind.FAILOVER, one["name"]))


@app.command()
def plan(group: Group, to: To, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what a move would do; write nothing. Exit code 1 where it would be refused."""
    with connect(data_dir) as api:
        answer = api.ask(f"/failover/{group}/plan", json={"to": to})
    say_json(answer) if as_json else say_plan(answer)
    if not _would_be_done(answer):
        raise typer.Exit(1)


@app.command()
def move(
    group: Group,
    to: To,
    reason: Reason,
    *,
    override: Annotated[
        list[str] | None, typer.Option(help="A gate that may fail, by its name in the plan; repeat for more.")
    ] = None,
    revision: Annotated[
        int | None, typer.Option(min=1, help="Move only from this revision, as the plan shows it.")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Move a group to a region."""
    body = {"to": to, "reason": reason, "overrides": override or None}
    act(
        f"/failover/{group}/move",
        body,
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
        if_match=revision,
    )


@app.command()
def adopt(
    group: Group,
    reason: Reason,
    *,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take over what somebody else wrote into Consul."""
    _decide(group, "adopt", reason, idempotency_key, data_dir, as_json=as_json)


@app.command()
def enforce(
    group: Group,
    reason: Reason,
    *,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish again what was published last."""
    _decide(group, "enforce", reason, idempotency_key, data_dir, as_json=as_json)


def _decide(
    group: str, policy: str, reason: str, key: str | None, data_dir: Path | None, *, as_json: bool
) -> None:
    body = {"policy": policy, "reason": reason}
    act(f"/failover/{group}/drift", body, key=key, as_json=as_json, data_dir=data_dir)


@app.command()
def pause(
    reason: Reason,
    group: OneGroup = None,
    *,
    fleet: Fleet = False,
    duration: For = None,
    until: Until = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Stop automatic moves until a time. People may still move."""
    body = {**_scope(group, fleet=fleet), "for": duration, "until": until, "reason": reason}
    act("/pause", body, key=idempotency_key, as_json=as_json, data_dir=data_dir)


@app.command()
def resume(
    reason: Reason,
    group: OneGroup = None,
    *,
    fleet: Fleet = False,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let the automation move again."""
    act(
        "/resume",
        {**_scope(group, fleet=fleet), "reason": reason},
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
    )


def _scope(group: str | None, *, fleet: bool) -> dict[str, Any]:
    if fleet is (group is not None):
        raise typer.BadParameter("name one group, or say --fleet")
    return {"scope": "fleet"} if fleet else {"scope": "group", "name": group}


def _would_be_done(plan: dict[str, Any]) -> bool:
    return not plan["refusals"] and all(gate["ok"] for gate in plan["gates"])
