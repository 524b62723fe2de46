"""Owns what a person may do with a switch: degrade it, restore it, hold it at its normal value.

Everything is asked of one switch, for its base entry or for some regions; what was not asked for stays as it
is, byte for byte.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from controlplane.contract.documents import DocumentError, canonical
from controlplane.contract.switches import (
    PERCENT_MAX,
    Override,
    Switch,
    SwitchState,
    SwitchType,
    check_value,
    switch_mapping,
)
from controlplane.contract.times import rfc3339, whole_milliseconds
from controlplane.domain.fleet import SwitchDefinition

EXPIRY_DAYS_MAX = 30
"""A degradation that nobody remembers ends by itself; a longer one is asked for again."""
PERCENT_MIN = 1

Switches = Mapping[str, Switch]
"""The switches of one service, by name."""


class SwitchRefusal(ValueError):
    """This cannot be done. `code` is stable and for programs; the text says why and what is allowed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Verb(StrEnum):
    """What is done with a switch."""

    DEGRADE = "degrade"
    RESTORE = "restore"
    """Back to normal: the service's own breakers decide again."""
    FORCE = "force"
    """Held at its normal value, even if a breaker would degrade it."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody chose; a switch of type json may be given null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Flip:
    """What is asked of a switch."""

    switch: str
    verb: Verb
    regions: tuple[str, ...] = ()
    """Empty: the base entry, which holds wherever no region says otherwise."""
    value: Given | None = None
    """None: the declared `degraded` value. Only with degrade."""
    percent: int | None = None
    """Share of units; None: all of them. Only with degrade, and only of the base entry."""
    expires_at: datetime | None = None
    """When it ends by itself; None: when somebody restores it. Not with restore."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a flip is judged by, beside the switches."""

    declared: Mapping[str, SwitchDefinition]
    """The switches of the service as the definitions declare them, by name."""
    regions: Collection[str]
    """The regions of the fleet."""
    now: datetime


def newborn(definition: SwitchDefinition) -> Switch:
    """A switch as it begins, and as it is whenever nobody wants anything of it."""
    return Switch(
        type=SwitchType(definition.type),
        state=SwitchState.NORMAL,
        value=definition.normal,
        normal=definition.normal,
    )


def at_rest(switch: Switch) -> bool:
    """Whether nobody wants anything of a switch, in no region."""
    return switch.state is SwitchState.NORMAL and not switch.regions


def same(one: Switch | None, other: Switch | None) -> bool:
    """Whether two switches are equal as services read them: `1` is not `true`."""
    if one is None or other is None:
        return one is other
    return canonical(switch_mapping(one)) == canonical(switch_mapping(other))


def changed_names(before: Switches, after: Switches) -> list[str]:
    """The switches that differ, those included that only one side has."""
    return sorted(
        name for name in before.keys() | after.keys() if not same(before.get(name), after.get(name))
    )


def flipped(switches: Switches, flip: Flip, ground: Ground) -> dict[str, Switch]:
    """All switches after a flip. Once a switch is at rest again, what the definitions want of it holds.

    Raises:
        SwitchRefusal: it cannot be done.
    """
    switch = _known(switches, flip.switch)
    _require_sense(flip, ground.now)
    _require_regions(flip, switch, ground.regions)
    after = _VERBS[flip.verb](switch, flip, ground)
    declared = ground.declared.get(flip.switch)
    if flip.verb is Verb.RESTORE and declared and at_rest(after):
        after = newborn(declared)
    return {**switches, flip.switch: after}


def _known(switches: Switches, name: str) -> Switch:
    switch = switches.get(name)
    if switch is None:
        allowed = ", ".join(sorted(switches)) or "there is none"
        raise SwitchRefusal("unknown_switch", f"there is no switch {name}; allowed: {allowed}")
    if switch.state is SwitchState.RETIRED:
        raise SwitchRefusal("switch_retired", f"{name} is retired: the definitions no longer have it")
    return switch


