"""Owns the answers that describe the present."""

from typing import Any, Literal

from controlplane.api.schemas.base import Answer
from controlplane.api.schemas.confirmation import ConfirmationAnswer


class RegionAnswer(Answer):
    """One region as a candidate of one group."""

    region: str
    """Name of the region."""
    verdict: str
    """`up`, `degraded`, `suspect`, `down` or `unknown`."""
    reason: str
    """Why that is the verdict."""
    active: bool
    """Whether the group's document names this region."""
    ready: bool
    """Whether the automation could move there now."""
    cells: dict[str, dict[str, int]]
    """Service → number of instances `up`, `degraded`, `down`, `unknown`, `maintenance`."""


class ForecastAnswer(Answer):
    """What would happen if a region were lost now."""

    lost_region: str
    """The region that is imagined to be lost."""
    text: str
    """The answer in words."""
    target: str | None
    """Where the group would move; null where it would not."""
    seconds: float | None
    """How long that would take, about; null where it would not move."""


class GroupAnswer(Answer):
    """One failover group: what is in force, what the automation thinks of it, and why."""

    name: str
    """Name of the group."""
    services: list[str]
    """The services that move together."""
    mode: str
    """What the automation may do: `automatic`, `observe` or `manual`."""
    state: str
    """`steady`, `suspect`, `evaluating`, `blocked`, `cooldown` and so on."""
    code: str
    """Why it is in that state, for programs."""
    reason: str
    """Why it is in that state, for people."""
    since: str
    """When this state began, as this replica saw it; RFC 3339."""
    flags: list[str]
    """What holds beside the state: frozen, paused, in maintenance."""
    active: str | None
    """The active region; null while fenced or before the first document."""
    revision: int | None
    """Revision of the document in force; null before the first."""
    document: dict[str, Any] | None
    """The document as services read it."""
    regions: list[RegionAnswer]
    """In the group's order; the first is the primary."""
    forecasts: list[ForecastAnswer]
    """One per region that could be lost."""
    explanation: dict[str, Any]
    """All inputs of the last decision."""


class GroupsAnswer(Answer):
    """All failover groups."""

    as_of: str
    """The moment that all of it describes; RFC 3339."""
    groups: list[GroupAnswer]
    """In the order of the fleet file."""


class VantageAnswer(Answer):
    """One prober process and whether its word counts."""

    vantage: str
    """The place it probes from."""
    prober: str
    """The process."""
    votes: bool
    """Whether its report counts."""
    reason: str
    """Why it does or does not."""
    age_seconds: float | None
    """Seconds since its report last changed."""
    failing: list[str]
    """Instances that fail from there, at most 50."""


class LeaderAnswer(Answer):
    """Who leads, as this replica last read it."""

    holder: str | None
    """Random name of the leading process; null for none."""
    term: int
    """Number of the leadership."""
    api: str | None
    """Where the leader's API is."""
    ours: bool
    """Whether this replica leads."""


class RestraintAnswer(Answer):
    """A pause or maintenance that is in force."""

    scope: str
    """`fleet`, `group` or `region`."""
    name: str | None
    """Of the group or region; null for the fleet."""
    until: str
    """When it ends; RFC 3339."""
    by: str
    """Who asked for it."""
    reason: str
    """Why."""


class RestraintsAnswer(Answer):
    """Everything that restrains the automation now."""

    as_of: str
    """The moment that it describes; RFC 3339."""
    restraints: list[RestraintAnswer]
    """Empty where nothing does."""


class StatusAnswer(Answer):
    """Everything at a glance, as of one moment."""

    as_of: str
    """The moment that all of it describes; RFC 3339."""
    replica: str
    """Which process answers."""
    leader: LeaderAnswer
    """Who leads."""
    definitions_revision: int
    """Revision of the registry that this replica works by."""
    store_contact_seconds: float | None
    """Seconds since Consul last confirmed anything; null: never."""
    database_available: bool
    """Whether PostgreSQL answers."""
    instances: dict[str, int]
    """Number of instances `up`, `degraded`, `down`, `unknown`, `maintenance` over the whole fleet."""
    freezes: list[str]
    """Why nothing moves by itself; empty when it may."""
    restraints: list[RestraintAnswer]
    """What people restrain."""
    unsettled: list[str]
    """Publications of unknown outcome: they may still take effect."""
    alarms: list[str]
    """What a person should look at."""
    groups: list[GroupAnswer]
    """In the order of the fleet file."""
    vantages: list[VantageAnswer]
    """Every prober process that reports."""
    confirmations: list[ConfirmationAnswer]
    """How many instances confirm each document that is in force."""
    cells: dict[str, dict[str, dict[str, int]]]
    """Service → region → number of instances `up`, `degraded`, `down`, `unknown`, `maintenance`."""


class PrincipalAnswer(Answer):
    """Who is asking."""

    name: str
    """Name of the token."""
    role: str
    """`viewer`, `operator`, `admin` or `prober`."""
    vantage: str | None
    """Of a prober's token."""


class HealthAnswer(Answer):
    """The process lives."""

    status: Literal["ok"] = "ok"
    """Always `ok`."""


class ReadinessAnswer(Answer):
    """Whether this replica can take acts."""

    ready: bool
    """All of it in one word."""
    checks: dict[str, str]
    """Name → `ok` or what is wrong."""
