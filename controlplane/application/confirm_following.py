"""Owns one reader and one document as a prober knows them: what was heard, and what that comes to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controlplane.domain.acknowledgement import (
    UNHEARD,
    AckClass,
    DocumentId,
    Finding,
    Hearing,
    InForce,
    classify,
    together,
)
from controlplane.domain.confirmation import Straggler, Tally, straggler_of, tally
from controlplane.domain.fleet import Check, Instance
from controlplane.domain.outcome import Reason


@dataclass(slots=True)
class Word:
    """What one check of an instance heard last; times are monotonic seconds."""

    started: float
    until: float
    """When it is too old to be believed."""
    said: tuple[str | None, Reason] | None
    """Header and reason: while these stay, nothing is new. None: nobody said it."""
    hearing: Hearing


@dataclass(slots=True, eq=False)
class Reader:
    """One instance that is listened to, by the checks that can bring a header."""

    instance: Instance
    checks: Mapping[str, Check]
    """By name."""
    documents: tuple[DocumentId, ...]
    words: dict[str, Word] = field(default_factory=dict)
    """By the name of the check."""
    hearing: Hearing = UNHEARD

    def conclude(self) -> None:
        """Make one word of what all checks heard, the latest first."""
        latest_first = sorted(self.words.values(), key=lambda word: -word.started)
        self.hearing = together(word.hearing for word in latest_first)

    @property
    def speaks_by(self) -> Check | None:
        """The check that last brought a header; None where the instance says nothing now."""
        speaking = [
            (word.started, name) for name, word in self.words.items() if word.hearing.applied is not None
        ]
        return self.checks[max(speaking)[1]] if speaking else None


class Followed:
    """One document, and what was found of each of its readers: kept up one by one, for there may be many."""

    def __init__(self, document: InForce, readers: Sequence[Reader]) -> None:
        self.document = document
        self.readers = readers
        self.seen_at: float | None = None
        """When this prober saw it change; None: it was so when the prober came."""
        self.seconds: dict[str, float] = {}
        """By instance: how long after that it was first heard to confirm."""
        self._findings: dict[str, Finding] = {}
        self._counts: dict[str, Counter[AckClass]] = {}
        self._stragglers: dict[str, Straggler] = {}
        self._tally: Tally | None = None
        """None where something changed since it was counted."""
        self._find_all(0.0)

    def change(self, document: InForce, seen_at: float | None, now: float) -> None:
        """Another document stands there now."""
        self.document, self.seen_at = document, seen_at
        self.seconds = {}
        self._find_all(now)

    def note(self, reader: Reader, now: float) -> None:
        """Something new was heard of this reader."""
        self._find(reader, classify(self.document, reader.hearing), now)

    def confirms(self, reader: Reader) -> bool:
        """Whether this reader holds the document as it stands."""
        return self._findings[reader.instance.id].ack is AckClass.CONFIRMED

    def count(self) -> Tally:
        """The tally as of now."""
        if self._tally is None:
            seconds = [
                spent
                for name, spent in self.seconds.items()
                if name in self._findings and self._findings[name].ack is AckClass.CONFIRMED
            ]
            self._tally = tally(self.document, self._counts, self._stragglers.values(), seconds)
        return self._tally

    def _find_all(self, now: float) -> None:
        """Readers that say the same are one and the same hearing: each is judged once."""
        known: dict[int, Finding] = {}
        for reader in self.readers:
            key = id(reader.hearing)
            if key not in known:
                known[key] = classify(self.document, reader.hearing)
            self._find(reader, known[key], now)

    def _find(self, reader: Reader, finding: Finding, now: float) -> None:
        name, region = reader.instance.id, reader.instance.region
        counts, former = self._counts.setdefault(region, Counter()), self._findings.get(name)
        if former is not None:
            counts[former.ack] -= 1
        counts[finding.ack] += 1
        self._findings[name] = finding
        straggler = straggler_of(name, finding)
        if straggler is None:
            self._stragglers.pop(name, None)
        else:
            self._stragglers[name] = straggler
        if self.seen_at is not None and finding.ack is AckClass.CONFIRMED:
            self.seconds.setdefault(name, now - self.seen_at)
        self._tally = None
