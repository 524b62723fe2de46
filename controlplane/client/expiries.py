"""Owns the telling of expiries: a switch that expires changes its value although nothing is published."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from controlplane.client.clock import Clock
from controlplane.client.standing import Standing
from controlplane.client.switches import SwitchesInForce

CHECK_SECONDS = 10.0
"""How late an expiry may be told where the wall clock was set meanwhile; what is read is exact even then."""


class ExpiryWatch:
    """Tells listeners of each expiry as it passes; sleeps while there is none to come."""

    def __init__(
        self,
        switches: Standing[SwitchesInForce],
        *,
        clock: Clock,
        tell: Callable[[SwitchesInForce, tuple[str, ...]], None],
    ) -> None:
        self._switches = switches
        self._clock = clock
        self._tell = tell
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Another document is in force; called on the loop that runs this."""
        self._changed.set()

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        self._changed = asyncio.Event()  # an event belongs to one loop; a restart or a fork runs on another
        while True:
            self._changed.clear()
            switches = self._switches.current
            if switches and (expired := switches.expire()):
                self._tell(switches, expired)
            await self._until_due(switches)

    async def _until_due(self, switches: SwitchesInForce | None) -> None:
        due = switches.next_expiry() if switches else None
        if due is None:
            await self._changed.wait()
            return
        seconds = (due - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(min(max(seconds, 0.0), CHECK_SECONDS)):
                await self._changed.wait()
        except TimeoutError:
            pass
