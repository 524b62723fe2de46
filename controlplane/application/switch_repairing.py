"""Owns the repair of what Consul lost: a document that went back, or is gone with the whole store.

Readers hold the last one and ignore a lower revision, so nobody loses a value meanwhile; once it is published
again above every known number, they follow again. A foreign edit is left to people.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from controlplane.application.leadership import Tenure
from controlplane.application.ports import Clock, DatabaseUnavailable
from controlplane.application.switch_automation import Cause, SwitchAutomation
from controlplane.application.switch_reading import Reading, SwitchReader
from controlplane.application.switch_recovery import SwitchRecovery
from controlplane.application.switch_sight import SwitchSight
from controlplane.contract.switches import Switch, SwitchChangeKind, SwitchDocument
from controlplane.domain.fleet import Definitions
from controlplane.domain.switch_alignment import aligned
from controlplane.domain.switch_drift import Drift, DriftCode

TRY_EVERY_SECONDS = 5.0
"""Each try may read all of a document's history."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SwitchRepairing:
    """Publishes again what is known from memory, or from history where PostgreSQL answers."""

    clock: Clock
    reader: SwitchReader
    sight: SwitchSight
    recovery: SwitchRecovery
    automation: SwitchAutomation
    definitions: Callable[[], Definitions]
    database_available: Callable[[], bool]
    _not_before: dict[str, float] = field(default_factory=dict)
    """Service → monotonic seconds of the next try."""

    async def repair(self, tenure: Tenure) -> None:
        """Try once for every document that Consul lost.

        Raises:
            StoreError: Consul does not answer.
        """
        now = self.clock.monotonic()
        for service, seen in sorted(self.sight.drifts.items()):
            foreign = seen.drift.code is DriftCode.FOREIGN_EDIT
            if not foreign and now >= self._not_before.get(service, -inf):
                self._not_before[service] = now + TRY_EVERY_SECONDS
                await self._repair(service, tenure)

    async def _repair(self, service: str, tenure: Tenure) -> None:
        await self._learn_numbers(service)
        reading = await self.reader.read(service)
        last = await self.recovery.last_known(reading)
        after = self._wanted(reading, last)
        if reading.drift and after is not None:
            explanation = {
                "found": reading.standing.revision if reading.standing else None,
                "published_again": last.revision if last else None,
            }
            cause = Cause(SwitchChangeKind.REPAIR, reading.drift.text, explanation)
            await self.automation.publish(reading, after, cause, tenure)

    async def _learn_numbers(self, service: str) -> None:
        if self.database_available():
            try:
                await self.recovery.learn(service)
            except DatabaseUnavailable as error:
                logger.warning("numbers are as known", extra={"service": service, "error": str(error)})

    def _wanted(self, reading: Reading, last: SwitchDocument | None) -> Mapping[str, Switch] | None:
        """What is published again; None where that is not known, or not for the automation to say."""
        match reading.drift:
            case Drift(DriftCode.WENT_BACK) if last and reading.standing:
                return last.switches if last.revision > reading.standing.revision else None
            case Drift(DriftCode.LOST) if self.database_available():
                declared = {one.name: one.switches for one in self.definitions().fleet.services}
                former = last.switches if last else {}
                return aligned(former, declared.get(reading.service, ()), self.clock.now())
            case _:
                return None
