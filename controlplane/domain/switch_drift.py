"""Owns the judgement of what stands under a document's key: is it what the control plane published last?

Every publication leaves the SHA-256 of its bytes in the log, in the same transaction. What does not fit was
written by somebody else, or Consul went back in time; readers keep what they hold in either case, unless a
foreign hand wrote a higher revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controlplane.contract.json_fields import DocumentError
from controlplane.contract.log_entries import digest
from controlplane.contract.switches import SwitchDocument, parse_switches


class DriftCode(StrEnum):
    """In which way a document is not what was published last."""

    FOREIGN_EDIT = "foreign_edit"
    """Somebody else wrote or deleted it: a person decides which of the two is right."""
    WENT_BACK = "document_went_back"
    """Consul was restored from an older snapshot: the last one known is published again, above it."""
    LOST = "document_lost"
    """It is gone with its log: the store is a new one, and gets it again."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What is wrong with a document, in a sentence without a full stop."""

    code: DriftCode
    text: str


@dataclass(frozen=True, slots=True)
class Published:
    """What is known to have been published of a document."""

    sums: Mapping[int, str]
    """Revision → SHA-256 in hex, as the log has them."""
    known: int
    """The highest revision that was ever seen in force; 0: none."""

    @property
    def newest(self) -> int:
        """The highest revision of the log; 0 where it has none."""
        return max(self.sums, default=0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands there, where it can be read, and what is wrong with it."""

    standing: SwitchDocument | None
    drift: Drift | None


def judge(service: str, raw: bytes | None, published: Published) -> Judgement:
    """Compare the bytes under a document's key, None for no key, with what was published."""
    if raw is None:
        return Judgement(None, _absent(published))
    try:
        standing = parse_switches(raw)
    except DocumentError as error:
        return Judgement(None, Drift(DriftCode.FOREIGN_EDIT, f"it cannot be read: {error}"))
    if standing.service != service:
        text = f"it is the document of service {standing.service}"
        return Judgement(None, Drift(DriftCode.FOREIGN_EDIT, text))
    return Judgement(standing, _standing(standing.revision, digest(raw), published))


def _absent(published: Published) -> Drift | None:
    if published.sums:
        return Drift(
            DriftCode.FOREIGN_EDIT, f"it was deleted; revision {published.newest} was published last"
        )
    if published.known:
        return Drift(DriftCode.LOST, f"it is gone with its log; revision {published.known} was in force")
    return None


def _standing(revision: int, found: str, published: Published) -> Drift | None:
    if revision not in published.sums:
        return Drift(DriftCode.FOREIGN_EDIT, f"revision {revision} was never published")
    if published.sums[revision] != found:
        return Drift(DriftCode.FOREIGN_EDIT, f"its bytes are not those of revision {revision}")
    if revision < published.newest:
        text = f"it was set back to revision {revision}; {published.newest} was published last"
        return Drift(DriftCode.FOREIGN_EDIT, text)
    if revision < published.known:
        text = f"Consul went back to revision {revision}; {published.known} was in force"
        return Drift(DriftCode.WENT_BACK, text)
    return None
