"""Owns that switch documents follow the definitions, and what keeps one from following."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controlplane.application.guards import definitions_unchanged
from controlplane.application.leadership import Tenure
from controlplane.application.ports import Clock, DatabaseUnavailable, Store
from controlplane.application.publication import Guard
from controlplane.application.results import Refused
from controlplane.application.switch_automation import Cause, SwitchAutomation
from controlplane.application.switch_reading import SwitchReader
from controlplane.application.switch_recovery import SwitchRecovery
from controlplane.application.switch_sight import SwitchSight
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchChangeKind
from controlplane.domain.fleet import Definitions, SwitchDefinition
from controlplane.domain.switch_alignment import aligned
from controlplane.domain.switches import changed_names

Declared = tuple[SwitchDefinition, ...]


@dataclass(slots=True)
class SwitchAligning:
    """Compares what is known with what is declared, and publishes where they differ."""

    store: Store
    keys: Keys
    clock: Clock
    reader: SwitchReader
    sight: SwitchSight
    recovery: SwitchRecovery
    automation: SwitchAutomation
    definitions: Callable[[], Definitions]
    database_available: Callable[[], bool]
    hindrances: dict[str, str] = field(default_factory=dict)
    """Service → why its document cannot follow."""
    _followed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Service → revision of the definitions and index of the document that were compared."""

    async def align(self, tenure: Tenure) -> None:
        """Bring every document in line, once.

        Raises:
            StoreError: Consul does not answer.
        """
        definitions = self.definitions()
        declared = {one.name: one.switches for one in definitions.fleet.services if one.switches}
        wanting = self._wanting(definitions, declared)
        if not wanting:
            return
        registry = await self.store.get(self.keys.registry, consistent=True)
        if registry is None or registry.value != str(definitions.revision).encode():
            return
        guard = definitions_unchanged(self.keys, registry.modify_index)
        for service in wanting:
            try:
                await self._follow(service, declared.get(service, ()), guard, tenure)
            except DatabaseUnavailable as error:
                self.hindrances[service] = f"the first switch document of {service} waits: {error}"

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at."""
        return tuple(self.hindrances[service] for service in sorted(self.hindrances))

    def _wanting(self, definitions: Definitions, declared: Mapping[str, Declared]) -> list[str]:
        if not self.sight.ready or not definitions.revision:
            return []
        everywhere = {*declared, *self.sight.known}
        self.hindrances = {name: text for name, text in self.hindrances.items() if name in everywhere}
        services = self.automation.unhindered(everywhere)
        return [
            service for service in services if not self._has_followed(service, definitions.revision, declared)
        ]

    def _has_followed(self, service: str, revision: int, declared: Mapping[str, Declared]) -> bool:
        known = self.sight.known.get(service)
        if known is None:
            return False
        if service not in declared and known.document.switches:
            return False  # the day of what was retired ends without a new revision of anything
        return self._followed.get(service) == (revision, known.index)

    async def _follow(self, service: str, declared: Declared, guard: Guard, tenure: Tenure) -> None:
        if service not in self.sight.known:
            await self._learn_numbers(service)
        reading = await self.reader.read(service)
        if reading.drift:
            self.sight.take(reading)
            return
        switches = reading.document.switches if reading.document else {}
        after = aligned(switches, declared, self.clock.now())
        revision = self.definitions().revision
        self.hindrances.pop(service, None)
        if reading.document and not changed_names(switches, after):
            self._followed[service] = (revision, reading.index)
            return
        cause = Cause(
            SwitchChangeKind.APPLY,
            f"definitions are at revision {revision}",
            {"definitions": revision},
            (guard,),
        )
        result = await self.automation.publish(reading, after, cause, tenure)
        if isinstance(result, Refused) and result.code == "document_too_large":
            self._followed[service] = (revision, reading.index)
            self.hindrances[service] = result.text

    async def _learn_numbers(self, service: str) -> None:
        """Before its first document: history may have had one, in a store that is gone."""
        if not self.database_available():
            raise DatabaseUnavailable("PostgreSQL knows the numbers")
        await self.recovery.learn(service)
