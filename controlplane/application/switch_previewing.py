"""Owns previews: an act on switches, decided as it would be from a reading of now, and nothing written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.application.results import Refused
from controlplane.application.switch_deciding import basis
from controlplane.application.switch_grounds import SwitchGrounds, answered
from controlplane.application.switch_reading import Reading, SwitchReader
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_resolving import resolution
from controlplane.application.switch_views import SwitchPreview
from controlplane.contract.switches import switch_mapping
from controlplane.domain.switches import Switches, changed_names


@dataclass(slots=True)
class SwitchPreviews:
    """Asks Consul for the document, and what acts are judged by for everything else."""

    reader: SwitchReader
    grounds: SwitchGrounds

    async def preview(self, request: FlipRequest | UndoRequest | DriftRequest) -> SwitchPreview | Refused:
        """What an act would change if it were done now, or why it would be refused.

        Raises:
            DatabaseUnavailable: what to undo is older than the log, and PostgreSQL does not answer.
        """
        if isinstance(request, DriftRequest):
            return await answered(self._resolution(request))
        return await answered(self._act(request))

    async def _act(self, request: FlipRequest | UndoRequest) -> SwitchPreview:
        self.grounds.require_room()
        intent = await self.grounds.intent(request)
        reading = await self.reader.read(intent.service)
        document = basis(intent, reading, reading)
        after = intent.decide(document, reading.logged, self.grounds.ground(intent.service))
        return _preview(reading, document.switches, after)

    async def _resolution(self, request: DriftRequest) -> SwitchPreview:
        reading = await self.reader.read(request.service)
        before, after = resolution(request, reading, await self.grounds.last_known(reading))
        return _preview(reading, before, after)


def _preview(reading: Reading, before: Switches, after: Switches) -> SwitchPreview:
    names = changed_names(before, after)
    return SwitchPreview(
        service=reading.service,
        revision=reading.standing.revision if reading.standing else None,
        before=_content(before, names),
        after=_content(after, names),
    )


def _content(switches: Switches, names: list[str]) -> Mapping[str, Mapping[str, Any]]:
    return {name: switch_mapping(switches[name]) for name in names if name in switches}
