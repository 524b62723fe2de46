"""Owns writing the `pause` key: any replica may restrain the automation, also while PostgreSQL is away."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlplane.application.ports import (
    Clock,
    Committed,
    CompareAndSet,
    Get,
    Identifiers,
    OutcomeUnknown,
    Store,
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

Change = Callable[[Restraints], Restraints]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Restrainer:
    """Adds and lifts restraints by compare-and-set from a fresh read, so that none is lost."""

    store: Store
    keys: Keys
    clock: Clock
    identifiers: Identifiers
    identity: Callable[[], str | None]
    fleet: Callable[[], Fleet]

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
        refused = self._unknown_name(scope, name)
        identity = self.identity()
        if refused or identity is None:
            return refused or Refused(
                "consul_unavailable", "nothing was sent: which store this is is not known"
            )
        change_id = self.identifiers.new()
        what = f"{scope} {name}" if name else f"the {scope}"
        try:
            for _ in range(TRIES_MAX):
                if await self._try(identity, change):
                    logger.info("restraint", extra={"what": what, "text": text})
                    return Done(change_id, f"{what} {text}")
        except RestraintError as error:
            return Refused("restraint_not_allowed", str(error))
        except StoreUnavailable as error:
            return Refused("consul_unavailable", f"nothing was sent: {error}")
        except OutcomeUnknown as error:
            return Unknown(change_id, f"{what}: unknown, it may still take effect ({error})")
        return Refused("contended", f"others changed the restraints {TRIES_MAX} times meanwhile; try again")

    async def _try(self, identity: str, change: Change) -> bool:
        entry = await self.store.get(self.keys.pause, consistent=True)
        if entry is None:
            raise StoreUnavailable(f"{self.keys.pause} is absent")
        # bytes of a stranger raise, and are shown instead of being overwritten
        value = change(parse_restraints(entry.value)).to_bytes()
        if value == entry.value:
            value += (
                b"\n"  # equal bytes keep their index, and an earlier write without answer could still land
            )
        answer = await self.store.transact(
            [Get(self.keys.store(identity)), CompareAndSet(self.keys.pause, value, entry.modify_index)]
        )
        return isinstance(answer, Committed)

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
