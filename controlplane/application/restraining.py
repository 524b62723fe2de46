"""Owns writing the `pause` key: any replica may restrain the automation, also while PostgreSQL is away.

What got no answer may still take effect, minutes later. It is sent again, as it was, until Consul answers: of
all these requests one can be applied at most, and none any more after somebody else's, for each names the
state of the key that it was made from.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controlplane.application.ports import (
    Clock,
    Committed,
    CompareAndSet,
    Get,
    Identifiers,
    Operation,
    OutcomeUnknown,
    Rejected,
    Store,
    StoreError,
    StoreUnavailable,
)
from controlplane.application.results import Done, PauseRequest, Refused, Result, ResumeRequest, Unknown
from controlplane.contract.keys import Keys
from controlplane.contract.times import rfc3339
from controlplane.domain.fleet import Fleet
from controlplane.domain.restraint import (
    Restraint,
    RestraintError,
    Restraints,
    Scope,
    lift,
    parse_restraints,
    restrain,
)

TRIES_MAX = 5
"""How often a restraint is written again after somebody else's came first."""

SETTLE_EVERY_SECONDS = 0.5
UNANSWERED_MAX = 16
"""Where so many wait for an answer, no more are sent."""

Change = Callable[[Restraints], Restraints]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request that may be applied at any time, and the sentence that would then be true."""

    text: str
    operations: tuple[Operation, ...]


@dataclass(slots=True)
class Restrainer:
    """Adds and lifts restraints by compare-and-set from a fresh read, so that none is lost."""

    store: Store
    keys: Keys
    clock: Clock
    identifiers: Identifiers
    identity: Callable[[], str | None]
    fleet: Callable[[], Fleet]
    unanswered: dict[str, Unanswered] = field(default_factory=dict)
    """By change id."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Settle what got no answer, for as long as the process lives."""
        while True:
            await self._woken.wait()
            await self.settle()
            if not self.unanswered:
                self._woken.clear()
                continue
            await asyncio.sleep(SETTLE_EVERY_SECONDS)

    async def settle(self) -> None:
        """Send once more what got no answer; nothing before what was asked for later has its answer."""
        for change_id, sent in reversed(tuple(self.unanswered.items())):
            try:
                answer = await self.store.transact(sent.operations)
            except StoreError:
                return
            del self.unanswered[change_id]
            taken = "it had taken effect, or it no longer can" if isinstance(answer, Rejected) else "done"
            logger.info("restraint settled", extra={"text": sent.text, "outcome": taken})

    async def pause(self, request: PauseRequest) -> Result:
        """Restrain a scope until a time."""
        restraint = Restraint(request.until, request.act.by, request.act.reason)
        scope = Scope(request.scope)

        def change(restraints: Restraints) -> Restraints:
            return restrain(restraints, scope, request.name, restraint, now=self.clock.now())

        until = rfc3339(request.until)
        return await self._write(scope, request.name, change, f"is restrained until {until}")

    async def resume(self, request: ResumeRequest) -> Result:
        """Lift the restraint of a scope; done, too, where there is none."""
        scope = Scope(request.scope)
        return await self._write(
            scope,
            request.name,
            lambda restraints: lift(restraints, scope, request.name),
            "is no longer restrained",
        )

    async def _write(self, scope: Scope, name: str | None, change: Change, text: str) -> Result:
        refused = self._unknown_name(scope, name) or self._too_many()
        identity = self.identity()
        if refused or identity is None:
            return refused or Refused(
                "consul_unavailable", "nothing was sent: which store this is is not known"
            )
        change_id = self.identifiers.new()
        told = f"{scope} {name} {text}" if name else f"the {scope} {text}"
        try:
            for _ in range(TRIES_MAX):
                if await self._try(identity, change, change_id, told):
                    logger.info("restraint", extra={"text": told})
                    return Done(change_id, told)
        except RestraintError as error:
            return Refused("restraint_not_allowed", str(error))
        except StoreUnavailable as error:
            return Refused("consul_unavailable", f"nothing was sent: {error}")
        except OutcomeUnknown as error:
            text = f"unknown whether {told}: it may still take effect, and is sent again until Consul answers"
            return Unknown(change_id, f"{text} ({error})")
        return Refused("contended", f"others changed the restraints {TRIES_MAX} times meanwhile; try again")

    async def _try(self, identity: str, change: Change, change_id: str, told: str) -> bool:
        entry = await self.store.get(self.keys.pause, consistent=True)
        if entry is None:
            raise StoreUnavailable(f"{self.keys.pause} is absent")
        # bytes of a stranger raise, and are shown instead of being overwritten
        value = change(parse_restraints(entry.value)).to_bytes()
        if value == entry.value:
            value += (
                b"\n"  # equal bytes keep their index, and an earlier write without answer could still land
            )
        operations = (
            Get(self.keys.store(identity)),
            CompareAndSet(self.keys.pause, value, entry.modify_index),
        )
        try:
            answer = await self.store.transact(operations)
        except (OutcomeUnknown, asyncio.CancelledError):  # also where whoever asked is gone
            self.unanswered[change_id] = Unanswered(told, operations)
            self._woken.set()
            raise
        return isinstance(answer, Committed)

    def _too_many(self) -> Refused | None:
        if len(self.unanswered) < UNANSWERED_MAX:
            return None
        text = f"{UNANSWERED_MAX} restraints got no answer from Consul and may still take effect; wait for it"
        return Refused("unsettled", text)

    def _unknown_name(self, scope: Scope, name: str | None) -> Refused | None:
        fleet = self.fleet()
        known: Mapping[Scope, list[str | None]] = {
            Scope.FLEET: [None],
            Scope.GROUP: [group.name for group in fleet.groups],
            Scope.REGION: [region.name for region in fleet.regions],
        }
        if name in known[scope]:
            return None
        allowed = ", ".join(one for one in known[scope] if one) or "none"
        return Refused(f"unknown_{scope}", f"{name!r} is no {scope} of this fleet; allowed: {allowed}")
