"""Owns what a person may do with switches. Any replica publishes what it is asked; none needs to lead."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from controlplane.application.drafting import Context
from controlplane.application.guards import definitions_unchanged
from controlplane.application.logbook import change_id, done_before
from controlplane.application.ports import Clock, Identifiers, Store, StoreUnavailable
from controlplane.application.results import Act, Done, Refused, Result
from controlplane.application.switch_deciding import Intent, basis
from controlplane.application.switch_grounds import SwitchGrounds, answered
from controlplane.application.switch_reading import SWITCHES, Reading, SwitchReader
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_resolving import resolution
from controlplane.application.switch_writing import SwitchWriter, Writing
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchChange, SwitchChangeKind
from controlplane.contract.times import rfc3339
from controlplane.domain.switches import changed_names

TRIES_MAX = 5
"""How often an act is decided anew after another replica published first."""
LOST_RACES = frozenset({"document_changed", "revision_taken", "definitions_changed"})


@dataclass(slots=True)
class SwitchActions:
    """Decides from a fresh reading and publishes under its index; who loses a race decides again.

    `identity` answers which store this is, None where that is not known.
    """

    store: Store
    keys: Keys
    clock: Clock
    identifiers: Identifiers
    reader: SwitchReader
    writer: SwitchWriter
    grounds: SwitchGrounds
    identity: Callable[[], str | None]
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One act per service at a time: waiting for one's turn is cheaper than losing a race to oneself."""

    async def flip(self, request: FlipRequest) -> Result:
        """Degrade, restore or force a switch; done, too, where it is so already."""
        return await answered(self._act(request))

    async def undo(self, request: UndoRequest) -> Result:
        """Take back what a revision changed, unless somebody has changed it since.

        Raises:
            DatabaseUnavailable: it is older than the log, and PostgreSQL does not answer.
        """
        return await answered(self._act(request))

    async def resolve(self, request: DriftRequest) -> Result:
        """Say which is right where a document is not what was published last."""
        return await answered(self._resolve(request))

    async def _act(self, request: FlipRequest | UndoRequest) -> Result:
        asked_at = self.clock.monotonic()
        return await self._carry_out(await self.grounds.intent(request), asked_at)

    async def _carry_out(self, intent: Intent, asked_at: float) -> Result:
        act_id = change_id(intent.act, self.identifiers)
        baseline = reading = await self.reader.read(intent.service)
        turn = self._turns.setdefault(intent.service, asyncio.Lock())
        async with turn:
            for _ in range(TRIES_MAX):
                result = await self._try(intent, act_id, reading, baseline, asked_at)
                if not (isinstance(result, Refused) and result.code in LOST_RACES):
                    return result
                reading = await self.reader.read(intent.service)
        return Refused("contended", f"others were first {TRIES_MAX} times; try again")

    async def _try(
        self, intent: Intent, act_id: str, reading: Reading, baseline: Reading, asked_at: float
    ) -> Result:
        done = done_before(f"{SWITCHES}/{intent.service}", act_id, reading.logged, intent.is_of)
        if done:
            return done
        self.grounds.require_room()
        document = basis(intent, reading, baseline)
        registry = await self.store.get(self.keys.registry, consistent=True)
        after = intent.decide(document, reading.logged, self.grounds.ground(intent.service))
        text = intent.told(after)
        if not changed_names(document.switches, after):
            return Done(act_id, f"{text}; it was so already", document.revision)
        guard = definitions_unchanged(self.keys, registry.modify_index if registry else 0)
        writing = Writing(
            reading=reading,
            before=document.switches,
            after=after,
            change=self._change(intent.act, act_id, intent.kind),
            context=Context(intent.explanation, intent.act.trace_id, (guard,)),
        )
        result = await self.writer.publish(writing, identity=self._known_identity(), asked_at=asked_at)
        return replace(result, text=f"{text}; {result.text}") if isinstance(result, Done) else result

    async def _resolve(self, request: DriftRequest) -> Result:
        asked_at = self.clock.monotonic()
        act_id = change_id(request.act, self.identifiers)
        reading = await self.reader.read(request.service)
        done = done_before(
            f"{SWITCHES}/{request.service}",
            act_id,
            reading.logged,
            lambda entry: entry.explanation.get("policy") == request.policy,
        )
        if done:
            return done
        before, after = resolution(request, reading, await self.grounds.last_known(reading))
        writing = Writing(
            reading=reading,
            before=before,
            after=after,
            change=self._change(request.act, act_id, SwitchChangeKind.REPAIR),
            context=Context(
                {"policy": request.policy, "drift": str(reading.drift and reading.drift.text)},
                request.act.trace_id,
            ),
        )
        return await self.writer.publish(writing, identity=self._known_identity(), asked_at=asked_at)

    def _known_identity(self) -> str:
        identity = self.identity()
        if identity is None:
            raise StoreUnavailable("which store this is is not known")
        return identity

    def _change(self, act: Act, act_id: str, kind: SwitchChangeKind) -> SwitchChange:
        return SwitchChange(act_id, kind, act.by, act.reason, rfc3339(self.clock.now()))
