"""Owns the sockets of the application: what it needs of the world, in its own words.

Adapters implement these protocols; `tests/fakes` implements them in memory; one contract suite per port runs
on both. Errors of the outside arrive as the exceptions drawn here, translated once by the adapter:

    PortError
    ├── StoreError
    │   ├── StoreUnavailable     nothing was sent, or a read failed: nothing has changed
    │   └── OutcomeUnknown       a write was sent and no final answer came: it may still take effect
    ├── RegistryConflict         the definitions changed since they were read
    ├── DefinitionsUnreadable    what is stored is no fleet to this version of the program
    ├── DatabaseUnavailable      PostgreSQL does not answer; what was asked may be tried again
    └── ControlUnavailable       the control API does not answer (seen by a prober)
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from controlplane.domain.fleet import Check, Definitions, Fleet, Instance
from controlplane.domain.outcome import Outcome


class PortError(Exception):
    """Something outside did not do what was asked of it."""


class StoreError(PortError):
    """Consul did not do what was asked of it."""


class StoreUnavailable(StoreError):
    """Nothing was sent, or a read failed: nothing has changed."""


class OutcomeUnknown(StoreError):
    """A write was sent and no final answer came: it may still take effect, minutes later."""


class DatabaseUnavailable(PortError):
    """PostgreSQL does not answer, or broke off."""


class ControlUnavailable(PortError):
    """The control API does not answer, or refuses this prober."""


class Clock(Protocol):
    """The one source of time. Waiting is asyncio's business; tests own the loop's time."""

    def now(self) -> datetime:
        """Wall-clock time in UTC: for people, expiries and budgets."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards: for every measured duration."""


class Identifiers(Protocol):
    """The one source of randomness that ends up in names."""

    def new(self) -> str:
        """A fresh ULID: 26 characters, sorts by time."""


# ── Consul ──


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the store."""

    key: str
    value: bytes
    create_index: int
    modify_index: int


@dataclass(frozen=True, slots=True)
class Listing:
    """An atomic read below one prefix (or of one key), with the index to wait on next."""

    index: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Fails the transaction where the key is absent."""

    key: str


@dataclass(frozen=True, slots=True)
class Put:
    """Writes whatever stands there."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class CompareAndSet:
    """Writes if the key's ModifyIndex is `index`; 0 means it must not exist."""

    key: str
    value: bytes
    index: int


@dataclass(frozen=True, slots=True)
class DeleteCompare:
    """Deletes if the key's ModifyIndex is `index`."""

    key: str
    index: int


@dataclass(frozen=True, slots=True)
class CheckIndex:
    """Fails the transaction unless the key's ModifyIndex is `index`."""

    key: str
    index: int


@dataclass(frozen=True, slots=True)
class CheckAbsent:
    """Fails the transaction where the key exists."""

    key: str


Operation = Get | Put | CompareAndSet | DeleteCompare | CheckIndex | CheckAbsent

OPERATIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Committed:
    """The transaction is in force. `index` is the ModifyIndex that all its writes share."""

    index: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One operation that refused the transaction."""

    operation: int
    """Position in the transaction, from 0."""
    text: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The transaction was evaluated and nothing of it was applied."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class CatalogInstance:
    """An instance as its own agent registered it in the Consul catalog."""

    id: str
    address: str
    port: int
    region: str | None
    """The service's, else the node's, metadata `region`."""
    datacenter: str


class Store(Protocol):
    """Consul of the home datacenter. No call retries by itself; each has its own deadline."""

    async def get(self, key: str, *, consistent: bool = False) -> Entry | None:
        """Read one key; None where it is absent.

        Raises:
            StoreUnavailable: no answer in time, or no leader.
        """

    async def list(self, prefix: str, *, consistent: bool = False) -> Listing:
        """Read all keys below a prefix at one moment.

        Raises:
            StoreUnavailable: no answer in time, or no leader.
        """

    async def watch(self, prefix: str, *, index: int, wait_seconds: float) -> Listing:
        """Wait for a change below the prefix after `index`, or for the wait to end (index 0: at once).

        Raises:
            StoreUnavailable: no answer in time, or no leader; ask again with index 0.
        """

    async def transact(self, operations: Sequence[Operation]) -> Committed | Rejected:
        """Apply all operations or none.

        Raises:
            StoreUnavailable: nothing was sent.
            OutcomeUnknown: it was sent, and may still take effect.
        """

    async def put(self, key: str, value: bytes) -> None:
        """Write a liveness key of one's own (a vantage report).

        Raises:
            StoreError: it was not confirmed.
        """

    def contact_seconds(self) -> float:
        """Age of the last committed write or consistent read, from when it was sent; inf before one."""

    def clock_offset_seconds(self) -> float | None:
        """Own wall clock minus the `Date` of Consul's last answer; None before one."""


class Catalog(Protocol):
    """Consul's catalog of services."""

    async def instances(
        self, service: str, *, datacenter: str | None, index: int, wait_seconds: float
    ) -> tuple[int, tuple[CatalogInstance, ...]]:
        """Wait for a change of a service's instances; answers `(index, instances)`.

        Raises:
            StoreUnavailable: no answer in time.
        """


# ── PostgreSQL ──


class RegistryConflict(PortError):
    """The definitions are at another revision than the one the change was made from."""

    def __init__(self, *, expected: int, found: int) -> None:
        super().__init__(f"definitions are at revision {found}, the change was made from {expected}")
        self.expected = expected
        self.found = found


