"""Owns a Consul in memory: one `FakeStore` is the server, each of its clients is a `Store`.

Time is the event loop's, so `looptime` makes it virtual. Faults are set on the server, for everybody, or on
one client alone (`server.go_away()`, `client.freeze()`): a request passes the client's, then the server's.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.adapters.consul_transaction import encode, require_body_fits
from controlplane.application.ports import (
    Clock,
    Committed,
    DeleteCompare,
    Entry,
    Listing,
    Operation,
    OutcomeUnknown,
    Put,
    Rejected,
    StoreError,
    StoreUnavailable,
)
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults, Request, Transaction
from tests.fakes.kv import KeyValues

READ_SECONDS_MAX = 1.0
WRITE_SECONDS_MAX = 1.5
WATCH_SECONDS_EXTRA = 1.0


@dataclass(slots=True, eq=False)
class Watch:
    """A blocking query that waits at the server."""

    request: Request
    prefix: str
    index: int
    answer: Callable[[Listing], None]
    seen: Listing


class FakeStore(Faults):
    """The server. `evaluated` lists every transaction it took, with its outcome: an oracle for tests."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or FakeClock()
        self.data = KeyValues()
        self.evaluated: list[tuple[Transaction, Committed | Rejected]] = []
        self._watches: list[Watch] = []

    def client(self, *, clock: Clock | None = None) -> "FakeStoreClient":
        """A `Store` with a contact, a clock and faults of its own."""
        return FakeStoreClient(self, clock=clock or self.clock)

    def edit(self, key: str, value: bytes) -> int:
        """Write past everybody, as a foreign hand does; answers the key's index."""
        self.evaluate((Put(key, value),))
        return self.data.entries[key].modify_index

    def delete(self, key: str) -> None:
        """Delete past everybody, as a foreign hand does."""
        self.evaluate((DeleteCompare(key, self.data.entries[key].modify_index),))

    def peek(self, key: str) -> Entry | None:
        """What stands under a key, without a request."""
        return self.data.entries.get(key)

    def wipe(self) -> None:
        """Be a fresh, empty store: connections are cut, indexes start again."""
        away = self.away
        self.go_away()
        self.data, self.away = KeyValues(), away

    def snapshot(self) -> KeyValues:
        """Everything that stands here now."""
        return self.data.copy()

    def restore(self, snapshot: KeyValues) -> None:
        """Go back to a snapshot in the same cluster: keys get their old indexes, the store's goes on upwards.

        Waiting watches answer at once with what was there before, as Consul does.
        """
        self.data = self.data.restored(snapshot)
        for watch in tuple(self._watches):
            self._finish(watch, watch.seen)

    def evaluate(self, operations: Transaction) -> Committed | Rejected:
        """Apply a transaction now."""
        outcome = self.data.apply(operations)
        self.evaluated.append((operations, outcome))
        self._wake()
        return outcome

    def watch(
        self,
        request: Request,
        prefix: str,
        index: int,
        wait_seconds: float,
        answer: Callable[[Listing], None],
    ) -> None:
        """Answer when the index of the prefix is above `index`, or when the wait is over."""
        seen = self.data.listing(prefix)
        if not index or seen.index > index:
            answer(seen)
            return
        watch = Watch(request, prefix, index, answer, seen)
        self._watches.append(watch)
        asyncio.get_running_loop().call_later(wait_seconds, self.when_thawed, lambda: self._expire(watch))

    def _expire(self, watch: Watch) -> None:
        if watch in self._watches:
            self._finish(watch, self.data.listing(watch.prefix))

    def _wake(self) -> None:
        for watch in tuple(self._watches):
            watch.seen = self.data.listing(watch.prefix)
            if watch.seen.index > watch.index:
                self._finish(watch, watch.seen)

    def _finish(self, watch: Watch, listing: Listing) -> None:
        self._watches.remove(watch)
        watch.answer(listing)


