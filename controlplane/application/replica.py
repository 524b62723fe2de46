"""Owns one replica of the control plane: its tasks and their end, and the doors that lead to it."""

import asyncio
import contextlib
from functools import cached_property

from controlplane.application.doors import Doors
from controlplane.application.failover_drift import FailoverDrift
from controlplane.application.operator_actions import OperatorActions
from controlplane.application.ports import PortError
from controlplane.application.replica_parts import ReplicaParts

SETTLE_SECONDS_MAX = 3.0
"""How long a clean stop may spend on what has no answer and on rows not yet written."""


class Replica(ReplicaParts):
    """The parts at work."""

    async def run(self) -> None:
        """Work until cancelled."""
        await self.registry.start()
        async with asyncio.TaskGroup() as tasks:
            for part in (
                self.mirror,
                self.standing,
                self.leadership,
                self.loop,
                self.publisher,
                self.restrainer,
                self.definitions,
                self.upkeep,
                self.journaller,
                self.gatekeeper,
                self.people.door,
                *self.switches.running,
                *self.history.running,
                self.adoption,
                self.events,
            ):
                tasks.create_task(part.run(), name=type(part).__name__)

    async def close(self) -> None:
        """After `run` has ended: settle what has no answer yet, copy what has no row yet, hand over."""
        with contextlib.suppress(TimeoutError, PortError):
            async with asyncio.timeout(SETTLE_SECONDS_MAX):
                for document in tuple(self.publisher.pending):
                    await self.publisher.settle(document)
                await self.restrainer.settle()
                await self.journaller.copy()
                await self.history.evaluations.write()
        await self.leadership.release()

    @cached_property
    def doors(self) -> Doors:
        """What the API and the pages are given."""
        return Doors(
            queries=self.queries,
            operations=self._operations(),
            switches=self.switches.door,
            registry=self.registry,
            gatekeeper=self.gatekeeper,
            people=self.people.door,
            accounts=self.people.accounts,
            history=self.history.door,
            events=self.events,
            relay=self.ports.relay,
        )

    def _operations(self) -> OperatorActions:
        return OperatorActions(
            self.ports.store,
            self.mirror,
            self.observer,
            self.leadership,
            self.mover,
            self.restrainer,
            FailoverDrift(self.mover, self.recollection),
            self.ports.identifiers,
            self.ports.clock,
        )
