"""Owns how one document stands in this process: what is in force, and what is said of it when asked.

One follower writes it; every thread may read it, for it changes by swapping one pointer.
"""

from dataclasses import dataclass, replace
from typing import Generic

from controlplane.client.clock import Clock
from controlplane.client.contact import Contact
from controlplane.client.judgement import Document, Held, Refuse
from controlplane.contract.applied import Applied, AppliedSource, AppliedState, shorten
from controlplane.contract.documents import DocumentKind, checksum


@dataclass(frozen=True, slots=True)
class _Said(Generic[Document]):
    """What is acknowledged: it follows what is in force as soon as that is on disk."""

    held: Held[Document] | None = None
    refusal: Refuse | None = None
    absent: bool = False


class Standing(Generic[Document]):
    """One document in this process."""

    def __init__(self, kind: DocumentKind, name: str, clock: Clock) -> None:
        self.kind = kind
        self.name = name
        self.contact = Contact(clock)
        self.held: Held[Document] | None = None
        """What is in force; None before there was any."""
        self._clock = clock
        self._said: _Said[Document] = _Said()

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    @property
    def current(self) -> Document | None:
        """The document in force; None before there was any."""
        return self.held.document if self.held else None

    def put_in_force(self, held: Held[Document]) -> None:
        """Serve this from now on."""
        self.held = held

    def acknowledge(self, held: Held[Document]) -> None:
        """Say that this is in force, and that nothing is refused."""
        self._said = _Said(held)

    def confirm(self, raw: bytes) -> None:
        """Nothing new was read; what is in force is live from now on, even if it came from disk."""
        if self.held and self.held.raw == raw:
            self.held = Held(self.held.document, raw, AppliedSource.LIVE)
        self._said = _Said(self.held)

    def refuse(self, refusal: Refuse) -> bool:
        """Keep what is in force and say why; answers whether this is news."""
        news = refusal != self._said.refusal
        self._said = replace(self._said, refusal=refusal, absent=False)
        return news

    def miss(self) -> None:
        """Consul holds no such document: what is in force stays."""
        self._said = replace(self._said, refusal=None, absent=True)

    def begin_anew(self) -> None:
        """Forget having asked, as a forked child must; what is in force stays."""
        self.contact = Contact(self._clock)

    def applied(self) -> Applied:
        """The acknowledgement of this document."""
        said = self._said
        held, refusal = said.held, said.refusal
        return Applied(
            kind=self.kind,
            name=self.name,
            revision=held.document.revision if held else 0,
            sum=checksum(held.raw) if held else "",
            state=self._state(said),
            src=held.src if held else AppliedSource.DEFAULT,
            observed=refusal.observed if refusal else None,
            err=shorten(refusal.err) if refusal else "",
        )

    def _state(self, said: _Said[Document]) -> AppliedState:
        if said.refusal:
            return AppliedState.NACK
        if self.contact.stale:
            return AppliedState.STALE
        return AppliedState.ABSENT if said.absent else AppliedState.OK
