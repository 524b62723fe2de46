"""Owns the shape of the one transaction that publishes: its operations, their order, what each refusal means.

Consul names the operation that refused; because the order is fixed here, its position is a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.application.ports import (
    CheckAbsent,
    CheckIndex,
    CompareAndSet,
    Get,
    Operation,
    Put,
    Rejected,
)
from controlplane.application.results import Refused
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import Abandoned

SCALARS_MAX = 40
CHECKS_MAX = 10
ABANDONMENT_CHECKS = frozenset({0, 1})
"""Operations of `abandonment` whose refusal proves that the publication itself can no longer commit."""


@dataclass(frozen=True, slots=True)
class Guard:
    """An operation that must hold for the publication, and what it means when it does not."""

    operation: CheckIndex | CompareAndSet
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A document on its way into force."""

    kind: DocumentKind
    name: str
    revision: int
    document: bytes
    document_index: int
    """ModifyIndex of the document it was decided from; 0: there was none."""
    change_id: str
    log_entry: bytes
    scalars: tuple[tuple[str, bytes], ...] = ()
    guards: tuple[Guard, ...] = ()

    def __post_init__(self) -> None:
        if len(self.scalars) > SCALARS_MAX or len(self.guards) > CHECKS_MAX:
            raise ValueError(
                f"{len(self.scalars)} scalars and {len(self.guards)} checks, "
                f"at most {SCALARS_MAX} and {CHECKS_MAX} fit one transaction"
            )

    @property
    def title(self) -> str:
        """How it is called in sentences: `failover/checkout revision 17`."""
        return f"{self.kind}/{self.name} revision {self.revision}"


@dataclass(frozen=True, slots=True)
class _Step:
    operation: Operation
    code: str
    text: str


def operations(publication: Publication, keys: Keys, identity: str) -> list[Operation]:
    """The transaction, in the fixed order."""
    return [step.operation for step in _steps(publication, keys, identity)]


def refusal(publication: Publication, keys: Keys, identity: str, rejected: Rejected) -> Refused:
    """What the first operation that refused means."""
    steps = _steps(publication, keys, identity)
    for failure in sorted(rejected.failures, key=lambda failure: failure.operation):
        if 0 <= failure.operation < len(steps):
            step = steps[failure.operation]
            return Refused(step.code, step.text)
    return Refused("rejected", f"Consul refused {publication.title} without naming an operation")


def abandonment(
    publication: Publication, keys: Keys, identity: str, marker: Abandoned
) -> Sequence[Operation]:
    """The transaction after which the publication can no longer commit: its revision is used up."""
    document = keys.document(publication.kind, publication.name)
    log = keys.log(publication.kind, publication.name, publication.revision)
    return [
        Get(keys.store(identity)),
        _unchanged(document, publication.document_index),
        CheckAbsent(log),
        Put(log, marker.to_bytes()),
    ]


def _unchanged(key: str, index: int) -> CheckIndex | CheckAbsent:
    return CheckIndex(key, index) if index else CheckAbsent(key)


def _steps(publication: Publication, keys: Keys, identity: str) -> list[_Step]:
    document = keys.document(publication.kind, publication.name)
    log = keys.log(publication.kind, publication.name, publication.revision)
    place = f"{publication.kind}/{publication.name}"
    taken = f"revision {publication.revision} of {place} is already taken"
    return [
        _Step(
            Get(keys.store(identity)),
            "store_replaced",
            "this is another store than the one it was decided from",
        ),
        _Step(
            CompareAndSet(document, publication.document, publication.document_index),
            "document_changed",
            f"{place} was changed by somebody else meanwhile",
        ),
        _Step(CheckAbsent(log), "revision_taken", taken),
        _Step(Put(log, publication.log_entry), "revision_taken", taken),
        *(_Step(guard.operation, guard.code, guard.text) for guard in publication.guards),
        *(_Step(Put(key, value), "rejected", f"Consul refused {key}") for key, value in publication.scalars),
    ]
