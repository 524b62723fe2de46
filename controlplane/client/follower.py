"""Owns the following of one document: the newest acceptable one is in force, whatever happens to Consul.

The order of every change is: swap one pointer, write the file, acknowledge, tell listeners.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, NoReturn

import httpx

from controlplane.client.contact import Contact
from controlplane.client.judgement import Accept, Document, Held, Refuse, judge
from controlplane.client.last_known_good import LastKnownGood
from controlplane.client.pace import Backoff, TokenBucket
from controlplane.client.query import Answer, ConnectionReplaced, NoLeader, QueryFailed, ask, ask_any_server
from controlplane.contract.applied import Applied, AppliedSource, AppliedState, shorten
from controlplane.contract.documents import DocumentKind, checksum

_log = logging.getLogger(__name__)


class DocumentFollower(Generic[Document]):
    """Follows one key. `parse` refuses bytes by a `ValueError`; `on_change` is called on the event loop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        kind: DocumentKind,
        name: str,
        key: str,
        parse: Callable[[bytes], Document],
        file: LastKnownGood | None = None,
        on_change: Callable[[Document], None] = lambda _document: None,
        backoff: Backoff | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.key = key
        self._http = http
        self._parse = parse
        self._file = file
        self._on_change = on_change
        self._backoff = backoff or Backoff()
        self._bucket = TokenBucket()
        self._contact = Contact()
        self._held: Held[Document] | None = None
        self._acknowledged: Held[Document] | None = None
        self._refusal: Refuse | None = None
        self._absent = False

    @property
    def current(self) -> Document | None:
        """The document in force; None before there was any."""
        return self._held.document if self._held else None

    def applied(self) -> Applied:
        """The acknowledgement of this document."""
        held, refusal = self._acknowledged, self._refusal
        return Applied(
            kind=self.kind,
            name=self.name,
            revision=held.document.revision if held else 0,
            sum=checksum(held.raw) if held else "",
            state=self._state(),
            src=held.src if held else AppliedSource.DEFAULT,
            observed=refusal.observed if refusal else None,
            err=shorten(refusal.err) if refusal else "",
        )

    def _state(self) -> AppliedState:
        if self._refusal:
            return AppliedState.NACK
        if self._contact.stale:
            return AppliedState.STALE
        return AppliedState.ABSENT if self._absent else AppliedState.OK

    def start_from_file(self) -> None:
        """Put the last-known-good file in force, where there is one that can be read."""
        try:
            raw = self._file.load() if self._file else None
            if raw is not None:
                self._held = self._acknowledged = Held(self._parse(raw), raw, AppliedSource.DISK)
        except (OSError, ValueError) as error:
            _log.warning("%s: the last-known-good file is of no use: %s", self.key, error)

    async def run(self) -> NoReturn:
        """Follow the key until cancelled."""
        index: int | None = None
        while True:
            await self._bucket.take()
            try:
                index = await self._turn(index)
            except Exception:  # noqa: BLE001 - a reader never stops following
                _log.exception("%s: unexpected error, asking again", self.key)
                index = None
                await self._backoff.wait()

    async def _turn(self, index: int | None) -> int | None:
        """Ask once and take the answer in; the index to ask with next."""
        try:
            answer = await ask(self._http, self.key, index=index)
        except ConnectionReplaced:
            return None
        except QueryFailed as failure:
            await self._endure(failure)
            return None
        self._backoff.reset()
        await self._take(answer)
        return answer.index if answer.index >= (index or 0) else None

    async def _endure(self, failure: QueryFailed) -> None:
        if self._contact.failed():
            _log.warning("%s: Consul cannot be asked, keeping what is in force: %s", self.key, failure)
        if isinstance(failure, NoLeader):
            await self._ask_any_server()
        await self._backoff.wait()

    async def _ask_any_server(self) -> None:
        try:
            answer = await ask_any_server(self._http, self.key)
        except QueryFailed:
            return
        await self._take(answer)

    async def _take(self, answer: Answer) -> None:
        if self._contact.answered(leader=answer.leader):
            _log.info("%s: Consul answers again", self.key)
        self._absent = answer.value is None
        if answer.value is None:
            self._refusal = None
            return
        match judge(self._held, answer.value, self._parse, may_lag=not answer.leader):
            case Accept(document):
                await self._apply(Held(document, answer.value, AppliedSource.LIVE))
                self._on_change(document)
            case Refuse() as refusal:
                self._refuse(refusal)
            case _:
                self._confirm(answer.value)

    async def _apply(self, held: Held[Document]) -> None:
        self._held = held
        if self._file:
            await self._write(self._file, held.raw)
        self._acknowledged = held
        self._refusal = None

    async def _write(self, file: LastKnownGood, raw: bytes) -> None:
        try:
            await asyncio.to_thread(file.save, raw)
        except OSError as error:
            # The value is in force all the same: a full disk must not hold a failover up.
            _log.warning("%s: in force, but not on disk: %s", self.key, error)

    def _refuse(self, refusal: Refuse) -> None:
        if refusal != self._refusal:
            _log.error("%s: refused revision %s: %s", self.key, refusal.observed, refusal.err)
        self._refusal = refusal

    def _confirm(self, raw: bytes) -> None:
        """What is in force was read again; from now on it is live even if it came from disk."""
        self._refusal = None
        if self._held and self._held.raw == raw:
            self._held = self._acknowledged = Held(self._held.document, raw, AppliedSource.LIVE)
