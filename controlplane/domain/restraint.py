"""Owns the value of the `pause` key: everything that restrains the automation, each with an end.

The value is always present. Bytes that cannot be read are an error, which freezes: they never mean "no
pause".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from controlplane.contract.documents import canonical
from controlplane.contract.names import NAME_RULE, is_name
from controlplane.contract.times import parse_rfc3339, rfc3339
from controlplane.domain.obstacle import Flag, Obstacle

RESTRAINT_DAYS_MAX = 30
"""A pause that nobody remembers ends by itself."""
RESTRAINTS_BYTES_MAX = 64 * 1024


class RestraintError(ValueError):
    """These bytes are not restraints, or this restraint is not allowed; the text says why."""


class Scope(StrEnum):
    """What a restraint covers."""

    FLEET = "fleet"
    GROUP = "group"
    REGION = "region"
    """Maintenance: the automation moves nothing out of the region and nothing into it."""


@dataclass(frozen=True, slots=True)
class Restraint:
    """Who restrains the automation, why, and until when (UTC)."""

    until: datetime
    by: str
    reason: str

    def __str__(self) -> str:
        return f"until {rfc3339(self.until)} by {self.by}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Restraints:
    """All restraints, also those that have run out."""

    fleet: Restraint | None = None
    groups: Mapping[str, Restraint] = field(default_factory=dict)
    regions: Mapping[str, Restraint] = field(default_factory=dict)

    def in_force(self, now: datetime) -> "Restraints":
        """Those that have not run out."""
        return Restraints(
            fleet=self.fleet if self.fleet and now < self.fleet.until else None,
            groups={name: one for name, one in self.groups.items() if now < one.until},
            regions={name: one for name, one in self.regions.items() if now < one.until},
        )

    def to_bytes(self) -> bytes:
        """Canonical JSON, as it stands in Consul."""
        value: dict[str, Any] = {
            "groups": {name: _mapping(one) for name, one in self.groups.items()},
            "regions": {name: _mapping(one) for name, one in self.regions.items()},
        }
        return canonical(value | ({"fleet": _mapping(self.fleet)} if self.fleet else {}))


def parse_restraints(raw: bytes) -> Restraints:
    """Read the value of the `pause` key.

    Raises:
        RestraintError: not JSON, a field missing, or a scope this program does not know.
    """
    try:
        value: dict[str, Any] = json.loads(raw)
        strangers = value.keys() - {"fleet", "groups", "regions"}
        if strangers:
            raise RestraintError(f"pause: unknown scope {min(strangers)!r}")
        return Restraints(
            fleet=_restraint(value["fleet"]) if "fleet" in value else None,
            groups={name: _restraint(one) for name, one in value["groups"].items()},
            regions={name: _restraint(one) for name, one in value["regions"].items()},
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RestraintError(f"pause: {type(error).__name__}: {error}") from error


def restrain(
    restraints: Restraints, scope: Scope, name: str | None, restraint: Restraint, *, now: datetime
) -> Restraints:
    """Add a restraint, or replace the one of the same scope and name; those that have run out are dropped.

    Raises:
        RestraintError: it ends in the past or too late, has no author or reason, or there are too many.
    """
    if not now < restraint.until <= now + timedelta(days=RESTRAINT_DAYS_MAX):
        raise RestraintError(
            f"a pause ends at {rfc3339(restraint.until)}: "
            f"allowed is a time after now and within {RESTRAINT_DAYS_MAX} days"
        )
    if not (restraint.by.strip() and restraint.reason.strip()):
        raise RestraintError("a pause names who asks for it and why")
    changed = _put(restraints.in_force(now), scope, name, restraint)
    if len(changed.to_bytes()) > RESTRAINTS_BYTES_MAX:
        raise RestraintError(f"all pauses together are larger than {RESTRAINTS_BYTES_MAX} bytes")
    return changed


def lift(restraints: Restraints, scope: Scope, name: str | None) -> Restraints:
    """End a restraint before its time; the same value where there is none."""
    return _put(restraints, scope, name, None)


def held_back(restraints: Restraints, group: str, region: str | None) -> tuple[Obstacle, ...]:
    """What restrains the moves of a group that is active in `region`; `restraints` are those in force."""
    found = (
        ("fleet_paused", "the fleet is paused", Flag.PAUSED, restraints.fleet),
        ("group_paused", f"{group} is paused", Flag.PAUSED, restraints.groups.get(group)),
        (
            "region_maintenance",
            f"{region} is in maintenance",
            Flag.MAINTENANCE,
            restraints.regions.get(region or ""),
        ),
    )
    return tuple(Obstacle(code, f"{text} {one}", flag, one.until) for code, text, flag, one in found if one)


def _put(restraints: Restraints, scope: Scope, name: str | None, restraint: Restraint | None) -> Restraints:
    if scope is Scope.FLEET:
        return replace(restraints, fleet=restraint)
    if name is None or not is_name(name):
        raise RestraintError(f"{name!r} is not the name of a {scope}: {NAME_RULE}")
    if scope is Scope.GROUP:
        return replace(restraints, groups=_with(restraints.groups, name, restraint))
    return replace(restraints, regions=_with(restraints.regions, name, restraint))


def _with(named: Mapping[str, Restraint], name: str, restraint: Restraint | None) -> dict[str, Restraint]:
    others = {other: one for other, one in named.items() if other != name}
    return others | ({name: restraint} if restraint else {})


def _mapping(restraint: Restraint) -> dict[str, str]:
    return {"until": rfc3339(restraint.until), "by": restraint.by, "reason": restraint.reason}


def _restraint(fields: Mapping[str, Any]) -> Restraint:
    return Restraint(until=parse_rfc3339(fields["until"]), by=str(fields["by"]), reason=str(fields["reason"]))