def _require_sense(flip: Flip, now: datetime) -> None:
    for wrong, text in (
        (flip.value and flip.verb is not Verb.DEGRADE, "a value goes with degrade only"),
        (flip.percent is not None and flip.verb is not Verb.DEGRADE, "percent goes with degrade only"),
        (flip.percent is not None and flip.regions, "percent is of all regions: name none with it"),
        (
            flip.percent is not None and not PERCENT_MIN <= flip.percent <= PERCENT_MAX,
            f"percent is {flip.percent}, allowed is {PERCENT_MIN} to {PERCENT_MAX}",
        ),
        (flip.expires_at and flip.verb is Verb.RESTORE, "what is restored has no end"),
        (
            flip.expires_at and not now < flip.expires_at <= now + timedelta(days=EXPIRY_DAYS_MAX),
            (
                f"the end {flip.expires_at and flip.expires_at.isoformat()} is not allowed: it lies ahead, "
                f"and at most {EXPIRY_DAYS_MAX} days; it is {rfc3339(now)} now"
            ),
        ),
    ):
        if wrong:
            raise SwitchRefusal("flip_not_allowed", text)


def _require_regions(flip: Flip, switch: Switch, known: Collection[str]) -> None:
    """A region that the fleet no longer has may be restored all the same."""
    allowed = {*known, *switch.regions} if flip.verb is Verb.RESTORE else {*known}
    unknown = [region for region in flip.regions if region not in allowed]
    if unknown:
        listed = ", ".join(sorted(allowed)) or "there is none"
        raise SwitchRefusal("unknown_region", f"{unknown[0]} is no region of this fleet; allowed: {listed}")


def _degraded(switch: Switch, flip: Flip, ground: Ground) -> Switch:
    value = _wanted_value(switch, flip, ground.declared.get(flip.switch))
    percent = PERCENT_MAX if flip.percent is None else flip.percent
    return _set(switch, flip, SwitchState.DEGRADED, value, percent)


def _forced(switch: Switch, flip: Flip, _: Ground) -> Switch:
    return _set(switch, flip, SwitchState.FORCED_NORMAL, switch.normal, PERCENT_MAX)


def _restored(switch: Switch, flip: Flip, _: Ground) -> Switch:
    if flip.regions:
        return replace(switch, regions=_without(switch.regions, flip.regions))
    return calm(switch)


def calm(switch: Switch) -> Switch:
    """A switch with a normal base entry; its regions stay as they are."""
    return replace(
        switch, state=SwitchState.NORMAL, value=switch.normal, percent=PERCENT_MAX, expires_at=None
    )


def _set(switch: Switch, flip: Flip, state: SwitchState, value: Any, percent: int) -> Switch:
    end = flip.expires_at and whole_milliseconds(flip.expires_at)
    if flip.regions:
        overrides = dict.fromkeys(flip.regions, Override(state, value, end))
        return replace(switch, regions={**switch.regions, **overrides})
    return replace(switch, state=state, value=value, percent=percent, expires_at=end)


def _wanted_value(switch: Switch, flip: Flip, declared: SwitchDefinition | None) -> Any:
    if flip.value is None and declared is None:
        raise SwitchRefusal(
            "value_not_allowed", f"what {flip.switch} is when degraded is not known here: give a value"
        )
    value: Any = flip.value.value if flip.value else declared and declared.degraded
    try:
        check_value(switch.type, value)
    except (DocumentError, UnicodeEncodeError) as error:
        raise SwitchRefusal("value_not_allowed", f"{flip.switch}: {error}") from error
    return float(value) if switch.type is SwitchType.FLOAT else value


def _without(overrides: Mapping[str, Override], regions: Collection[str]) -> dict[str, Override]:
    return {region: override for region, override in overrides.items() if region not in regions}


_VERBS = {Verb.DEGRADE: _degraded, Verb.RESTORE: _restored, Verb.FORCE: _forced}
