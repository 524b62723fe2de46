"""Owns how switches read on a terminal: what is wrong first, then each switch with its end and its author."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.cli.output import say, say_item, say_table

Picture = Mapping[str, Any]

PERCENT_ALL = 100
DEGRADED = "degraded"


def say_services(services: list[Picture]) -> None:
    """The switches of several services."""
    for place, service in enumerate(services):
        if place:
            say()
        say_service(service)
    if not services:
        say("no service has switches: declare them in the fleet file")


def say_service(service: Picture) -> None:
    """All switches of one service."""
    revision = service["revision"]
    say(f"{service['service']}: {'no document yet' if revision is None else f'revision {revision}'}")
    for text in _wrong(service):
        say_item(text)
    rows = [
        (f"  {one['name']}", one["state"], _json(one["value"]), _rest(one)) for one in service["switches"]
    ]
    if rows:
        say_table(("  switch", "state", "value", ""), rows)


def say_switch(service: Picture, switch: Picture) -> None:
    """One switch, with what is declared and who changed it last."""
    say(f"{service['service']}/{switch['name']}: {switch['state']}, {_json(switch['value'])}")
    for text in (*_wrong(service), *_facts(switch)):
        say(text, indent=1)


def changed_switches(change: Picture) -> str:
    """What a change left behind: `recs degraded false for 20%, depth normal (eu-west degraded 1)`."""
    after = change["after"] or {}
    gone = sorted((change["before"] or {}).keys() - after.keys())
    states = [_left(name, entry) for name, entry in sorted(after.items())]
    return ", ".join([*states, *(f"{name} dropped" for name in gone)])


def _left(name: str, entry: Picture) -> str:
    """One switch as it stands in a document; its value where somebody wants another than the normal one."""
    parts = [f"{name} {entry['state']}"]
    if entry["state"] == DEGRADED:
        parts += [_json(entry.get("value")), _share(entry)]
    overrides = [
        f"{region} {override['state']} {_json(override['value'])}"
        for region, override in sorted(entry.get("regions", {}).items())
    ]
    return " ".join(part for part in (*parts, f"({', '.join(overrides)})" if overrides else "") if part)


def _share(entry: Picture) -> str:
    percent = entry.get("percent", PERCENT_ALL)
    return "" if percent == PERCENT_ALL else f"for {percent}%"


def _wrong(service: Picture) -> Iterator[str]:
    drift = service["drift"]
    if drift:
        yield f"ALARM since {drift['since']}: {drift['text']} ({drift['code']})"
    if service["unsettled"]:
        yield "UNSETTLED: a publication got no answer from Consul and may still take effect"


def _rest(switch: Picture) -> str:
    """Share, end and overrides, as far as there are any."""
    parts = [] if switch["percent"] == PERCENT_ALL else [f"{switch['percent']}% of the units"]
    if switch["expires_at"]:
        parts.append(f"until {switch['expires_at']}")
    parts += [_override(one) for one in switch["regions"]]
    if switch["waiting"]:
        parts.append(f"waiting: {switch['waiting']}")
    return "; ".join(parts)


def _override(override: Picture) -> str:
    end = f" until {override['expires_at']}" if override["expires_at"] else ""
    return f"{override['region']}: {override['state']} {_json(override['value'])}{end}"


def _facts(switch: Picture) -> Iterator[str]:
    rest = _rest(switch)
    if rest:
        yield rest
    yield f"{switch['type']}, normal {_json(switch['normal'])}" + (
        f", degraded {_json(switch['degraded'])}" if switch["declared"] else ", no longer declared"
    )
    described = ", ".join(part for part in (switch["grade"], switch["owner"], switch["description"]) if part)
    if described:
        yield described
    changed = switch["changed"]
    if changed:
        yield f"{changed['kind']} by {changed['by']} at {changed['at']}: {changed['reason']}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
