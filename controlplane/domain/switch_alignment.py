"""Owns how switches follow the definitions: new ones, changed ones, removed ones; never over a person's head.

A switch that somebody degraded, or holds in any region, keeps its type and its `normal` until it is restored.
A removed one is kept as `retired` for a day, so that readers of the former definitions still find it;
`expires_at` then says until when.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from controlplane.contract.switches import PERCENT_MAX, Switch, SwitchState
from controlplane.contract.times import whole_milliseconds
from controlplane.domain.fleet import SwitchDefinition
from controlplane.domain.switches import Switches, at_rest, changed_names, newborn

RETIRED_HOURS = 24


def aligned(switches: Switches, declared: Iterable[SwitchDefinition], now: datetime) -> dict[str, Switch]:
    """The switches as the definitions want them; equal to what is given where there is nothing to do.

    Retired ones whose day is over go with whatever else changes, or once no other switch is left.
    """
    followed = {one.name: _following(switches.get(one.name), one) for one in declared}
    removed = {name: _retired(switch, now) for name, switch in switches.items() if name not in followed}
    after = {**removed, **followed}
    kept = without_overdue(after, now)
    return kept if changed_names(switches, after) or not kept else after


def without_overdue(switches: Switches, now: datetime) -> dict[str, Switch]:
    """The switches without those that were retired a day ago."""
    return {name: switch for name, switch in switches.items() if not _overdue(switch, now)}


def waits_for(switch: Switch, definition: SwitchDefinition) -> str | None:
    """What of a definition holds only once its switch is restored; None where nothing waits."""
    wanted = newborn(definition)
    if at_rest(switch) or switch.state is SwitchState.RETIRED:
        return None
    if switch.type is not wanted.type:
        return f"type {wanted.type} instead of {switch.type} holds once it is restored"
    if wanted.normal != switch.normal:
        return f"normal {wanted.normal!r} instead of {switch.normal!r} holds once it is restored"
    return None


def _following(switch: Switch | None, definition: SwitchDefinition) -> Switch:
    if switch is None or switch.state is SwitchState.RETIRED or at_rest(switch):
        return newborn(definition)
    return switch


def _retired(switch: Switch, now: datetime) -> Switch:
    if switch.state is SwitchState.RETIRED:
        return switch
    return replace(
        switch,
        state=SwitchState.RETIRED,
        value=switch.normal,
        percent=PERCENT_MAX,
        regions={},
        expires_at=whole_milliseconds(now + timedelta(hours=RETIRED_HOURS)),
    )


def _overdue(switch: Switch, now: datetime) -> bool:
    retired = switch.state is SwitchState.RETIRED
    return retired and (switch.expires_at is None or switch.expires_at <= now)
