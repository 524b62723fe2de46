"""Owns publishing switches in the automation's name: under a leadership, from a fresh reading."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.application.drafting import Context
from controlplane.application.guards import leading
from controlplane.application.leadership import Tenure
from controlplane.application.moving import AUTOMATION, trace_of
from controlplane.application.ports import Clock, Identifiers
from controlplane.application.publication import Guard
from controlplane.application.publisher import Publisher
from controlplane.application.results import Refused, Result
from controlplane.application.switch_reading import SWITCHES, Reading
from controlplane.application.switch_sight import SwitchSight
from controlplane.application.switch_writing import SwitchWriter, Writing
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchChange, SwitchChangeKind
from controlplane.contract.times import rfc3339
from controlplane.domain.revisions import RevisionError
from controlplane.domain.switches import Switches

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the automation publishes, and what binds it beside its leadership."""

    kind: SwitchChangeKind
    reason: str
    explanation: Mapping[str, Any]
    guards: tuple[Guard, ...] = ()


@dataclass(slots=True)
class SwitchAutomation:
    """What everything that the leader does for switches shares."""

    keys: Keys
    clock: Clock
    identifiers: Identifiers
    publisher: Publisher
    writer: SwitchWriter
    sight: SwitchSight

    async def publish(self, reading: Reading, after: Switches, cause: Cause, tenure: Tenure) -> Result:
        """Bring switches into force over what was read."""
        change_id, at = self.identifiers.new(), rfc3339(self.clock.now())
        guards = (leading(self.keys, tenure.term_index), *cause.guards)
        writing = Writing(
            reading=reading,
            before=reading.standing.switches if reading.standing else None,
            after=after,
            change=SwitchChange(change_id, cause.kind, AUTOMATION, cause.reason, at),
            context=Context(cause.explanation, trace_of(change_id), guards),
        )
        try:
            return await self.writer.publish(writing, identity=tenure.identity)
        except RevisionError as error:
            logger.error("no number is left", extra={"service": reading.service, "error": str(error)})  # noqa: TRY400 - the text says it all
            return Refused("revisions_exhausted", str(error))

    def unhindered(self, services: Iterable[str]) -> list[str]:
        """Those that nothing is wrong with, and no publication under way that may still take effect."""
        return sorted(
            service
            for service in services
            if service not in self.sight.drifts and not self.publisher.is_unsettled(SWITCHES, service)
        )
