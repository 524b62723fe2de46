"""Owns that documents follow the definitions: first ones, retired ones, regions, and the plain values."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from controlplane.application.composing import (
    Held,
    Stamp,
    aligned,
    in_line,
    retired,
)
from controlplane.application.drafting import Context
from controlplane.application.guards import definitions_unchanged, leading
from controlplane.application.leadership import Leadership, Tenure
from controlplane.application.mirror import StoreMirror, StoreView
from controlplane.application.moving import AUTOMATION, Mover, trace_of
from controlplane.application.numbering import Numbering
from controlplane.application.observing import FAILOVER, Observer
from controlplane.application.ports import (
    CheckIndex,
    Clock,
    DatabaseUnavailable,
    Get,
    Put,
    Store,
    StoreError,
)
from controlplane.application.publication import Guard
from controlplane.application.recollecting import Recollection
from controlplane.contract.documents import (
    Change,
    ChangeKind,
    FailoverDocument,
)
from controlplane.contract.times import rfc3339
from controlplane.domain.leadership import may_decide
from controlplane.domain.revisions import RevisionError
from controlplane.domain.situation import Situation

LOOK_EVERY_SECONDS = 0.5
VALUES_EVERY_SECONDS = 30.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Upkeep:
    """Brings the store in line while this replica leads. `home` is the datacenter that decides."""

    store: Store
    mirror: StoreMirror
    observer: Observer
    leadership: Leadership
    mover: Mover
    numbering: Numbering
    recollection: Recollection
    clock: Clock
    home: str
    database_available: Callable[[], bool]
    _values_at: float = -inf

    async def run(self) -> None:
        """Keep looking, for as long as the process lives."""
        while True:
            tenure = self.leadership.tenure
            if tenure and may_decide(self.leadership.renewed_seconds()):
                try:
                    await self.look(tenure)
                except (StoreError, DatabaseUnavailable, RevisionError) as error:
                    logger.warning("upkeep is delayed", extra={"error": str(error)})
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self, tenure: Tenure) -> None:
        """Do what there is to do, once.

        Raises:
            StoreError: Consul does not answer.
            DatabaseUnavailable: PostgreSQL does not answer, and a first document waits for it.
            RevisionError: a document has used up its numbers.
        """
        view = self.mirror.view()
        if self._wanted(self.observer.situation(view)):
            await self._align(tenure)
        if self.clock.monotonic() - self._values_at >= VALUES_EVERY_SECONDS:
            await self._repair_values(tenure)
            self._values_at = self.clock.monotonic()

    async def _align(self, tenure: Tenure) -> None:
        view = await self.mirror.refresh()
        await self.observer.vouch(view)
        situation = self.observer.situation(view)
        for group in self._wanted(situation):
            held = self.observer.held(view, situation, group)
            if held.document is None and not self.database_available():
                raise DatabaseUnavailable(
                    f"the first document of {group} waits: PostgreSQL knows the numbers"
                )
            after = await self._next(group, held, situation, tenure)
            explanation = {"definitions": situation.definitions.revision}
            context = Context(explanation, trace_of(after.change.id), definition_guards(view, tenure))
            await self.mover.publish(held, after, context, identity=tenure.identity)

    def _wanted(self, situation: Situation) -> list[str]:
        """The groups whose document does not say what the definitions want."""
        definitions = situation.definitions
        if definitions.revision < situation.registry_revision or not definitions.revision:
            return []
        groups = {group.name: group for group in definitions.fleet.groups}
        names = groups.keys() | situation.documents.keys()
        return sorted(
            name
            for name in names - situation.faults.keys() - situation.unsettled
            if not in_line(groups.get(name), situation.documents.get(name))
        )

    async def _next(self, name: str, held: Held, situation: Situation, tenure: Tenure) -> FailoverDocument:
        groups = {group.name: group for group in situation.definitions.fleet.groups}
        former = held.document or await self.recollection.last(name)
        in_force = held.document.revision if held.document else 0
        revision = await self.numbering.next_revision(FAILOVER, name, in_force=in_force)
        if former is None or name in groups:
            change = self._change("repair" if former and not held.document else "apply", situation)
            return aligned(groups[name], former, Stamp(revision, tenure.term, change), home=self.home)
        return retired(former, Stamp(revision, tenure.term, self._change("apply", situation)))

    def _change(self, kind: str, situation: Situation) -> Change:
        return Change(
            id=self.mover.identifiers.new(),
            kind=ChangeKind(kind),
            by=AUTOMATION,
            reason=f"definitions are at revision {situation.definitions.revision}",
            at=rfc3339(self.clock.now()),
        )

    async def _repair_values(self, tenure: Tenure) -> None:
        """Make the plain values say what the documents say."""
        view = await self.mirror.refresh()
        values = await self.store.list(view.keys.failover_value(""), consistent=True)
        found = {entry.key: entry.value for entry in values.entries}
        situation = self.observer.situation(view)
        for name, document in situation.documents.items():
            key, value = view.keys.failover_value(name), (document.active or "").encode()
            if found.get(key) != value and name not in situation.unsettled:
                logger.warning("plain value repaired", extra={"key": key, "value": value.decode()})
                index = view.index(view.keys.document(FAILOVER, name))
                await self.store.transact(
                    [
                        Get(view.keys.store(tenure.identity)),
                        CheckIndex(view.keys.term, tenure.term_index),
                        CheckIndex(view.keys.document(FAILOVER, name), index),
                        Put(key, value),
                    ]
                )


def definition_guards(view: StoreView, tenure: Tenure) -> tuple[Guard, ...]:
    """What binds a publication that follows from definitions alone: a pause does not restrain it."""
    registry = view.keys.registry
    return (
        leading(view.keys, tenure.term_index),
        definitions_unchanged(view.keys, view.index(registry)),
    )
