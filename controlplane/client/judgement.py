"""Owns the decision what to do with bytes that were read: put them in force, or keep what is.

Revision and bytes are compared, never Consul's ModifyIndex, which starts again with a new store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from controlplane.contract.applied import AppliedSource
from controlplane.contract.json_fields import DocumentError, json_object
from controlplane.contract.keys import REVISION_LIMIT

WENT_BACK = "revision went back"


class Revisioned(Protocol):
    """A document, whatever else it says."""

    @property
    def revision(self) -> int:
        """Strictly increasing over the life of the document, below 10¹²."""


Document = TypeVar("Document", bound=Revisioned)


@dataclass(frozen=True, slots=True)
class Held(Generic[Document]):
    """The document in force, its exact bytes, and where they came from."""

    document: Document
    raw: bytes
    src: AppliedSource


@dataclass(frozen=True, slots=True)
class Accept(Generic[Document]):
    """This document is newer: put it in force."""

    document: Document


@dataclass(frozen=True, slots=True)
class Same:
    """What is in force is what was read, or newer than a server that may lag can know."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Keep what is in force, and say why."""

    observed: int | None
    err: str


def judge(
    held: Held[Document] | None, raw: bytes, parse: Callable[[bytes], Document], *, may_lag: bool = False
) -> Accept[Document] | Same | Refuse:
    """Compare what was read with what is in force.

    `parse` refuses by a `ValueError`. `may_lag`: the bytes come from a stale read, for which a lower
    revision is no news.
    """
    if held is not None and raw == held.raw:
        return Same()
    try:
        document = parse(raw)
    except ValueError as error:
        return Refuse(revision_of(raw), str(error))
    if held is None or document.revision > held.document.revision:
        return Accept(document)
    if may_lag and document.revision < held.document.revision:
        return Same()
    return Refuse(document.revision, WENT_BACK)


def revision_of(raw: bytes) -> int | None:
    """The revision that bytes claim which are otherwise no document; None where they claim none."""
    try:
        revision = json_object(raw, bytes_max=len(raw)).get("revision")
    except DocumentError:
        return None
    return revision if type(revision) is int and 0 <= revision < REVISION_LIMIT else None
