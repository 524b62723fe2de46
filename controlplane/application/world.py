"""Owns what a replica is given: the world behind ports, and what makes it this replica."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from controlplane.application.ports import (
    Catalog,
    Clock,
    DefinitionsCache,
    FleetFormat,
    FloorCache,
    Identifiers,
    Journal,
    PasswordHasher,
    RegistryRepository,
    Relay,
    Signer,
    Store,
    Ticker,
    Token,
    TokenCache,
    TokenRepository,
    UserCache,
    UserRepository,
)
from controlplane.application.ports.history import HistoryPorts
from controlplane.application.retention import Retention
from controlplane.contract.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, as a replica is given it."""

    store: Store
    log_store: Store
    """The same Consul with longer deadlines: `log/` may be 64 MiB after an outage of PostgreSQL."""
    catalog: Catalog
    registry: RegistryRepository
    journal: Journal
    tokens: TokenRepository
    users: UserRepository
    fleet_format: FleetFormat
    definitions_cache: DefinitionsCache
    token_cache: TokenCache
    user_cache: UserCache
    password_hasher: PasswordHasher
    signer: Signer
    floors: FloorCache
    history: HistoryPorts
    ticker: Ticker
    relay: Relay
    clock: Clock
    identifiers: Identifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What makes this replica this one."""

    api: str
    """Where other replicas reach it."""
    home: str = "dc1"
    """The datacenter that decides."""
    keys: Keys = field(default_factory=Keys)
    log_retention: timedelta = timedelta(hours=24)
    retention: Retention = field(default_factory=Retention)
    """Of what probers found."""
    local_tokens: Sequence[Token] = ()
    secure_cookies: bool = False
    """Whether browsers reach it through TLS alone."""
