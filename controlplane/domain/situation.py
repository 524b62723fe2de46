"""Owns the frozen snapshot that decisions are made from; nothing else enters the core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.contract.documents import FailoverDocument
from controlplane.domain.budget import Budget
from controlplane.domain.evidence import Evidence
from controlplane.domain.fleet import Definitions
from controlplane.domain.restraint import Restraints


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision rests on, as of one moment."""

    monotonic: float
    """Seconds; for every duration."""
    now: datetime
    """UTC; for people, pauses and budgets."""
    definitions: Definitions
    registry_revision: int
    """What the store says the definitions' revision is."""
    evidence: Evidence
    documents: Mapping[str, FailoverDocument]
    """By group, as they were read; a group without an entry has no document."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """By group: why its document cannot be built upon (unreadable, edited by a stranger, went back)."""
    unsettled: frozenset[str] = frozenset()
    """Groups with a publication in flight or of unknown outcome."""
    restraints: Restraints | None
    """None: the `pause` key cannot be read."""
    budget: Budget | None
    """What stands in the store, and what is in flight; None: the `budget` key cannot be read."""
    term: int
    contact_seconds: float
    """Age of the last consistent word from Consul."""
    renewed_seconds: float
    """Age of our last successful leadership renewal, counted from its sending; inf while not leading."""
    clock_offset_seconds: float | None
    """Own clock minus Consul's; None before its first answer."""
