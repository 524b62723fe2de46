"""Owns the parts of one replica that know people: who is plugged into whom."""

from functools import cached_property

from controlplane.application.accounts import Accounts
from controlplane.application.attempts import Attempts
from controlplane.application.gatekeeper import TokenGatekeeper
from controlplane.application.people import People
from controlplane.application.sessions import Sessions
from controlplane.application.world import Ports, Traits


class PeopleParts:
    """Each part is made when it is first asked for."""

    def __init__(self, ports: Ports, traits: Traits, gatekeeper: TokenGatekeeper) -> None:
        self._ports = ports
        self._traits = traits
        self._gatekeeper = gatekeeper

    @cached_property
    def door(self) -> People:
        """Who logs in."""
        ports, secure = self._ports, self._traits.secure_cookies
        return People(
            repository=ports.users,
            cache=ports.user_cache,
            hasher=ports.password_hasher,
            sessions=Sessions(ports.signer, ports.clock, ports.identifiers, secure=secure),
            attempts=Attempts(ports.clock),
        )

    @cached_property
    def accounts(self) -> Accounts:
        """Who may come in at all."""
        return Accounts(
            users=self._ports.users,
            tokens=self._ports.tokens,
            hasher=self._ports.password_hasher,
            identifiers=self._ports.identifiers,
            learn=self._learn,
        )

    async def _learn(self) -> None:
        await self.door.refresh()
        await self._gatekeeper.refresh()
