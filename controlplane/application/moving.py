"""Owns the carrying out of a move, the automation's and a person's: from a decision to one publication."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from controlplane.application.composing import Held, Stamp, activated, compose
from controlplane.application.drafting import Context
from controlplane.application.guards import definitions_unchanged, leading, pause_unchanged
from controlplane.application.leadership import Tenure
from controlplane.application.mirror import StoreView
from controlplane.application.numbering import Numbering
from controlplane.application.observing import FAILOVER, Observer
from controlplane.application.ports import Clock, CompareAndSet, Identifiers
from controlplane.application.publication import Guard
from controlplane.application.publisher import Publisher
from controlplane.application.results import Done, Result, Unknown
from controlplane.contract.documents import Change, ChangeKind, FailoverDocument
from controlplane.contract.times import rfc3339
from controlplane.domain.budget import Budget
from controlplane.domain.decision import Move, spend
from controlplane.domain.situation import Situation

AUTOMATION = "controlplane"
TRACE_ID_DIGITS = 32

logger = logging.getLogger(__name__)


def trace_of(change_id: str) -> str:
    """The trace id of a decision that no request began: the same in log, row and explanation."""
    return sha256(change_id.encode()).hexdigest()[:TRACE_ID_DIGITS]


@dataclass(slots=True)
class Basis:
    """What a move is decided from and published under; the budget goes on with each move of one cycle."""

    view: StoreView
    situation: Situation
    budget: Budget
    budget_index: int


@dataclass(slots=True)
class Mover:
    """Publishes moves."""

    observer: Observer
    publisher: Publisher
    numbering: Numbering
    identifiers: Identifiers
    clock: Clock

    async def move_automatically(self, move: Move, basis: Basis, tenure: Tenure) -> Result:
        """Carry out what the automation decided; every restraint and the budget bind in the transaction.

        Raises:
            StoreUnavailable: the log cannot be read; nothing was sent.
        """
        held = self.observer.held(basis.view, basis.situation, move.group)
        change = Change(
            id=self.identifiers.new(),
            kind=ChangeKind.AUTOMATIC,
            by=AUTOMATION,
            reason=move.reason,
            at=rfc3339(self.clock.now()),
        )
        former = basis.situation.documents[move.group]
        after = await self.after(former, move.target, tenure.term, change)
        budget = spend(basis.budget, move, basis.situation, revision=after.revision)
        guards = automatic_guards(basis.view, tenure, budget.to_bytes(), basis.budget_index)
        context = Context(
            {"plan_hash": move.plan_hash, "cause": move.cause, "inputs": move.inputs},
            trace_of(change.id),
            guards,
        )
        self.observer.in_flight[move.group] = budget.moves[-1]
        result = await self.publish(held, after, context, identity=tenure.identity)
        if isinstance(result, Done):
            basis.budget, basis.budget_index = budget, result.index or 0
        if not isinstance(result, Unknown):
            self.observer.in_flight.pop(move.group, None)
        return result

    async def after(
        self, document: FailoverDocument, target: str, term: int, change: Change
    ) -> FailoverDocument:
        """The document after a move, with the next number.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        revision = await self.numbering.next_revision(FAILOVER, document.group, in_force=document.revision)
        return activated(document, target, Stamp(revision, term, change))

    async def publish(
        self,
        held: Held,
        after: FailoverDocument,
        context: Context,
        *,
        identity: str,
        asked_at: float | None = None,
    ) -> Result:
        """Bring a document into force, and log what became of it."""
        publication = compose(self.observer.keys, held, after, context)
        result = await self.publisher.publish(publication, identity=identity, asked_at=asked_at)
        told: Mapping[str, Any] = {
            "group": after.group,
            "active": after.active,
            "revision": after.revision,
            "change_kind": after.change.kind,
            "by": after.change.by,
            "reason": after.change.reason,
            "trace_id": context.trace_id,
            "result": type(result).__name__.lower(),
            "text": result.text,
        }
        logger.log(logging.INFO if isinstance(result, Done) else logging.WARNING, "publication", extra=told)
        return result


def automatic_guards(view: StoreView, tenure: Tenure, budget: bytes, budget_index: int) -> tuple[Guard, ...]:
    """What binds the automation beside the document itself."""
    keys = view.keys
    return (
        leading(keys, tenure.term_index),
        pause_unchanged(keys, view.index(keys.pause)),
        definitions_unchanged(keys, view.index(keys.registry)),
        Guard(
            CompareAndSet(keys.budget, budget, budget_index), "budget_changed", "the budget changed meanwhile"
        ),
    )
