"""Owns the socket for Consul: keys, transactions, watches, and the catalog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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
    """Deletes if the key's ModifyIndex is `index`; a key that is not there is no refusal."""

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
    """The transaction is in force. `index` is the ModifyIndex that all its writes share.

    A write of equal bytes leaves its key's index as it was; 0 where there was nothing to write.
    """

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

        An answer with a smaller index than `index` means that the store went back: go on from 0. Where
        nothing stands below the prefix, a write elsewhere may end the wait, too.

        Raises:
            StoreUnavailable: no answer in time, or no leader; ask again with index 0.
        """

    async def transact(self, operations: Sequence[Operation]) -> Committed | Rejected:
        """Apply all operations or none.

        Raises:
            StoreUnavailable: nothing was sent: no connection, or more than fits one transaction.
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
        """Own wall clock minus the `Date` of Consul's last answer; None before one.

        The least that the whole seconds of `Date` and the round trip allow: never more than there is.
        """


class Catalog(Protocol):
    """Consul's catalog of services."""

    async def instances(
        self, service: str, *, datacenter: str | None, index: int, wait_seconds: float
    ) -> tuple[int, tuple[CatalogInstance, ...]]:
        """Wait for a change of a service's instances; answers `(index, instances)`.

        Raises:
            StoreUnavailable: no answer in time.
        """
