"""Owns what is shown of switches: per service, what is in force, what waits, and what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SwitchChangeView:
    """Who changed something, why and when."""

    id: str
    kind: str
    """flip, expiry, apply, playbook, trigger, ramp, rollback or repair."""
    by: str
    reason: str
    at: str
    """RFC 3339."""
    playbook: str | None


@dataclass(frozen=True, slots=True)
class OverrideView:
    """What holds in one region instead of the base entry."""

    region: str
    state: str
    value: Any
    expires_at: str | None
    """RFC 3339; None: until somebody restores it."""


@dataclass(frozen=True, slots=True)
class SwitchView:
    """One switch: what is in force, and what the definitions say of it."""

    name: str
    type: str
    state: str
    """normal, degraded, forced_normal or retired."""
    value: Any
    normal: Any
    percent: int
    expires_at: str | None
    """RFC 3339; of a retired switch, when it may be dropped."""
    regions: tuple[OverrideView, ...]
    degraded: Any
    """The value that degrading gives it unless another one is named; None where it is not declared."""
    declared: bool
    """Whether the definitions have it."""
    grade: str
    """core or non-core; empty where it is not declared."""
    owner: str
    description: str
    waiting: str | None
    """What of the definitions holds only once it is restored."""
    changed: SwitchChangeView | None
    """The last change of this switch; None where it is older than the log in Consul: look into history."""
    value_key: str
    """Where its plain value stands in Consul."""


@dataclass(frozen=True, slots=True)
class DriftView:
    """That a document is not what was published last."""

    code: str
    """foreign_edit, document_went_back or document_lost."""
    text: str
    since: str
    """RFC 3339; when this replica noticed."""


@dataclass(frozen=True, slots=True)
class ServiceSwitchesView:
    """All switches of a service: the document that was published last, as this replica knows it."""

    service: str
    revision: int | None
    """None before the first document."""
    change: SwitchChangeView | None
    """What published that revision."""
    switches: tuple[SwitchView, ...]
    """By name."""
    drift: DriftView | None
    unsettled: bool
    """Whether a publication without an answer may still take effect."""
    document_key: str
    """Where the document stands in Consul."""


@dataclass(frozen=True, slots=True)
class SwitchesView:
    """The switches of all services, as of one moment."""

    as_of: str
    services: tuple[ServiceSwitchesView, ...]
    """By name."""


@dataclass(frozen=True, slots=True)
class SwitchPreview:
    """What an act would change if it were done now. Nothing was written."""

    service: str
    revision: int | None
    """Of the document that it was decided from, for `expected_revision`; None: none can be read."""
    before: Mapping[str, Mapping[str, Any]]
    """The switches that would change, by name, as they stand in documents; empty: it is so already."""
    after: Mapping[str, Mapping[str, Any]]
