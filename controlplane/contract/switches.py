"""Owns the switch document: all switches of a service as one atomic value, and what a reader gets of it.

What a reader gets, in this order: (1) the override of its region, where there is one that has not expired,
else the base entry; (2) an expired entry is worth its `normal`; (3) one degraded for a share of units is
degraded for the units of that share and worth `normal` to all others, and to whoever names no unit; (4) its
`value`.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from controlplane.contract import json_fields
from controlplane.contract.documents import DOCUMENT_BYTES_MAX, canonical
from controlplane.contract.json_fields import DocumentError, integer, json_object, name, text
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.contract.times import parse_rfc3339, rfc3339

SWITCHES_SCHEMA = "controlplane.switches/1"
PERCENT_MAX = 100
TEXT_VALUE_BYTES_MAX = 4096
"""Of a value of type string or json."""
VALUE_DEPTH_MAX = 32
"""Levels of nesting of a value of type json."""


class SwitchType(StrEnum):
    """What kind of value a switch has."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    JSON = "json"


class SwitchState(StrEnum):
    """What operators want of a switch."""

    NORMAL = "normal"
    """The service's own breakers decide."""
    DEGRADED = "degraded"
    FORCED_NORMAL = "forced_normal"
    """Not degraded, even if a breaker would."""
    RETIRED = "retired"
    """No longer declared; kept for a day, worth its `normal`."""


class SwitchChangeKind(StrEnum):
    """Why a switch document was published."""

    FLIP = "flip"
    EXPIRY = "expiry"
    APPLY = "apply"
    PLAYBOOK = "playbook"
    TRIGGER = "trigger"
    RAMP = "ramp"
    ROLLBACK = "rollback"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Override:
    """What holds in one region instead of the base entry, for all of its units."""

    state: SwitchState
    value: Any
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it is in force."""

    type: SwitchType
    state: SwitchState
    value: Any
    normal: Any
    percent: int = PERCENT_MAX
    """Share of units that are degraded."""
    regions: Mapping[str, Override] = field(default_factory=dict)
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= PERCENT_MAX:
            raise DocumentError(f"percent is {self.percent}, allowed is 0 to {PERCENT_MAX}")
        for value in (self.value, self.normal, *(override.value for override in self.regions.values())):
            check_value(self.type, value)


@dataclass(frozen=True, slots=True)
class SwitchChange:
    """Who changed a switch document, why and when; `playbook` names the run that did it, if one did."""

    id: str
    kind: SwitchChangeKind
    by: str
    reason: str
    at: str
    playbook: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchDocument:
    """All switches of a service, as services read them."""

    service: str
    revision: int
    switches: Mapping[str, Switch]
    change: SwitchChange
    schema: str = field(default=SWITCHES_SCHEMA)

    def __post_init__(self) -> None:
        if not 1 <= self.revision < REVISION_LIMIT:
            raise DocumentError(f"revision {self.revision} is not between 1 and {REVISION_LIMIT - 1}")

    def to_bytes(self) -> bytes:
        """The canonical bytes, as they stand in Consul."""
        return canonical(
            {
                "schema": self.schema,
                "service": self.service,
                "revision": self.revision,
                "switches": {name: switch_mapping(switch) for name, switch in self.switches.items()},
                "change": asdict(self.change),
            }
        )


def bucket(service: str, switch: str, unit: str) -> int:
    """Which of the hundred shares a unit falls into, 0 to 99; the same in every language."""
    return zlib.crc32(f"{service}/{switch}/{unit}".encode()) % 100


def effective_value(
    document: SwitchDocument,
    switch: str,
    *,
    region: str | None,
    unit: str | None,
    now: datetime,
) -> Any:
    """What a switch is worth to a reader in `region` for `unit`, at `now`.

    Raises:
        KeyError: the document has no such switch.
    """
    entry = document.switches[switch]
    override = entry.regions.get(region) if region is not None else None
    if override is not None and not _expired(override.expires_at, now):
        return override.value
    if _expired(entry.expires_at, now):
        return entry.normal
    if entry.state is SwitchState.DEGRADED and entry.percent < PERCENT_MAX:
        degraded = unit is not None and bucket(document.service, switch, unit) < entry.percent
        return entry.value if degraded else entry.normal
    return entry.value


def check_value(kind: SwitchType, value: Any) -> None:
    """Whether a value is of a switch's type.

    Raises:
        DocumentError: it is not, or it is too large.
    """
    if not _FITS[kind](value):
        raise DocumentError(f"a value of type {kind} is wanted, not {json_fields.shown(value)}"[:200])
    if kind in (SwitchType.STRING, SwitchType.JSON) and len(canonical(value)) > TEXT_VALUE_BYTES_MAX:
        raise DocumentError(f"the value is larger than {TEXT_VALUE_BYTES_MAX} bytes")


def scalar(value: Any) -> bytes:
    """A value as plain text, for `values/switches/…`: strings bare, everything else as JSON."""
    return value.encode() if isinstance(value, str) else canonical(value)


def switch_mapping(switch: Switch) -> dict[str, Any]:
    """A switch as it stands in the document."""
    return {
        "type": switch.type,
        "state": switch.state,
        "value": switch.value,
        "normal": switch.normal,
        "percent": switch.percent,
        "regions": {
            region: {
                "state": override.state,
                "value": override.value,
                "expires_at": _time_text(override.expires_at),
            }
            for region, override in switch.regions.items()
        },
        "expires_at": _time_text(switch.expires_at),
    }


def parse_switches(raw: bytes) -> SwitchDocument:
    """Read a switch document.

    Raises:
        DocumentError: not JSON, another schema, a field missing or of the wrong type; it names the switch.
    """
    fields = json_object(raw, bytes_max=DOCUMENT_BYTES_MAX)
    if fields.get("schema") != SWITCHES_SCHEMA:
        raise DocumentError(f"schema is {fields.get('schema')!r}, this program reads {SWITCHES_SCHEMA!r}")
    try:
        return SwitchDocument(
            service=name(fields["service"]),
            revision=integer(fields["revision"]),
            switches={name(key): _named(key, entry) for key, entry in fields["switches"].items()},
            change=parse_switch_change(fields["change"]),
        )
    except DocumentError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"switch document: {type(error).__name__}: {error}") from error


def parse_switch_change(fields: Mapping[str, Any]) -> SwitchChange:
    """Read the change of a switch document.

    Raises:
        DocumentError, KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    return SwitchChange(
        id=text(fields["id"]),
        kind=SwitchChangeKind(fields["kind"]),
        by=text(fields["by"]),
        reason=text(fields["reason"]),
        at=text(fields["at"]),
        playbook=None if fields.get("playbook") is None else text(fields["playbook"]),
    )


