"""Owns definitions in memory: fakes of the ports `RegistryRepository` and `DefinitionsCache`."""

from collections.abc import Sequence
from dataclasses import replace

from controlplane.application.fleet_adoption import Adopted, adopts_from, with_adopted, without_adopted
from controlplane.application.ports import DatabaseUnavailable, RegistryConflict
from controlplane.domain.fleet import Definitions, Fleet, Instance, Source


class FakeRegistry:
    """PostgreSQL's definitions, which can go away."""

    def __init__(self) -> None:
        self.away = False
        self.authors: list[str] = []
        """Who made each revision, in order."""
        self._revision = 0
        self._fleet = Fleet()
        self._adopted: dict[tuple[str, str], tuple[Instance, ...]] = {}

    async def revision(self) -> int:
        self._answer()
        return self._revision

    async def load(self) -> Definitions:
        self._answer()
        adopted = [
            Adopted(service, datacenter or None, instances)
            for (service, datacenter), instances in sorted(self._adopted.items())
        ]
        return Definitions(self._revision, with_adopted(self._fleet, adopted))

    async def replace(self, fleet: Fleet, *, expected: int, by: str, above: int = 0) -> int:
        self._answer()
        if expected != self._revision:
            raise RegistryConflict(expected=expected, found=self._revision)
        self._fleet = without_adopted(fleet)
        kept = {(service.name, place or "") for service in fleet.services for place in adopts_from(service)}
        self._adopted = {source: found for source, found in self._adopted.items() if source in kept}
        return self._raise(above, by)

    async def replace_adopted(
        self, service: str, datacenter: str | None, instances: Sequence[Instance], *, above: int = 0
    ) -> int | None:
        self._answer()
        source = (service, datacenter or "")
        by_id = {instance.id: replace(instance, source=Source.CATALOG) for instance in instances}
        wanted = tuple(by_id[key] for key in sorted(by_id))
        if self._adopted.get(source, ()) == wanted:
            return None
        self._adopted[source] = wanted
        return self._raise(above, "catalog")

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")

    def _raise(self, above: int, by: str) -> int:
        self._revision = max(self._revision, above) + 1
        self.authors.append(by)
        return self._revision


class FakeDefinitionsCache:
    """A file in memory."""

    def __init__(self, saved: Definitions | None = None) -> None:
        self.saved = saved

    def load(self) -> Definitions | None:
        return self.saved

    def save(self, definitions: Definitions) -> None:
        self.saved = definitions
