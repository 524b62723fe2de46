"""Owns the answers that come from the records: definitions and history."""

from typing import Any

from controlplane.api.schemas.base import Answer


class DefinitionsAnswer(Answer):
    """The definitions, for probers."""

    revision: int
    """Of the registry; it is the ETag, too."""
    fleet: dict[str, Any]
    """The fleet as in the fleet file, with the instances adopted from the catalog."""


class AppliedAnswer(Answer):
    """What a fleet file changed, or would change."""

    revision: int
    """Of the registry afterwards."""
    differences: list[str]
    """Readable lines; empty when nothing differs."""
    dry_run: bool
    """Whether nothing was written."""


class ChangeAnswer(Answer):
    """One row of history."""

    position: int
    """Order in the history of this control plane."""
    kind: str
    """Kind of the document: `failover` or `switches`."""
    name: str
    """Name of the document."""
    revision: int
    """Of the document."""
    change_id: str
    """Identifies the change."""
    change_kind: str
    """`automatic`, `manual`, `apply`, `repair` and so on."""
    by: str
    """Who."""
    reason: str
    """Why."""
    at: str
    """When it was decided; RFC 3339."""
    trace_id: str | None
    """Of the request that caused it; null for the automation."""
    before: dict[str, Any] | None
    """What was in force before."""
    after: dict[str, Any] | None
    """What is in force since."""
    explanation: dict[str, Any]
    """All inputs of the decision."""


class ChangesAnswer(Answer):
    """One page of history, newest first."""

    changes: list[ChangeAnswer]
    """The rows."""
    next_cursor: str | None
    """Send it as `cursor` for the next page; null on the last."""