def parse_switch(fields: Mapping[str, Any]) -> Switch:
    """Read one switch of a document.

    Raises:
        DocumentError, KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    return Switch(
        type=SwitchType(fields["type"]),
        state=SwitchState(fields["state"]),
        value=fields["value"],
        normal=fields["normal"],
        percent=integer(fields.get("percent", PERCENT_MAX)),
        regions={
            name(region): Override(
                state=SwitchState(override["state"]),
                value=override["value"],
                expires_at=_time(override.get("expires_at")),
            )
            for region, override in fields.get("regions", {}).items()
        },
        expires_at=_time(fields.get("expires_at")),
    )


def _named(key: str, fields: Mapping[str, Any]) -> Switch:
    try:
        return parse_switch(fields)
    except (DocumentError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"{key}: {error}") from error


def _expired(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and now >= expires_at


def _time(value: Any) -> datetime | None:
    return None if value is None else parse_rfc3339(text(value))


def _time_text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _is_json(value: Any, levels: int = VALUE_DEPTH_MAX) -> bool:
    if isinstance(value, (dict, list)):
        items = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_is_json(item, levels - 1) for item in items)
    if isinstance(value, (int, float)):
        return json_fields.is_finite(value)
    return isinstance(value, str) or value is None


_FITS: Mapping[SwitchType, Callable[[Any], bool]] = {
    SwitchType.BOOL: lambda value: isinstance(value, bool),
    SwitchType.INT: json_fields.is_int,
    SwitchType.FLOAT: lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and json_fields.is_finite(value)
    ),
    SwitchType.STRING: lambda value: isinstance(value, str),
    SwitchType.JSON: _is_json,
}
