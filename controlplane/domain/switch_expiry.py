"""Owns the end of degradations: what has run out becomes normal, and when the first one does.

Readers end a degradation by their own clock; writing it back only makes the document say so, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from controlplane.contract.switches import Switch, SwitchState
from controlplane.domain.switches import Switches, calm


def lapsed(switches: Switches, now: datetime) -> Mapping[str, Switch]:
    """The switches of which something has run out, as they are without it; empty where nothing has."""
    return {name: _ended(switch, now) for name, switch in switches.items() if _has_lapsed(switch, now)}


def first_end(switches: Switches) -> datetime | None:
    """When something of these switches runs out first, or has; None where nothing ever does."""
    return min((end for switch in switches.values() for end in _ends(switch)), default=None)


def _has_lapsed(switch: Switch, now: datetime) -> bool:
    return any(end <= now for end in _ends(switch))


def _ended(switch: Switch, now: datetime) -> Switch:
    regions = {
        region: override
        for region, override in switch.regions.items()
        if override.expires_at is None or override.expires_at > now
    }
    base_ended = switch.expires_at is not None and switch.expires_at <= now
    return replace(calm(switch) if base_ended else switch, regions=regions)


def _ends(switch: Switch) -> Iterator[datetime]:
    """The ends of a switch and its overrides. What is retired is worth its normal already."""
    if switch.state is SwitchState.RETIRED:
        return
    for end in (switch.expires_at, *(override.expires_at for override in switch.regions.values())):
        if end is not None:
            yield end
