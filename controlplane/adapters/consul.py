"""Owns Consul behind the ports `Store` and `Catalog`: what is asked of it, and what its answers mean here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from controlplane.adapters.consul_endpoint import ConsulEndpoint, Deadlines
from controlplane.adapters.consul_transaction import committed, encode, rejected
from controlplane.adapters.consul_transport import Answer, ConsulTransport, PyConsul, wait_parameter
from controlplane.application.ports import (
    CatalogInstance,
    Clock,
    Committed,
    Entry,
    Listing,
    Operation,
    OutcomeUnknown,
    Put,
    Rejected,
    StoreError,
    StoreUnavailable,
)

STORE_CONNECTIONS_MAX = 32
CATALOG_CONNECTIONS_MAX = 100
"""One waits per followed service. Consul admits 200 per address (`http_max_conns_per_client`)."""
INDEX_MIN = 1
REGION_METADATA = "region"

_DEFAULT_DEADLINES = Deadlines()


class ConsulStore:
    """Consul's KV of one datacenter, behind the port `Store`. Close it with `aclose`."""

    def __init__(
        self,
        endpoint: ConsulEndpoint,
        *,
        clock: Clock,
        deadlines: Deadlines = _DEFAULT_DEADLINES,
        connections_max: int = STORE_CONNECTIONS_MAX,
    ) -> None:
        self._clock = clock
        self._transport = ConsulTransport(
            endpoint, clock=clock, deadlines=deadlines, connections_max=connections_max
        )
        self._consul = PyConsul(self._transport)
        self._contact: float | None = None

    async def aclose(self) -> None:
        """Close all connections; what is under way fails."""
        await self._transport.close()

    async def get(self, key: str, *, consistent: bool = False) -> Entry | None:
        """Read one key; None where it is absent.

        Raises:
            StoreUnavailable: no answer in time, or no leader.
        """
        answer = await self._consul.kv.get(key, consistency=_consistency(consistent=consistent))
        with _understood(StoreUnavailable):
            _, row = answer.value
            entry = None if row is None else _entry(row)
        self._note_read(answer, consistent=consistent)
        return entry

    async def list(self, prefix: str, *, consistent: bool = False) -> Listing:
        """Read all keys below a prefix at one moment, sorted.

        Raises:
            StoreUnavailable: no answer in time, or no leader.
        """
        answer = await self._consul.kv.get(
            prefix, recurse=True, consistency=_consistency(consistent=consistent)
        )
        listing = _listing(answer)
        self._note_read(answer, consistent=consistent)
        return listing

    async def watch(self, prefix: str, *, index: int, wait_seconds: float) -> Listing:
        """Wait for a change below the prefix after `index`, or for the wait to end (index 0: at once).

        An answer with a smaller index than `index` means that the store went back (a wipe, a restore): go on
        from 0. Where nothing stands below the prefix, writes elsewhere may end the wait, too.

        Raises:
            StoreUnavailable: no answer in time, or no leader; ask again with index 0.
        """
        answer = await self._consul.kv.get(
            prefix, recurse=True, index=index, wait=wait_parameter(wait_seconds)
        )
        return _listing(answer)

    async def transact(self, operations: Sequence[Operation]) -> Committed | Rejected:
        """Apply all operations or none.

        Raises:
            StoreUnavailable: nothing was sent: no connection, or more than Consul takes in one transaction.
            OutcomeUnknown: it was sent, and may still take effect.
        """
        answer = await self._consul.txn.put(encode(operations))
        with _understood(OutcomeUnknown):
            if answer.status == HTTPStatus.CONFLICT:
                return rejected(answer.value)
            outcome = committed(operations, answer.value)
        self._note_contact(answer)
        return outcome

    async def put(self, key: str, value: bytes) -> None:
        """Write a liveness key of one's own.

        Raises:
            StoreError: it was not confirmed.
        """
        outcome = await self.transact((Put(key, value),))
        if isinstance(outcome, Rejected):
            raise StoreError(f"Consul refused to write {key}: {outcome.failures[0].text}")

    def contact_seconds(self) -> float:
        """Age of the last committed transaction or consistent read, from when it was sent; inf before one."""
        return float("inf") if self._contact is None else self._clock.monotonic() - self._contact

    def clock_offset_seconds(self) -> float | None:
        """Own wall clock minus Consul's `Date`: the least that its whole seconds and the round trip allow."""
        return self._transport.clock_offset_seconds

    def _note_read(self, answer: Answer, *, consistent: bool) -> None:
        if consistent:
            self._note_contact(answer)

    def _note_contact(self, answer: Answer) -> None:
        self._contact = answer.sent if self._contact is None else max(self._contact, answer.sent)


class ConsulCatalog:
    """Consul's catalog of services, behind the port `Catalog`. Close it with `aclose`."""

    def __init__(
        self,
        endpoint: ConsulEndpoint,
        *,
        clock: Clock,
        deadlines: Deadlines = _DEFAULT_DEADLINES,
        connections_max: int = CATALOG_CONNECTIONS_MAX,
    ) -> None:
        self._transport = ConsulTransport(
            endpoint, clock=clock, deadlines=deadlines, connections_max=connections_max
        )
        self._consul = PyConsul(self._transport)

    async def aclose(self) -> None:
        """Close all connections; what is under way fails."""
        await self._transport.close()

    async def instances(
        self, service: str, *, datacenter: str | None, index: int, wait_seconds: float
    ) -> tuple[int, tuple[CatalogInstance, ...]]:
        """Wait for a change of a service's instances after `index` (0: at once); `(index, instances)`.

        Raises:
            StoreUnavailable: no answer in time, or no path to the datacenter.
        """
        answer = await self._consul.catalog.service(
            service, dc=datacenter, index=index, wait=wait_parameter(wait_seconds)
        )
        with _understood(StoreUnavailable):
            found, rows = answer.value
            return max(INDEX_MIN, int(found)), tuple(_instance(row) for row in rows)


@contextmanager
def _understood(failure: type[StoreError]) -> Iterator[None]:
    """Whatever does not look like Consul's answer is a failure like any other."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise failure(f"this is not Consul's answer: {error!r}") from error


def _consistency(*, consistent: bool) -> str:
    return "consistent" if consistent else "default"


def _listing(answer: Answer) -> Listing:
    with _understood(StoreUnavailable):
        index, rows = answer.value
        return Listing(max(INDEX_MIN, int(index)), tuple(_entry(row) for row in rows or ()))


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        key=row["Key"],
        value=row["Value"] or b"",
        create_index=row["CreateIndex"],
        modify_index=row["ModifyIndex"],
    )


def _instance(row: Mapping[str, Any]) -> CatalogInstance:
    """Two nodes may register the same service id, so the node's name belongs to the id."""
    metadata = {**(row["NodeMeta"] or {}), **(row["ServiceMeta"] or {})}
    return CatalogInstance(
        id=f"{row['Node']}:{row['ServiceID']}",
        address=row["ServiceAddress"] or row["Address"],
        port=row["ServicePort"],
        region=metadata.get(REGION_METADATA) or None,
        datacenter=row["Datacenter"],
    )
