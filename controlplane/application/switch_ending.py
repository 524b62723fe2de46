"""Owns writing ends back: what readers have ended by their own clocks, the document says, too."""

from dataclasses import dataclass
from math import inf

from controlplane.application.leadership import Tenure
from controlplane.application.ports import Clock, Store
from controlplane.application.switch_automation import Cause, SwitchAutomation
from controlplane.application.switch_reading import SwitchReader
from controlplane.application.switch_sight import SwitchSight
from controlplane.contract.switches import SwitchChangeKind
from controlplane.domain.freeze import is_tilted
from controlplane.domain.switch_expiry import lapsed


@dataclass(slots=True)
class SwitchEnding:
    """Ends by compare-and-set from a fresh reading, so that it loses against a person's flip."""

    store: Store
    clock: Clock
    reader: SwitchReader
    sight: SwitchSight
    automation: SwitchAutomation

    async def end(self, tenure: Tenure) -> None:
        """Write back what has run out; nothing while this clock cannot be trusted.

        Raises:
            StoreError: Consul does not answer.
        """
        if is_tilted(self.store.clock_offset_seconds()):
            return
        now = self.clock.now()
        for service in self.automation.unhindered(
            service
            for service, known in self.sight.known.items()
            if known.first_end and known.first_end <= now
        ):
            await self._end(service, tenure)

    def seconds_to_next(self) -> float:
        """How long until something else runs out; inf where nothing does, or this clock cannot be trusted."""
        now = self.clock.now()
        ends = (known.first_end for known in self.sight.known.values())
        ahead = ((end - now).total_seconds() for end in ends if end and end > now)
        return inf if is_tilted(self.store.clock_offset_seconds()) else min(ahead, default=inf)

    async def _end(self, service: str, tenure: Tenure) -> None:
        reading = await self.reader.read(service)
        switches = reading.document.switches if reading.document else {}
        ended = lapsed(switches, self.clock.now())
        if ended:
            names = sorted(ended)
            reason = f"the end of {', '.join(names)} has come"
            cause = Cause(SwitchChangeKind.EXPIRY, reason, {"switches": names})
            await self.automation.publish(reading, {**switches, **ended}, cause, tenure)
