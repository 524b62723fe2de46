"""Owns `controlplane switch`: look at switches, degrade, restore and force them, undo, decide about drift."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from controlplane.cli.acts import For, IdempotencyKey, Reason, Until, act
from controlplane.cli.connection import DataDir, connect
from controlplane.cli.failures import Refused
from controlplane.cli.names import checked_name
from controlplane.cli.output import AsJson, say_json
from controlplane.cli.switch_pictures import say_service, say_services, say_switch

app = typer.Typer(help="Look at switches, degrade and restore them.", no_args_is_help=True)


def _checked_place(text: str) -> str:
    """`service/switch`, for `callback=` of an argument.

    Raises:
        typer.BadParameter: it is none.
    """
    service, slash, switch = text.partition("/")
    if not slash:
        raise typer.BadParameter(f"{text!r} names no switch; write service/switch")
    checked_name(service)
    checked_name(switch)
    return text


def _checked_places(text: str) -> str:
    return _checked_place(text) if "/" in text else checked_name(text) or text


Place = Annotated[
    str, typer.Argument(help="service/switch", metavar="SWITCH", show_default=False, callback=_checked_place)
]
Service = Annotated[
    str, typer.Argument(help="Name of the service.", show_default=False, callback=checked_name)
]
Region = Annotated[
    list[str] | None,
    typer.Option(help="Only in this region, instead of the base entry; repeat for more.", metavar="REGION"),
]
IfMatch = Annotated[
    int | None, typer.Option(min=1, help="Only if the service's switches are still at this revision.")
]


@app.command("list")
def list_switches(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the switches of every service."""
    with connect(data_dir) as api:
        answer = api.read("/switches")
    say_json(answer) if as_json else say_services(answer["services"])


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(help="A service, or service/switch.", show_default=False, callback=_checked_places),
    ],
    *,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a service's switches, or one with its author."""
    service, _, switch = name.partition("/")
    with connect(data_dir) as api:
        whole = api.read(f"/switches/{service}")
    if not switch:
        say_json(whole) if as_json else say_service(whole)
        return
    one = _one(whole, switch)
    say_json(one) if as_json else say_switch(whole, one)


@app.command()
def degrade(
    switch: Place,
    reason: Reason,
    *,
    value: Annotated[
        str | None,
        typer.Option(help="Another value than the declared one: JSON, or a bare text.", metavar="VALUE"),
    ] = None,
    region: Region = None,
    percent: Annotated[
        int | None, typer.Option(min=1, max=100, help="Only for this share of the units.")
    ] = None,
    duration: For = None,
    until: Until = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Degrade a switch, until a time or until it is restored."""
    act(
        f"/switches/{switch}/degrade",
        {"reason": reason, "regions": region, "percent": percent, "for": duration, "until": until},
        exactly={} if value is None else {"value": _value(value)},
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
        if_match=if_match,
    )


@app.command()
def restore(
    switch: Place,
    reason: Reason,
    *,
    region: Region = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Back to normal: the service's own breakers decide again."""
    act(
        f"/switches/{switch}/restore",
        {"reason": reason, "regions": region},
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
        if_match=if_match,
    )


@app.command()
def force(
    switch: Place,
    reason: Reason,
    *,
    region: Region = None,
    duration: For = None,
    until: Until = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Hold a switch at its normal value.

    Even if the service's own breakers would degrade it.
    """
    act(
        f"/switches/{switch}/force",
        {"reason": reason, "regions": region, "for": duration, "until": until},
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
        if_match=if_match,
    )


@app.command()
def undo(
    service: Service,
    reason: Reason,
    *,
    revision: Annotated[int, typer.Option(min=1, help="The revision whose change is taken back.")],
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take back what a revision changed.

    Unless somebody has changed one of its switches since.
    """
    act(
        f"/switches/{service}/undo",
        {"reason": reason, "revision": revision},
        key=idempotency_key,
        as_json=as_json,
        data_dir=data_dir,
        if_match=if_match,
    )


@app.command()
def adopt(
    service: Service,
    reason: Reason,
    *,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take over what somebody else wrote into Consul."""
    _decide(service, "adopt", reason, idempotency_key, data_dir, as_json=as_json)


@app.command()
def enforce(
    service: Service,
    reason: Reason,
    *,
    idempotency_key: IdempotencyKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish again what was published last."""
    _decide(service, "enforce", reason, idempotency_key, data_dir, as_json=as_json)


def _decide(
    service: str, policy: str, reason: str, key: str | None, data_dir: Path | None, *, as_json: bool
) -> None:
    body = {"policy": policy, "reason": reason}
    act(f"/switches/{service}/drift", body, key=key, as_json=as_json, data_dir=data_dir)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_not_json)
    except ValueError:
        return text


def _not_json(constant: str) -> Any:
    raise ValueError(constant)


def _one(service: dict[str, Any], name: str) -> dict[str, Any]:
    for switch in service["switches"]:
        if switch["name"] == name:
            found: dict[str, Any] = switch
            return found
    known = ", ".join(one["name"] for one in service["switches"]) or "none"
    raise Refused(f"{service['service']} has no switch {name}; switches: {known}.", code="unknown_switch")
