"""Owns the formats of documents: the bytes that services read from Consul, and how they are checked.

A document is canonical JSON (sorted keys, compact, UTF-8): equal content is equal bytes, and Consul wakes
nobody for equal bytes. Unknown fields are ignored; an unknown major schema is refused.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from controlplane.contract.json_fields import DocumentError, integer, json_object, name, text
from controlplane.contract.keys import REVISION_LIMIT

__all__ = [
    "DOCUMENT_BYTES_MAX",
    "FAILOVER_SCHEMA",
    "Change",
    "ChangeKind",
    "DocumentError",
    "DocumentKind",
    "FailoverDocument",
    "FailoverState",
    "Handover",
    "canonical",
    "checksum",
    "parse_change",
    "parse_failover",
]

FAILOVER_SCHEMA = "controlplane.failover/1"
DOCUMENT_BYTES_MAX = 128 * 1024


class DocumentKind(StrEnum):
    """The kinds of documents, as they are spelled in keys."""

    FAILOVER = "failover"
    SWITCHES = "switches"


class FailoverState(StrEnum):
    """What a failover document says of its group."""

    ACTIVE = "active"
    FENCED = "fenced"
    RETIRED = "retired"


class ChangeKind(StrEnum):
    """Why a failover document was published."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    DRILL = "drill"
    FAILBACK = "failback"
    REPAIR = "repair"
    APPLY = "apply"


class Handover(StrEnum):
    """How the regions of a group hand over: at once, or through a phase in which none is active."""

    OVERLAP = "overlap"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed a document, why and when.

    `id` is unique per intended change, so that a retry is recognised; `at` is RFC 3339 in UTC with
    milliseconds and is for people: only `revision` orders.
    """

    id: str
    kind: ChangeKind
    by: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class FailoverDocument:
    """Which region of a group is active, as services read it."""

    group: str
    revision: int
    term: int
    state: FailoverState
    home: str
    active: str | None
    weights: Mapping[str, int]
    previous: str | None
    change: Change
    handover: Handover = Handover.OVERLAP
    lease_seconds: int = 10
    schema: str = field(default=FAILOVER_SCHEMA)

    def __post_init__(self) -> None:
        if not 1 <= self.revision < REVISION_LIMIT:
            raise DocumentError(f"revision {self.revision} is not between 1 and {REVISION_LIMIT - 1}")
        if (self.active is None) is (self.state is FailoverState.ACTIVE):
            raise DocumentError(f"state {self.state} does not go with active region {self.active!r}")

    def to_bytes(self) -> bytes:
        """The canonical bytes, as they stand in Consul."""
        return canonical(asdict(self))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, as UTF-8: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def checksum(document: bytes) -> str:
    """The `sum` of an acknowledgement: CRC-32 of the document's bytes as eight hex digits."""
    return f"{zlib.crc32(document):08x}"


def parse_failover(raw: bytes) -> FailoverDocument:
    """Read a failover document.

    Raises:
        DocumentError: not JSON, another schema, a field missing or of the wrong type.
    """
    fields = json_object(raw, bytes_max=DOCUMENT_BYTES_MAX)
    if fields.get("schema") != FAILOVER_SCHEMA:
        raise DocumentError(f"schema is {fields.get('schema')!r}, this program reads {FAILOVER_SCHEMA!r}")
    try:
        return _failover(fields)
    except DocumentError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"failover document: {type(error).__name__}: {error}") from error


def _failover(fields: Mapping[str, Any]) -> FailoverDocument:
    return FailoverDocument(
        group=name(fields["group"]),
        revision=integer(fields["revision"]),
        term=integer(fields["term"]),
        state=FailoverState(fields["state"]),
        home=text(fields["home"]),
        active=_optional_name(fields["active"]),
        weights={name(region): integer(weight) for region, weight in fields["weights"].items()},
        previous=_optional_name(fields["previous"]),
        handover=Handover(fields["handover"]),
        lease_seconds=integer(fields["lease_seconds"]),
        change=parse_change(fields["change"]),
    )


def parse_change(fields: Mapping[str, Any]) -> Change:
    """Read the change of a failover document.

    Raises:
        DocumentError, KeyError, TypeError, ValueError: it is none.
    """
    return Change(
        id=text(fields["id"]),
        kind=ChangeKind(fields["kind"]),
        by=text(fields["by"]),
        reason=text(fields["reason"]),
        at=text(fields["at"]),
    )


def _optional_name(value: Any) -> str | None:
    return None if value is None else name(value)
