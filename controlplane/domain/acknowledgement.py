"""Owns how one instance stands to one document: the document and what was heard go in, a word comes out.

What is heard is advice from the network: it is read strictly, cut to a bounded size, and escaped by whoever
shows it. Whoever is silent or offline is never taken for one that confirms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from controlplane.contract.applied import Applied, AppliedError, AppliedSource, AppliedState, parse
from controlplane.contract.documents import DOCUMENT_BYTES_MAX, DocumentKind, checksum
from controlplane.contract.json_fields import DocumentError, integer, json_object
from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.outcome import Outcome, Verdict

TEXT_CHARACTERS_MAX = 120
"""Of what an instance says, or of what is said about it."""

DocumentId = tuple[DocumentKind, str]


class AckClass(StrEnum):
    """How an instance stands to a document; what a person has to look at first comes first."""

    AHEAD = "ahead"
    """It holds a higher revision, or other bytes under the same: the store went back, or was edited."""
    NACK = "nack"
    """It refuses what is in force, and says why."""
    BEHIND = "behind"
    """It holds a lower revision, or cannot say that what it holds is what stands in Consul."""
    OVERRIDE = "override"
    """Somebody made it hold something else on purpose."""
    SILENT = "silent"
    """It is well, and says nothing of this document."""
    OFFLINE = "offline"
    """The last probe failed, or nobody has looked for too long."""
    CONFIRMED = "confirmed"
    """It holds these bytes."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A document as it stands in Consul, as far as acknowledgements go."""

    kind: DocumentKind
    name: str
    revision: int = 0
    """0: there is no document, or no revision can be read in it."""
    sum: str = ""
    """CRC-32 of its bytes; empty: there is no document."""

    @property
    def id(self) -> DocumentId:
        """Kind and name."""
        return self.kind, self.name

    @property
    def title(self) -> str:
        """`failover/checkout`, as it is spelled in keys and reports."""
        return f"{self.kind}/{self.name}"

    @property
    def comparable(self) -> bool:
        """Whether somebody can hold a higher revision than this: not where none can be read."""
        return bool(self.revision or not self.sum)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the last probe of an instance brought."""

    answered: bool
    applied: Mapping[DocumentId, Applied] | None = None
    """The header, read; None where there was none that can be read."""
    text: str = ""
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The word for one instance and one document."""

    ack: AckClass
    revision: int = 0
    """What it holds; 0 where that is nothing, or unknown."""
    text: str = ""
    """More for people: why it refuses, or where its value comes from."""


UNHEARD = Hearing(answered=False, text="not heard yet")
OUT_OF_DATE = Hearing(answered=False, text="not heard for too long")


def in_force(kind: DocumentKind, name: str, raw: bytes) -> InForce:
    """What stands in Consul under this name."""
    return InForce(kind, name, _revision(raw), checksum(raw))


def heard(outcome: Outcome) -> Hearing:
    """What an outcome says of documents. A header counts whatever the answer's status: its reader lives."""
    if outcome.applied is not None:
        return read_header(outcome.applied)
    if outcome.verdict is Verdict.SUCCESS:
        return Hearing(answered=True, text="no header")
    return Hearing(answered=False, text=f"{outcome.reason}: {outcome.detail}"[:TEXT_CHARACTERS_MAX])


def read_header(header: str) -> Hearing:
    """What a header says; one that breaks its rules says nothing, and why."""
    try:
        return Hearing(answered=True, applied={(entry.kind, entry.name): entry for entry in parse(header)})
    except AppliedError as error:
        return Hearing(answered=True, text=f"header refused: {error}"[:TEXT_CHARACTERS_MAX])


def together(hearings: Iterable[Hearing]) -> Hearing:
    """What several checks of one instance heard, the latest first: a header, else a failure, else silence."""
    one_of_each = {_rank(hearing): hearing for hearing in reversed(tuple(hearings))}
    return one_of_each[min(one_of_each)] if one_of_each else UNHEARD


def classify(document: InForce, hearing: Hearing) -> Finding:
    """How the instance that was heard stands to a document."""
    if not hearing.answered:
        return Finding(AckClass.OFFLINE, text=hearing.text)
    if hearing.applied is None:
        return Finding(AckClass.SILENT, text=hearing.text)
    entry = hearing.applied.get(document.id)
    if entry is None:
        return Finding(AckClass.SILENT, text="the header does not name this document")
    return Finding(_class(document, entry), entry.revision, _text(entry))


def _class(document: InForce, entry: Applied) -> AckClass:
    same = (entry.revision, entry.sum) == (document.revision, document.sum)
    if entry.src is AppliedSource.OVERRIDE:
        return AckClass.OVERRIDE
    if document.comparable and not same and entry.revision >= document.revision:
        return AckClass.AHEAD
    if entry.state is AppliedState.NACK:
        return AckClass.NACK
    return AckClass.CONFIRMED if same and entry.state is AppliedState.OK else AckClass.BEHIND


def _text(entry: Applied) -> str:
    refused = f"refuses {entry.observed}" if entry.observed is not None else ""
    state = entry.state.value if entry.state in (AppliedState.STALE, AppliedState.ABSENT) else ""
    source = f"from {entry.src}" if entry.src is not AppliedSource.LIVE else ""
    parts = (refused, entry.err, state, source)
    return ", ".join(part for part in parts if part)[:TEXT_CHARACTERS_MAX]


def _rank(hearing: Hearing) -> int:
    if hearing.applied is not None:
        return 0
    return 2 if hearing.answered else 1


def _revision(raw: bytes) -> int:
    try:
        revision = integer(json_object(raw, bytes_max=DOCUMENT_BYTES_MAX)["revision"])
    except (DocumentError, KeyError):
        return 0
    return revision if 0 < revision < REVISION_LIMIT else 0
