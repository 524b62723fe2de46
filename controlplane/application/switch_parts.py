"""Owns the switch half of a replica: its parts, and who is plugged into whom."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from controlplane.application.leadership import Leadership
from controlplane.application.mirror import StoreMirror
from controlplane.application.numbering import Numbering
from controlplane.application.publisher import Publisher
from controlplane.application.results import Refused, Result
from controlplane.application.switch_actions import SwitchActions
from controlplane.application.switch_aligning import SwitchAligning
from controlplane.application.switch_automation import SwitchAutomation
from controlplane.application.switch_ending import SwitchEnding
from controlplane.application.switch_grounds import SwitchGrounds
from controlplane.application.switch_picture import SwitchPicture
from controlplane.application.switch_previewing import SwitchPreviews
from controlplane.application.switch_reading import SwitchReader
from controlplane.application.switch_recovery import SwitchRecovery
from controlplane.application.switch_repairing import SwitchRepairing
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_sight import SwitchSight
from controlplane.application.switch_upkeep import SwitchUpkeep
from controlplane.application.switch_value_repair import SwitchValueRepair
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchPreview
from controlplane.application.switch_writing import SwitchWriter
from controlplane.application.world import Ports
from controlplane.contract.keys import Keys
from controlplane.domain.fleet import Definitions


@dataclass(frozen=True, slots=True)
class SwitchDoor:
    """Looking, asking what would be, and acting, behind the one door `Switches`."""

    picture: SwitchPicture
    previews: SwitchPreviews
    actions: SwitchActions

    def all(self) -> SwitchesView:
        """The switches of every service."""
        return self.picture.all()

    def of(self, service: str) -> ServiceSwitchesView:
        """The switches of one service.

        Raises:
            KeyError: no such service, or it has no switches.
        """
        return self.picture.of(service)

    async def preview(self, request: FlipRequest | UndoRequest | DriftRequest) -> SwitchPreview | Refused:
        """What an act would change if it were done now."""
        return await self.previews.preview(request)

    async def flip(self, request: FlipRequest) -> Result:
        """Degrade, restore or force a switch."""
        return await self.actions.flip(request)

    async def undo(self, request: UndoRequest) -> Result:
        """Take back what a revision changed."""
        return await self.actions.undo(request)

    async def resolve(self, request: DriftRequest) -> Result:
        """Say which is right where a document is not what was published last."""
        return await self.actions.resolve(request)


@dataclass(frozen=True, kw_only=True)
class SwitchParts:
    """Made of what it shares with the failover half; each part is made when it is first asked for."""

    ports: Ports
    keys: Keys
    mirror: StoreMirror
    numbering: Numbering
    publisher: Publisher
    leadership: Leadership
    definitions: Callable[[], Definitions]
    identity: Callable[[], str | None]
    database_available: Callable[[], bool]
    on_change: Callable[[], None]
    """Called when a document or its drift became known."""

    @cached_property
    def running(self) -> tuple[SwitchSight, SwitchRecovery, SwitchUpkeep]:
        """What works for as long as the replica does."""
        return self.sight, self.recovery, self.upkeep

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at."""
        return (*self.sight.alarms, *self.upkeep.aligning.alarms)

    @cached_property
    def reader(self) -> SwitchReader:
        """How documents are read."""
        return SwitchReader(self.ports.store, self.keys, self.numbering)

    @cached_property
    def sight(self) -> SwitchSight:
        """What is known of them."""
        return SwitchSight(self.reader, self.mirror, self.numbering, self.ports.clock, self.on_change)

    @cached_property
    def recovery(self) -> SwitchRecovery:
        """What was published last, where Consul no longer says it."""
        return SwitchRecovery(self.sight, self.numbering, self.ports.journal, self.database_available)

    @cached_property
    def writer(self) -> SwitchWriter:
        """How they are published."""
        return SwitchWriter(
            self.ports.store,
            self.keys,
            self.ports.clock,
            self.publisher,
            self.numbering,
            self.sight,
            term=lambda: self.leadership.record.term if self.leadership.record else 0,
        )

    @cached_property
    def upkeep(self) -> SwitchUpkeep:
        """What the leader does by itself."""
        ports = self.ports
        automation = SwitchAutomation(
            self.keys, ports.clock, ports.identifiers, self.publisher, self.writer, self.sight
        )
        return SwitchUpkeep(
            leadership=self.leadership,
            ending=SwitchEnding(ports.store, ports.clock, self.reader, self.sight, automation),
            repairing=SwitchRepairing(
                ports.clock,
                self.reader,
                self.sight,
                self.recovery,
                automation,
                self.definitions,
                self.database_available,
            ),
            aligning=SwitchAligning(
                ports.store,
                self.keys,
                ports.clock,
                self.reader,
                self.sight,
                self.recovery,
                automation,
                self.definitions,
                self.database_available,
            ),
            values=SwitchValueRepair(ports.store, self.keys, ports.clock, self.sight, automation),
        )

    @cached_property
    def door(self) -> SwitchDoor:
        """What the API and the pages are given."""
        return SwitchDoor(
            SwitchPicture(self.ports.clock, self.keys, self.sight, self.publisher, self.definitions),
            SwitchPreviews(self.reader, self.grounds),
            self._actions(),
        )

    @cached_property
    def grounds(self) -> SwitchGrounds:
        """What acts and their previews are judged by."""
        return SwitchGrounds(
            self.ports.store,
            self.ports.clock,
            self.reader,
            self.recovery,
            self.definitions,
            log_bytes=self._log_bytes,
        )

    def _actions(self) -> SwitchActions:
        return SwitchActions(
            self.ports.store,
            self.keys,
            self.ports.clock,
            self.ports.identifiers,
            self.reader,
            self.writer,
            self.grounds,
            identity=self.identity,
        )

    def _log_bytes(self) -> int:
        """As the leader last said it."""
        return self.leadership.record.log_bytes if self.leadership.record else 0
