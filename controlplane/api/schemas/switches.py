"""Owns the answers about switches."""

from typing import Any

from controlplane.api.schemas.base import Answer


class SwitchChangeAnswer(Answer):
    """Who changed something, why and when."""

    id: str
    """Identifies the change in document, log and history."""
    kind: str
    """`flip`, `expiry`, `apply`, `playbook`, `trigger`, `ramp`, `rollback` or `repair`."""
    by: str
    """Who."""
    reason: str
    """Why."""
    at: str
    """When; RFC 3339."""
    playbook: str | None
    """The playbook that did it, if one did."""


class OverrideAnswer(Answer):
    """What holds in one region instead of the base entry."""

    region: str
    """Name of the region."""
    state: str
    """`normal`, `degraded` or `forced_normal`."""
    value: Any
    """What the switch is worth there."""
    expires_at: str | None
    """When it ends by itself, RFC 3339; null: when somebody restores it."""


class SwitchAnswer(Answer):
    """One switch: what is in force, and what the definitions say of it."""

    name: str
    """Name of the switch."""
    type: str
    """`bool`, `int`, `float`, `string` or `json`."""
    state: str
    """`normal`, `degraded`, `forced_normal`, or `retired`: no longer declared."""
    value: Any
    """What it is worth in the state above."""
    normal: Any
    """What it is worth when nobody wants anything of it."""
    percent: int
    """Share of units that are degraded; the others get `normal`."""
    expires_at: str | None
    """When it ends by itself (RFC 3339), or, retired, may be dropped; null: when somebody restores it."""
    regions: list[OverrideAnswer]
    """What holds in single regions instead, by region."""
    degraded: Any
    """The value that degrading gives it unless another one is named; null where it is not declared."""
    declared: bool
    """Whether the definitions have it."""
    grade: str
    """`core` or `non-core`; empty where it is not declared."""
    owner: str
    """Who owns it, as declared."""
    description: str
    """What it does, as declared."""
    waiting: str | None
    """What of the definitions holds only once it is restored."""
    changed: SwitchChangeAnswer | None
    """Its last change; null where that is older than the log in Consul: history has it."""


class DriftAnswer(Answer):
    """That a document is not what was published last."""

    code: str
    """`foreign_edit`, `document_went_back` or `document_lost`."""
    text: str
    """What is wrong."""
    since: str
    """When this replica noticed; RFC 3339."""


class ServiceSwitchesAnswer(Answer):
    """All switches of a service: the document that was published last, as this replica knows it."""

    service: str
    """Name of the service."""
    revision: int | None
    """Of the document; null before the first. It is the ETag, for `If-Match` of an act."""
    change: SwitchChangeAnswer | None
    """What published that revision."""
    switches: list[SwitchAnswer]
    """By name."""
    drift: DriftAnswer | None
    """What is wrong with the document in Consul; null where nothing is."""
    unsettled: bool
    """Whether a publication without an answer may still take effect."""


class SwitchesAnswer(Answer):
    """The switches of all services."""

    as_of: str
    """The moment that it describes; RFC 3339."""
    services: list[ServiceSwitchesAnswer]
    """By name."""
