"""Owns *undo*: the inverse of one published change, for the switches that nobody has touched since."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.contract.documents import canonical
from controlplane.contract.switches import Switch, parse_switch, switch_mapping
from controlplane.contract.times import rfc3339
from controlplane.domain.switch_expiry import lapsed
from controlplane.domain.switches import Switches, SwitchRefusal

Content = Mapping[str, Any]
"""Switches as they stand in documents and log entries, by name."""


def touched(before: Content, after: Content) -> list[str]:
    """The switches that a change changed: neither brought nor took away."""
    return sorted(before.keys() & after.keys())


def changed_since(switches: Switches, after: Content) -> list[str]:
    """Those of a change's switches that are no longer as it left them."""
    return [name for name, entry in sorted(after.items()) if not _is(switches.get(name), entry)]


def undone(switches: Switches, before: Content, after: Content, now: datetime) -> dict[str, Switch]:
    """All switches after the inverse of a change.

    Raises:
        SwitchRefusal: it only brought or removed switches, what would come back has run out, or is no switch.
    """
    names = touched(before, after)
    if not names:
        raise SwitchRefusal("not_undoable", "it changed no switch that was there before and after it")
    former = {name: _read(name, before[name]) for name in names}
    for name in lapsed(former, now):
        raise SwitchRefusal(
            "not_undoable", f"what {name} would go back to has run out by {rfc3339(now)}: degrade it anew"
        )
    return {**switches, **former}


def _read(name: str, entry: Any) -> Switch:
    try:
        return parse_switch(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SwitchRefusal("not_undoable", f"what {name} was before cannot be read: {error}") from error


def _is(switch: Switch | None, entry: Any) -> bool:
    return switch is not None and canonical(switch_mapping(switch)) == canonical(entry)
