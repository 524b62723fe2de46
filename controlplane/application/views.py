"""Owns what is shown: one frozen picture of the whole, from which API, CLI and pages are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.application.confirm_views import ConfirmationView
from controlplane.contract.keys import DEFAULT_PREFIX


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region as a candidate of one group."""

    region: str
    verdict: str
    """up, degraded, suspect, down or unknown."""
    reason: str
    active: bool
    ready: bool
    """Whether the automation could move there now."""
    cells: Mapping[str, Mapping[str, int]]
    """Service → counts of up, degraded, down, unknown, maintenance, from the vantage that sees most."""


@dataclass(frozen=True, slots=True)
class ForecastView:
    """What would happen if a region were lost now."""

    lost_region: str
    text: str
    target: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """One failover group: what is in force, what the automation thinks of it, and why."""

    name: str
    services: tuple[str, ...]
    mode: str
    state: str
    code: str
    reason: str
    since: str
    """RFC 3339; when this state began, as this replica saw it."""
    flags: tuple[str, ...]
    active: str | None
    revision: int | None
    document: Mapping[str, Any] | None
    regions: tuple[RegionView, ...]
    forecasts: tuple[ForecastView, ...]
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VantageStatus:
    """One prober process and whether its word counts."""

    vantage: str
    prober: str
    votes: bool
    reason: str
    age_seconds: float | None
    """Since its report last changed; None: it was not seen to change yet."""
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeaderView:
    """Who leads, as this replica last read it."""

    holder: str | None
    term: int
    api: str | None
    ours: bool


@dataclass(frozen=True, slots=True)
class RestraintView:
    """A pause or maintenance that is in force."""

    scope: str
    name: str | None
    until: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class StatusView:
    """Everything a person needs at a glance, as of one moment."""

    as_of: str
    replica: str
    leader: LeaderView
    definitions_revision: int
    store_contact_seconds: float | None
    """None: never."""
    database_available: bool
    instances: Mapping[str, int]
    """Counts over the whole fleet: up, degraded, down, unknown, maintenance."""
    freezes: tuple[str, ...]
    """Why nothing moves by itself; empty when it may."""
    restraints: tuple[RestraintView, ...]
    unsettled: tuple[str, ...]
    """Publications of unknown outcome, in words."""
    alarms: tuple[str, ...]
    """What a person should look at: foreign edits, journal conflicts, a full log."""
    groups: tuple[GroupView, ...]
    vantages: tuple[VantageStatus, ...]
    confirmations: tuple[ConfirmationView, ...] = ()
    """Every document of the definitions: groups first."""
    cells: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Service → region → counts of up, degraded, down, unknown, maintenance, by the best vantage."""
    key_prefix: str = DEFAULT_PREFIX
    """Of every key in Consul."""


@dataclass(frozen=True, slots=True)
class GateView:
    """One condition on a move."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """What a move would do: made by the same function as the move, nothing written."""

    group: str
    source: str | None
    target: str
    revision: int | None
    """Of the document it was planned from."""
    gates: tuple[GateView, ...]
    warnings: tuple[str, ...]
    refusals: tuple[str, ...]
    """Why it cannot be done at all; no override helps."""
    plan_hash: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One row of history."""

    position: int
    kind: str
    name: str
    revision: int
    change_id: str
    change_kind: str
    by: str
    reason: str
    at: str
    trace_id: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this replica can take flips and moves."""

    ready: bool
    checks: Mapping[str, str]
    """Name → `ok` or what is wrong."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    name: str
    role: str
    """viewer, operator, admin or prober."""
    vantage: str | None = None
