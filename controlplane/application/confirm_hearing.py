"""Owns what a prober hears of documents: the last word of every instance, and the tally of every document.

Each outcome replaces the word of its check, so that whoever restarts, fails or falls silent has confirmed
nothing any more. A probe that was overtaken by a later one says nothing.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import inf

from controlplane.application.confirm_following import Followed, Reader, Word
from controlplane.application.ports import Clock
from controlplane.contract.documents import DocumentKind
from controlplane.domain.acknowledgement import (
    OUT_OF_DATE,
    DocumentId,
    Hearing,
    InForce,
    heard,
    in_force,
    read_header,
)
from controlplane.domain.confirmation import Tally
from controlplane.domain.fleet import Check, CheckType, Definitions, Fleet, Instance, Service
from controlplane.domain.instance_health import patience_seconds
from controlplane.domain.outcome import Outcome, Verdict

HEADERS_CACHED_MAX = 512
"""Readers of one service say the same: a header is read once for all of them. About 8 MiB of the longest."""
FORGET_EVERY_SECONDS = 1.0


class Acknowledgements:
    """What all readers of the fleet say of all documents. `changed` is set when that is something new."""

    def __init__(self, *, clock: Clock) -> None:
        self.changed = asyncio.Event()
        self._clock = clock
        self._readers: dict[str, Reader] = {}
        self._followed: dict[DocumentId, Followed] = {}
        self._documents: dict[DocumentKind, Mapping[str, tuple[bytes, InForce]]] = {}
        """As they stand in Consul; without a kind that was not looked at yet."""
        self._forgot_at = -inf

    def adopt(self, definitions: Definitions) -> None:
        """Listen to these instances from now on; what was heard of those that stay is kept."""
        former, self._readers = self._readers, {}
        for service, documents in _followed_by(definitions.fleet):
            for instance in service.instances:
                self._readers[instance.id] = _reader(instance, service, documents, former.get(instance.id))
        known = self._followed
        readers: dict[DocumentId, list[Reader]] = {}
        for reader in self._readers.values():
            for document in reader.documents:
                readers.setdefault(document, []).append(reader)
        self._followed = {
            document: self._follow(document, following, known.get(document))
            for document, following in readers.items()
        }
        self.changed.set()

    def read(self, kind: DocumentKind, documents: Mapping[str, bytes]) -> tuple[InForce, ...]:
        """Take in all documents of a kind as they stand in Consul; answers which of them were published now.

        Those that stood there when the prober came were not.
        """
        first, now = kind not in self._documents, self._clock.monotonic()
        known = self._documents.get(kind, {})
        self._documents[kind] = {
            name: known[name] if name in known and known[name][0] == raw else (raw, in_force(kind, name, raw))
            for name, raw in documents.items()
        }
        changed = [
            followed
            for document, followed in self._followed.items()
            if document[0] is kind and followed.document != self._stands(document)
        ]
        for followed in changed:
            followed.change(self._stands(followed.document.id), None if first else now, now)
        if changed:
            self.changed.set()
        return tuple(followed.document for followed in changed if not first and followed.document.sum)

    def hear(self, instance: Instance, check: Check, outcome: Outcome, started: float) -> None:
        """Take in what a probe brought that was started at this monotonic moment."""
        reader = self._readers.get(instance.id)
        if reader is None or check.name not in reader.checks or outcome.verdict is Verdict.FAULT_OF_OURS:
            return
        known, now = reader.words.get(check.name), self._clock.monotonic()
        if known and started < known.started:
            return
        said, until = (outcome.applied, outcome.reason), now + patience_seconds(check)
        if known and known.said == said:
            known.started, known.until = started, until
        else:
            reader.words[check.name] = Word(started, until, said, _heard(outcome))
        if len(reader.words) > 1 or not known or known.said != said:
            self._conclude(reader, now)

    def unconfirmed(self, document: InForce) -> tuple[Reader, ...]:
        """The readers of a document, if it still stands so, that do not confirm it."""
        followed = self._followed.get(document.id)
        readers = followed.readers if followed and followed.document == document else ()
        return tuple(reader for reader in readers if followed and not followed.confirms(reader))

    def awaited(self, document: InForce, instance: str) -> Reader | None:
        """The reader of this name, if it does not confirm a document that still stands so."""
        followed, reader = self._followed.get(document.id), self._readers.get(instance)
        if followed is None or reader is None or followed.document != document:
            return None
        return None if document.id not in reader.documents or followed.confirms(reader) else reader

    def tallies(self) -> Mapping[str, Tally]:
        """The tally of every document that there is, or that somebody holds, as it is spelled in keys."""
        now = self._clock.monotonic()
        if now - self._forgot_at >= FORGET_EVERY_SECONDS:
            self._forgot_at = now
            self._forget(now)
        return {
            followed.document.title: count
            for followed in self._followed.values()
            for count in [followed.count()]
            if followed.document.sum or count.ahead
        }

    def _forget(self, now: float) -> None:
        """Believe nothing that was heard too long ago."""
        for reader in self._readers.values():
            old = [word for word in reader.words.values() if word.until < now]
            for word in old:
                word.hearing, word.said, word.until = OUT_OF_DATE, None, inf
            if old:
                self._conclude(reader, now)

    def _conclude(self, reader: Reader, now: float) -> None:
        before = reader.hearing
        reader.conclude()
        if reader.hearing == before:
            return
        for document in reader.documents:
            self._followed[document].note(reader, now)
        self.changed.set()

    def _follow(self, document: DocumentId, readers: Sequence[Reader], known: Followed | None) -> Followed:
        followed = Followed(known.document if known else self._stands(document), readers)
        if known:
            followed.seen_at, followed.seconds = known.seen_at, known.seconds
        return followed

    def _stands(self, document: DocumentId) -> InForce:
        kind, name = document
        _, stands = self._documents.get(kind, {}).get(name, (b"", InForce(kind, name)))
        return stands


def _followed_by(fleet: Fleet) -> Iterator[tuple[Service, tuple[DocumentId, ...]]]:
    """Each service, and the documents that its instances follow."""
    groups = {service: group.name for group in fleet.groups for service in group.services}
    for service in fleet.services:
        switches = (DocumentKind.SWITCHES, service.name)
        group = groups.get(service.name)
        yield service, (switches, (DocumentKind.FAILOVER, group)) if group else (switches,)


def _reader(
    instance: Instance, service: Service, documents: tuple[DocumentId, ...], former: Reader | None
) -> Reader:
    by_http = [check for check in service.checks if check.type is CheckType.HTTP]
    checks = {check.name: check for check in by_http or service.checks}
    reader = Reader(instance, checks, documents)
    if former and _target(former.instance) == _target(instance):
        reader.words = {name: word for name, word in former.words.items() if name in checks}
        reader.conclude()
    return reader


def _target(instance: Instance) -> tuple[str, int]:
    return instance.address, instance.port


def _heard(outcome: Outcome) -> Hearing:
    return heard(outcome) if outcome.applied is None else _read_header(outcome.applied)


_read_header = lru_cache(HEADERS_CACHED_MAX)(read_header)
