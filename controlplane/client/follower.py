"""Owns the following of one document: the newest acceptable one is in force, whatever happens to Consul.

The order of every change is: swap one pointer, write the file, acknowledge, tell listeners.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, NoReturn

import httpx

from controlplane.client.followed import Followed
from controlplane.client.judgement import Accept, Document, Held, Refuse, judge
from controlplane.client.pace import Backoff, TokenBucket
from controlplane.client.query import Answer, ConnectionReplaced, NoLeader, QueryFailed, ask, ask_any_server
from controlplane.contract.applied import AppliedSource

_log = logging.getLogger(__name__)

Blocking = Callable[[Callable[[], None]], Awaitable[None]]
"""Does work that blocks, where that disturbs nobody."""


class DocumentFollower(Generic[Document]):
    """Follows one document. `bucket` paces all followers of a client; `after_turn` follows each request."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        followed: Followed[Document],
        *,
        bucket: TokenBucket,
        backoff: Backoff | None = None,
        blocking: Blocking = asyncio.to_thread,
        after_turn: Callable[[], None] = lambda: None,
    ) -> None:
        self._http = http
        self._followed = followed
        self._key = followed.key
        self._standing = followed.standing
        self._bucket = bucket
        self._backoff = backoff or Backoff()
        self._blocking = blocking
        self._after_turn = after_turn

    async def run(self) -> NoReturn:
        """Follow the document until cancelled."""
        index: int | None = None
        while True:
            await self._bucket.take()
            try:
                index = await self._turn(index)
                self._after_turn()
            except Exception:  # noqa: BLE001 - a reader never stops following
                _log.exception("%s: unexpected error, asking again", self._key)
                index = None
                await self._backoff.wait()

    async def _turn(self, index: int | None) -> int | None:
        """Ask once and take the answer in; the index to ask with next."""
        try:
            answer = await self._ask(index)
        except QueryFailed as failure:
            await self._endure(failure)
            return None
        self._backoff.reset()
        await self._take(answer)
        return answer.index if answer.index >= (index or 0) else None

    async def _ask(self, index: int | None) -> Answer:
        try:
            return await ask(self._http, self._key, index=index)
        except ConnectionReplaced:
            return await ask(self._http, self._key)

    async def _endure(self, failure: QueryFailed) -> None:
        if self._standing.contact.failed():
            _log.warning("%s: Consul cannot be asked, keeping what is in force: %s", self._key, failure)
        if isinstance(failure, NoLeader):
            await self._ask_any_server()
        self._after_turn()
        await self._backoff.wait()

    async def _ask_any_server(self) -> None:
        await self._bucket.take()
        try:
            answer = await ask_any_server(self._http, self._key)
        except QueryFailed:
            return
        await self._take(answer)

    async def _take(self, answer: Answer) -> None:
        if self._standing.contact.answered(leader=answer.leader):
            _log.info("%s: Consul answers again", self._key)
        if answer.value is None:
            self._standing.miss()
            return
        match judge(self._standing.held, answer.value, self._followed.parse, may_lag=not answer.leader):
            case Accept(document):
                await self._apply(Held(document, answer.value, AppliedSource.LIVE))
            case Refuse() as refusal:
                self._refuse(refusal)
            case _:
                self._standing.confirm(answer.value)

    async def _apply(self, held: Held[Document]) -> None:
        former = self._standing.current
        self._standing.put_in_force(held)
        if self._followed.file:
            await self._blocking(lambda: self._followed.keep(held))
        self._standing.acknowledge(held)
        self._followed.on_change(former, held.document)

    def _refuse(self, refusal: Refuse) -> None:
        if self._standing.refuse(refusal):
            _log.error("%s: refused revision %s: %s", self._key, refusal.observed, refusal.err)