class FakeStoreClient(Faults):
    """One client's `Store`: what the real adapter does, with the server as an object."""

    def __init__(self, server: FakeStore, *, clock: Clock) -> None:
        super().__init__()
        self._server = server
        self._clock = clock
        self._contact: float | None = None
        self._offset: float | None = None

    async def get(self, key: str, *, consistent: bool = False) -> Entry | None:
        entry: Entry | None = await self._read(lambda: self._server.peek(key), consistent=consistent)
        return entry

    async def list(self, prefix: str, *, consistent: bool = False) -> Listing:
        listing: Listing = await self._read(lambda: self._server.data.listing(prefix), consistent=consistent)
        return listing

    async def watch(self, prefix: str, *, index: int, wait_seconds: float) -> Listing:
        def arrive(request: Request) -> None:
            self._server.watch(
                request, prefix, index, wait_seconds, lambda listing: self._answer(request, listing)
            )

        deadline = wait_seconds * 17 / 16 + WATCH_SECONDS_EXTRA if index else READ_SECONDS_MAX
        listing: Listing = await self._send(arrive, StoreUnavailable, deadline)
        return listing

    async def transact(self, operations: Sequence[Operation]) -> Committed | Rejected:
        transaction = tuple(operations)
        require_body_fits(len(json.dumps(encode(transaction))))
        sent = self._clock.monotonic()
        outcome: Committed | Rejected = await self._send(
            lambda request: self._evaluate(request, transaction), OutcomeUnknown, WRITE_SECONDS_MAX
        )
        if isinstance(outcome, Committed):
            self._contact = max(sent, self._contact or sent)
        return outcome

    async def put(self, key: str, value: bytes) -> None:
        await self.transact((Put(key, value),))

    def contact_seconds(self) -> float:
        return float("inf") if self._contact is None else self._clock.monotonic() - self._contact

    def clock_offset_seconds(self) -> float | None:
        return self._offset

    async def _read(self, look: Callable[[], Any], *, consistent: bool) -> Any:
        sent = self._clock.monotonic()
        answer = await self._send(
            lambda request: self._answer(request, look()), StoreUnavailable, READ_SECONDS_MAX
        )
        if consistent:
            self._contact = max(sent, self._contact or sent)
        return answer

    async def _send(
        self, arrive: Callable[[Request], None], failure: type[StoreError], deadline_seconds: float
    ) -> Any:
        if self.away or self._server.away:
            raise StoreUnavailable("nothing was sent: connection refused")
        request = Request(failure, asyncio.get_running_loop().create_future())
        lines = (self.inflight, self._server.inflight)
        for line in lines:
            line.add(request)
        try:
            self._later(lambda: None if request.cut or self._server.away else arrive(request))
            await asyncio.wait({request.future}, timeout=deadline_seconds)
            if not request.future.done():
                raise failure(f"no answer within {deadline_seconds} s")
            answer = request.future.result()
        finally:
            for line in lines:
                line.discard(request)
        self._offset = (self._clock.now() - self._server.clock.now()).total_seconds()
        return answer

    def _evaluate(self, request: Request, operations: Transaction) -> None:
        for faults in (self, self._server):
            if faults.holds(operations, lambda: self._server.evaluate(operations)):
                request.fail("500 leadership lost while committing log")
                return
        outcome = self._server.evaluate(operations)
        if any(faults.loses(operations) for faults in (self, self._server)):
            request.fail("the connection was closed")
        else:
            self._answer(request, outcome)

    def _answer(self, request: Request, value: Any) -> None:
        self._later(lambda: request.answer(value))

    def _later(self, proceed: Callable[[], None]) -> None:
        """Half a round trip, past whatever is frozen."""
        seconds = (self.latency_seconds + self._server.latency_seconds) / 2
        asyncio.get_running_loop().call_later(
            seconds, self.when_thawed, lambda: self._server.when_thawed(proceed)
        )
