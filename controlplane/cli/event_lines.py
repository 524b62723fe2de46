"""Owns how an event reads on a terminal: when, what it is about, and how that is now."""

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]

GONE = "is no more"


def event_line(event: Data) -> str:
    """One event in one line; what a newer control plane tells beyond what is known here is shown as it is."""
    kind, name, now = event["kind"], event["name"], event["now"]
    title = f"{kind} {name}".rstrip()
    if kind == "reset":
        return f"{event['at']}  events may be missing here; `controlplane status` shows what is"
    if not now:
        return f"{event['at']}  {title}: {_GONE.get(kind, GONE)}"
    told = _TOLD.get(kind, _fields)
    return f"{event['at']}  {title}: {told(now)}"


def _document(now: Data) -> str:
    change = now["change"]
    return f"revision {now['revision']}, {change['kind']} by {change['by']}: {change['reason']}"


def _group(now: Data) -> str:
    flags = "".join(f", {flag}" for flag in now["flags"])
    return f"{now['state']} in {now['active'] or 'no region'}{flags}: {now['reason']}"


def _confirmation(now: Data) -> str:
    others = ", ".join(f"{count} {ack}" for ack, count in now["counts"].items() if ack != "confirmed")
    told = f"revision {now['revision']}, {now['confirmed']} of {now['instances']} confirmed"
    return f"{told}, {others}" if others else told


def _health(now: Data) -> str:
    if "failing" in now:
        return f"fails, seen from {', '.join(now['vantages'])}"
    counts = {health: count for health, count in now.items() if health not in {"service", "region"} and count}
    return ", ".join(f"{count} {health}" for health, count in counts.items()) or "nothing is known"


def _vantage(now: Data) -> str:
    return "votes" if now["votes"] else f"abstains: {now['reason']}"


def _restraint(now: Data) -> str:
    return f"until {now['until']} by {now['by']}: {now['reason']}"


def _leader(now: Data) -> str:
    return f"{now['holder']} in term {now['term']}" if now["holder"] else "nobody"


def _dependency(now: Data) -> str:
    return "answers" if now["answers"] else "DOES NOT ANSWER"


def _registry(now: Data) -> str:
    return f"definitions are at revision {now['revision']}"


def _alarm(now: Data) -> str:
    return "; ".join(text for texts in now.values() for text in texts) or "nothing is alarming any more"


def _fields(now: Data) -> str:
    return ", ".join(f"{name} {value}" for name, value in now.items())


_TOLD: Mapping[str, Callable[[Data], str]] = {
    "document": _document,
    "group": _group,
    "confirmation": _confirmation,
    "health": _health,
    "vantage": _vantage,
    "restraint": _restraint,
    "leader": _leader,
    "dependency": _dependency,
    "registry": _registry,
    "alarm": _alarm,
}
_GONE = {"health": "no longer fails, or is no more", "restraint": "is lifted"}
