"""Owns the socket of evaluations: why nothing was moved, as PostgreSQL keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.application.ports.database import EVERYTHING, Narrowing
from controlplane.domain.history_records import EvaluationRecord, Origin


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """A stored evaluation, or a publication that was refused or got no answer."""

    position: int
    """Order of insertion; the cursor of pages."""
    kind: str
    name: str
    at: str
    outcome: str
    code: str
    reason: str
    before: str
    state: str
    trace_id: str | None
    inputs: Mapping[str, Any]


class EvaluationRepository(Protocol):
    """Why nothing was moved, in PostgreSQL."""

    async def store(self, origin: Origin, records: Sequence[tuple[int, EvaluationRecord]]) -> None:
        """Store what is not stored yet; numbers are unique per boot.

        Raises:
            DatabaseUnavailable: no answer; asking again is harmless.
        """

    async def page(
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[EvaluationRow]:
        """Rows that are wanted, newest first, with a position below `before`.

        Raises:
            DatabaseUnavailable: no answer.
        """
