"""Owns the nouns of the registry: what a fleet is made of, as frozen values.

A `Fleet` is only built by `application.fleet_file`, which refuses what does not fit together; code that holds
one may rely on unique names, known references and bounded numbers. Durations are in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from controlplane.contract.documents import Handover

LOCAL_VANTAGE = "local"
"""The vantage of a fleet file that names none."""


class Layer(StrEnum):
    """What a check looks at."""

    INFRASTRUCTURE = "infrastructure"
    MIDDLEWARE = "middleware"
    APPLICATION = "application"


class CheckType(StrEnum):
    """How an instance is probed."""

    HTTP = "http"
    TCP = "tcp"


class Mode(StrEnum):
    """What the automation may do with a group."""

    AUTOMATIC = "automatic"
    OBSERVE = "observe"
    MANUAL = "manual"


class Evidence(StrEnum):
    """Whether one bad service makes a region bad for a group, or only all of them together."""

    ANY = "any"
    ALL = "all"


class Source(StrEnum):
    """Where an instance was learned from."""

    FILE = "file"
    CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Region:
    """A failure domain that can be left."""

    name: str


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place that probes from; `region` is None for the implied vantage `local`."""

    name: str
    region: str | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an HTTP answer must look like to count as success."""

    status: tuple[int, ...] = (200,)
    latency_seconds: float | None = None
    body: str | None = None
    """A regular expression searched for in the first 64 KiB of the body."""


@dataclass(frozen=True, slots=True)
class Check:
    """How the instances of a service are probed."""

    name: str
    type: CheckType
    layer: Layer = Layer.APPLICATION
    interval_seconds: float = 5.0
    timeout_seconds: float = 1.0
    rise: int = 2
    fall: int = 3
    port: int | None = None
    """Another port than the instance's own."""
    path: str = "/"
    host: str | None = None
    """The `Host` header and TLS server name, where it is not the instance's address."""
    tls: bool = False
    verify: bool = True
    """Whether a TLS certificate must be valid for `host`."""
    keep_alive: bool = False
    expect: Expectation = field(default_factory=Expectation)


@dataclass(frozen=True, slots=True)
class Instance:
    """One addressable process of a service in one region."""

    id: str
    region: str
    address: str
    port: int
    source: Source = Source.FILE


@dataclass(frozen=True, slots=True)
class Catalog:
    """Where to adopt instances from: a service of the Consul catalog."""

    service: str
    datacenters: tuple[str, ...] = ()
    """Empty: the home datacenter."""


@dataclass(frozen=True, slots=True)
class SwitchDefinition:
    """A switch as the fleet file declares it; what is in force stands in the switch document."""

    name: str
    type: str
    normal: Any
    degraded: Any
    grade: str = "non-core"
    """`class` in the fleet file: core or non-core."""
    owner: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A deployable, its checks, instances and switches."""

    name: str
    checks: tuple[Check, ...] = ()
    instances: tuple[Instance, ...] = ()
    switches: tuple[SwitchDefinition, ...] = ()
    catalog: Catalog | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the automation may do with a group, and when."""

    mode: Mode = Mode.AUTOMATIC
    handover: Handover = Handover.OVERLAP
    evidence: Evidence = Evidence.ANY
    min_healthy_percent: int = 50
    """A cell below this share is bad; a target must reach it."""
    hold_down_seconds: float = 5.0
    """How long the quorum must say "down" without a break."""
    dwell_seconds: float = 600.0
    """Least time between two automatic moves, and after a person's move."""
    max_automatic: int = 2
    max_automatic_window_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Group:
    """Services that move together over an ordered list of regions; the first is the primary."""

    name: str
    services: tuple[str, ...]
    regions: tuple[str, ...]
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Playbook:
    """A named, ordered set of steps, kept as the fleet file states them."""

    name: str
    steps: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All definitions. Order is the file's order and is kept."""

    regions: tuple[Region, ...] = ()
    vantages: tuple[Vantage, ...] = ()
    services: tuple[Service, ...] = ()
    groups: tuple[Group, ...] = ()
    playbooks: tuple[Playbook, ...] = ()

    @property
    def voters(self) -> tuple[Vantage, ...]:
        """The vantages whose reports vote; `local` where the file names none."""
        return self.vantages or (Vantage(LOCAL_VANTAGE, None),)

    def service(self, name: str) -> Service:
        """The service of this name.

        Raises:
            KeyError: there is none.
        """
        return {service.name: service for service in self.services}[name]

    def group(self, name: str) -> Group:
        """The group of this name.

        Raises:
            KeyError: there is none.
        """
        return {group.name: group for group in self.groups}[name]


@dataclass(frozen=True, slots=True)
class Definitions:
    """A fleet and the revision of the registry that it belongs to."""

    revision: int
    fleet: Fleet
