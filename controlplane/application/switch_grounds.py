"""Owns what acts on switches are judged by beside the document: definitions, time, history, room to log."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from controlplane.application.journaller import LOG_BYTES_MAX
from controlplane.application.ports import Clock, Store, StoreUnavailable
from controlplane.application.results import Refused
from controlplane.application.switch_deciding import Intent, flip_intent, undo_intent
from controlplane.application.switch_reading import Reading, SwitchReader
from controlplane.application.switch_recovery import SwitchRecovery
from controlplane.application.switch_requests import FlipRequest, UndoRequest
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import SwitchDocument
from controlplane.domain.fleet import Definitions
from controlplane.domain.freeze import is_tilted
from controlplane.domain.revisions import RevisionError
from controlplane.domain.switches import Flip, Ground, SwitchRefusal

T = TypeVar("T")


@dataclass(slots=True)
class SwitchGrounds:
    """The same for an act and for its preview. `log_bytes` answers how large the log in Consul is."""

    store: Store
    clock: Clock
    reader: SwitchReader
    recovery: SwitchRecovery
    definitions: Callable[[], Definitions]
    log_bytes: Callable[[], int]

    async def intent(self, request: FlipRequest | UndoRequest) -> Intent:
        """What a request wants of the switches.

        Raises:
            SwitchRefusal: it cannot be wanted.
            StoreUnavailable: no answer in time.
            DatabaseUnavailable: what to undo is older than the log, and PostgreSQL does not answer.
        """
        if isinstance(request, FlipRequest):
            self._require_clock(request.flip)
            return flip_intent(request)
        return undo_intent(request, await self._entry(request.service, request.revision))

    def ground(self, service: str) -> Ground:
        """What is declared of the switches of a service, and the time."""
        fleet = self.definitions().fleet
        declared = {one.name: one.switches for one in fleet.services}.get(service, ())
        return Ground(
            declared={definition.name: definition for definition in declared},
            regions=[region.name for region in fleet.regions],
            now=self.clock.now(),
        )

    def require_room(self) -> None:
        """Whether another publication may be logged.

        Raises:
            SwitchRefusal: it may not.
        """
        size = self.log_bytes()
        if size > LOG_BYTES_MAX:
            raise SwitchRefusal(
                "history_full",
                f"the log in Consul holds {size} bytes, above {LOG_BYTES_MAX}: no switch is flipped until "
                "PostgreSQL has taken it up",
            )

    async def last_known(self, reading: Reading) -> SwitchDocument | None:
        """What was published last, where memory, the log or history tell it."""
        return await self.recovery.last_known(reading)

    def _require_clock(self, flip: Flip) -> None:
        offset = self.store.clock_offset_seconds()
        if flip.expires_at and offset and is_tilted(offset):
            text = f"no end can be set here: this replica's clock is {offset:+.1f} s off Consul's"
            raise SwitchRefusal("clock_tilt", text)

    async def _entry(self, service: str, revision: int) -> LogEntry:
        reading = await self.reader.read(service)
        found = {one.revision: one for one in reading.logged}.get(revision)
        entry = found.published if found else await self.recovery.published(service, revision)
        if entry is None:
            raise SwitchRefusal("unknown_revision", f"revision {revision} of {service} was never in force")
        return entry


async def answered(asking: Awaitable[T]) -> T | Refused:
    """What was asked for; what keeps it from being is an answer, too."""
    try:
        return await asking
    except SwitchRefusal as refusal:
        return Refused(refusal.code, str(refusal))
    except StoreUnavailable as error:
        return Refused("consul_unavailable", f"nothing was sent: {error}")
    except RevisionError as error:
        return Refused("revisions_exhausted", str(error))