class DefinitionsUnreadable(PortError):
    """What is stored is no fleet to this version of the program: a newer one wrote it, or a hand."""


class RegistryRepository(Protocol):
    """The definitions in PostgreSQL: what the fleet file declares, and beside it what catalogs contribute."""

    async def revision(self) -> int:
        """The revision of the current definitions; 0 before the first `apply`.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def load(self) -> Definitions:
        """The current definitions, adopted instances included; an empty fleet before the first `apply`.

        Raises:
            DatabaseUnavailable: no answer.
            DefinitionsUnreadable: they were written by a newer version of the program.
        """

    async def replace(self, fleet: Fleet, *, expected: int, by: str, above: int = 0) -> int:
        """Store what the file declares in one transaction; answers the new revision.

        Adopted instances of `fleet` are ignored; those that stand in PostgreSQL stay, where their service
        still adopts from that datacenter. The new revision lies above the stored one and above `above`.

        Raises:
            RegistryConflict: the stored revision is not `expected`: somebody else was first.
            DatabaseUnavailable: no answer; it may have been stored.
        """

    async def replace_adopted(
        self, service: str, datacenter: str | None, instances: Sequence[Instance], *, above: int = 0
    ) -> int | None:
        """Store what the catalog of one datacenter (None: home) says of a service, instead of what it said.

        Answers the new revision, or None where it is what stands there already.

        Raises:
            DatabaseUnavailable: no answer; it may have been stored.
        """


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One `log/` entry on its way into history."""

    store: str
    kind: str
    name: str
    revision: int
    change_id: str
    create_index: int
    body: bytes
    """The entry's JSON, as it stands in Consul."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another change already stands in history under the same store, kind, name and revision."""

    record: LogRecord
    found_change_id: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of history."""

    position: int
    """Order of insertion; the cursor of pages."""
    store: str
    create_index: int
    kind: str
    name: str
    revision: int
    change_id: str
    change_kind: str
    by: str
    reason: str
    at: str
    trace_id: str | None
    body: bytes


class Journal(Protocol):
    """History of everything published, in PostgreSQL."""

    async def append(self, records: Sequence[LogRecord]) -> Sequence[Conflict]:
        """Insert what is not there yet, in the given order, in one statement; say what clashes.

        Raises:
            DatabaseUnavailable: no answer; asking again is harmless.
        """

    async def stored(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        """Those of the given records that stand in history with the same change id.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def highest_revision(self, kind: str, name: str) -> int:
        """The highest revision ever journalled for a document, in any store; 0 where there is none.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def page(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Sequence[ChangeRow]:
        """Rows, newest first, with a position below `before`.

        Raises:
            DatabaseUnavailable: no answer.
        """


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: never its secret, only the SHA-256 of it."""

    name: str
    role: str
    sha256: str
    vantage: str | None = None


class TokenRepository(Protocol):
    """Who may use the API."""

    async def all(self) -> Sequence[Token]:
        """Every token that is not revoked.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def add(self, token: Token) -> None:
        """Store a token; a second one of the same name replaces the first.

        Raises:
            DatabaseUnavailable: no answer.
        """


# ── files, probes, control API ──


class FleetFormat(Protocol):
    """How a fleet is written down for people."""

    def read(self, text: str | bytes) -> Fleet:
        """The fleet that a file declares.

        Raises:
            FleetFileError: each mistake with its line, its path, what is wrong and what is allowed.
        """

    def write(self, fleet: Fleet) -> str:
        """The canonical file of a fleet: equal fleets give equal texts."""


class DefinitionsCache(Protocol):
    """The last definitions on disk, so that a process can start without PostgreSQL."""

    def load(self) -> Definitions | None:
        """What was saved last; None where there is nothing readable."""

    def save(self, definitions: Definitions) -> None:
        """Keep these (written beside, synced, renamed)."""


class TokenCache(Protocol):
    """The hashes of known tokens on disk, so that they stay known while PostgreSQL is away."""

    def load(self) -> Sequence[Token]:
        """What was saved last; empty where there is nothing readable."""

    def save(self, tokens: Sequence[Token]) -> None:
        """Keep these (mode 0600; written beside, synced, renamed)."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The highest numbers this replica has ever seen: what is published next lies above them."""

    term: int = 0
    revisions: Mapping[str, int] = field(default_factory=dict)
    """`failover/checkout` → revision."""


class FloorCache(Protocol):
    """Those numbers on disk, so that a store that went back in time is noticed after a restart."""

    def load(self) -> Floors:
        """What was saved last; zeros where there is nothing readable."""

    def save(self, floors: Floors) -> None:
        """Keep these (written beside, synced, renamed)."""


class Probe(Protocol):
    """One check of one instance over the network. Never raises: a fault of ours is an outcome, too."""

    def start(self, instance: Instance, check: Check, done: Callable[[Outcome], None]) -> None:
        """Probe once, without a task of the caller's; `done` is called once, within the check's timeout."""

    async def __call__(self, instance: Instance, check: Check) -> Outcome:
        """Probe once, within the check's timeout."""


class Ticker(Protocol):
    """What calls a plain function every so often."""

    def __call__(self, seconds: float, call: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call on the event loop every `seconds` while the context is open; late calls are not made up for."""


class DefinitionsSource(Protocol):
    """Where a prober learns what to probe: the control API."""

    async def fetch(self, known_revision: int) -> Definitions | None:
        """The current definitions; None if they are still at `known_revision`.

        Raises:
            ControlUnavailable: no answer, or not admitted.
        """
