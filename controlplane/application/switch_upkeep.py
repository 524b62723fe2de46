"""Owns the rhythm of what the leader does for switches: ends, repairs, definitions, plain values."""

import asyncio
import logging
from dataclasses import dataclass

from controlplane.application.leadership import Leadership, Tenure
from controlplane.application.ports import StoreError
from controlplane.application.switch_aligning import SwitchAligning
from controlplane.application.switch_ending import SwitchEnding
from controlplane.application.switch_repairing import SwitchRepairing
from controlplane.application.switch_value_repair import SwitchValueRepair
from controlplane.domain.leadership import may_decide

LOOK_EVERY_SECONDS = 0.5

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SwitchUpkeep:
    """Looks while this replica leads, and wakes when the next end comes."""

    leadership: Leadership
    ending: SwitchEnding
    repairing: SwitchRepairing
    aligning: SwitchAligning
    values: SwitchValueRepair

    async def run(self) -> None:
        """Keep looking, for as long as the process lives."""
        while True:
            tenure = self.leadership.tenure
            if tenure and may_decide(self.leadership.renewed_seconds()):
                try:
                    await self.look(tenure)
                except StoreError as error:
                    logger.warning("upkeep of switches is delayed", extra={"error": str(error)})
            await asyncio.sleep(min(LOOK_EVERY_SECONDS, self.ending.seconds_to_next()))

    async def look(self, tenure: Tenure) -> None:
        """Do what there is to do, once.

        Raises:
            StoreError: Consul does not answer.
        """
        await self.ending.end(tenure)
        await self.repairing.repair(tenure)
        await self.aligning.align(tenure)
        await self.values.repair(tenure)
