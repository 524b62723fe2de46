"""Owns how the answers of the API read on a terminal: what is wrong first, then the groups."""

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.cli.confirmation import confirmation_of, confirmation_text, is_complete
from controlplane.cli.output import say, say_item, say_table
from controlplane.cli.switch_pictures import changed_switches
from controlplane.contract.documents import DocumentKind

Picture = Mapping[str, Any]


def say_status(status: Picture) -> None:
    """Everything at a glance."""
    say(f"as of {status['as_of']}")
    say(f"{_leader(status['leader'])}; {_consul(status['store_contact_seconds'])}; {_database(status)}")
    say(_instances(status["instances"]))
    for text in _wrong(status):
        say_item(text)
    for group in status["groups"]:
        say()
        say_group(group, confirmation_of(status, DocumentKind.FAILOVER, group["name"]))
    if not status["groups"]:
        say("no groups are defined: controlplane apply -f fleet.yaml")


def say_group(group: Picture, confirmation: Picture | None) -> None:
    """One failover group, and who has applied its document."""
    notes = ", ".join([group["mode"], _revision(group["revision"]), *group["flags"]])
    say(f"{group['name']}: {group['state']} in {group['active'] or 'no region'} ({notes})")
    say(group["reason"], indent=1)
    if confirmation:
        say(confirmation_text(confirmation), indent=1)
    rows = [
        (
            " *" if region["active"] else "",
            region["region"],
            region["verdict"],
            _standing(region),
            _cells(region),
        )
        for region in group["regions"]
    ]
    say_table(("  ", "region", "verdict", "standing", "instances up"), rows)
    for forecast in group["forecasts"]:
        if forecast["lost_region"] == group["active"]:
            say(forecast["text"], indent=1)


def say_plan(plan: Picture) -> None:
    """What a move would do."""
    say(f"{plan['group']}: {plan['source'] or 'no region'} → {plan['target']}, {_revision(plan['revision'])}")
    for gate in plan["gates"]:
        say(f"gate {gate['name']} {'passes' if gate['ok'] else 'FAILS'}: {gate['text']}", indent=1)
    for warning in plan["warnings"]:
        say(f"warning: {warning}", indent=1)
    for refusal in plan["refusals"]:
        say(f"REFUSED: {refusal}", indent=1)


def say_change(change: Picture) -> None:
    """One row of history."""
    left = _left_behind(change)
    arrow = f" → {left}" if left else ""
    say(f"{change['at']}  {change['kind']}/{change['name']} revision {change['revision']}{arrow}")
    say(f"{change['change_kind']} by {change['by']}: {change['reason']}", indent=1)


def _left_behind(change: Picture) -> str | None:
    """What holds since a change: the active region, or the switches that it changed."""
    if change["kind"] == DocumentKind.SWITCHES:
        return changed_switches(change)
    active: str | None = (change["after"] or {}).get("active")
    return active


def _wrong(status: Picture) -> Iterator[str]:
    for label, key in (("FROZEN", "freezes"), ("ALARM", "alarms"), ("UNSETTLED", "unsettled")):
        yield from (f"{label}: {text}" for text in status[key])
    for one in status["restraints"]:
        named = f" {one['name']}" if one["name"] else ""
        yield f"RESTRAINED: {one['scope']}{named} until {one['until']} by {one['by']}: {one['reason']}"
    for one in status["confirmations"]:
        if one["kind"] == DocumentKind.SWITCHES and not is_complete(one):
            yield f"UNCONFIRMED: switches of {one['name']}: {confirmation_text(one)}"
    for vantage in status["vantages"]:
        if not vantage["votes"]:
            yield f"ABSTAINS: vantage {vantage['vantage']} {vantage['prober']}: {vantage['reason']}"


def _leader(leader: Picture) -> str:
    return f"{leader['holder']} leads in term {leader['term']}" if leader["holder"] else "NOBODY LEADS"


def _consul(contact_seconds: float | None) -> str:
    return (
        "Consul NEVER ANSWERED" if contact_seconds is None else f"Consul answered {contact_seconds:.1f} s ago"
    )


def _database(status: Picture) -> str:
    return f"PostgreSQL {'answers' if status['database_available'] else 'DOES NOT ANSWER'}"


def _instances(counts: Mapping[str, int]) -> str:
    parts = ", ".join(f"{count} {health}" for health, count in counts.items() if count)
    return f"instances: {parts or 'none are probed'}"


def _revision(revision: int | None) -> str:
    return "no document" if revision is None else f"revision {revision}"


def _standing(region: Picture) -> str:
    if region["active"]:
        return "active"
    return "ready" if region["ready"] else "not ready"


def _cells(region: Picture) -> str:
    return ", ".join(
        f"{service} {counts.get('up', 0)}/{sum(counts.values())}"
        for service, counts in region["cells"].items()
    )
