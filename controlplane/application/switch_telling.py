"""Owns the sentences about switches: what one is now, and who was first with which change."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from controlplane.application.logbook import Logged
from controlplane.contract.documents import canonical
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import PERCENT_MAX, Switch, SwitchState
from controlplane.contract.times import rfc3339
from controlplane.domain.switch_drift import Drift, DriftCode

TOLD_MAX = 5
"""Changes that are told one by one; the others are counted."""


def switches_of(entry: LogEntry) -> list[str]:
    """The switches that a publication changed."""
    return sorted({*(entry.before or {}), *entry.after})


def since(logged: Sequence[Logged], revision: int, switches: Collection[str] = ()) -> str:
    """Who changed what after a revision, newest first; only these switches where some are named."""
    entries = [
        one.published
        for one in reversed(logged)
        if one.revision > revision
        and one.published
        and (not switches or {*switches_of(one.published)} & {*switches})
    ]
    told = [_told(entry) for entry in entries[:TOLD_MAX]]
    more = [f"and {len(entries) - TOLD_MAX} more"] * (len(entries) > TOLD_MAX)
    return "; ".join([*told, *more]) or "by a change that the log no longer has"


def way_out(service: str, drift: Drift) -> str:
    """What ends a drift: a person's word, or the leader's next publication."""
    if drift.code is DriftCode.FOREIGN_EDIT:
        return (
            f"`controlplane switch adopt {service}` takes what stands there, "
            f"`controlplane switch enforce {service}` publishes what was published last"
        )
    return "the leader publishes them again as soon as it can tell them, from memory or from history"


def summary(switch: Switch) -> str:
    """What a switch is: `degraded (false) for 25% of the units until …; normal (true) in eu-west`."""
    share = "" if switch.percent == PERCENT_MAX else f" for {switch.percent}% of the units"
    base = f"{_state(switch.state, switch.value)}{share}{_until(switch.expires_at)}"
    overrides = [
        f"{_state(override.state, override.value)} in {region}{_until(override.expires_at)}"
        for region, override in sorted(switch.regions.items())
    ]
    return "; ".join([base, *overrides])


def _state(state: SwitchState, value: Any) -> str:
    return f"{state.replace('_', ' ')} ({canonical(value).decode()})"


def _until(moment: datetime | None) -> str:
    return f" until {rfc3339(moment)}" if moment else ""


def _told(entry: LogEntry) -> str:
    change = entry.change
    names = ", ".join(switches_of(entry)) or "nothing"
    return f"{change.by} changed {names} at {change.at} ({change.reason})"
