"""Owns how instances from the Consul catalog and the fleet file become one fleet.

The file wins: an adopted instance is left out where its id is taken, its region unknown, its service gone or
no longer adopting from that datacenter, or the fleet full. So whatever catalogs say, the fleet fits together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from controlplane.application.fleet_limits import INSTANCES_MAX
from controlplane.domain.fleet import Fleet, Instance, Service, Source


@dataclass(frozen=True, slots=True)
class Adopted:
    """What the catalog of one datacenter (None: home) contributes to a service."""

    service: str
    datacenter: str | None
    instances: tuple[Instance, ...]


def adopts_from(service: Service) -> tuple[str | None, ...]:
    """The datacenters whose catalogs contribute to a service; None is the home datacenter."""
    if service.catalog is None:
        return ()
    return service.catalog.datacenters or (None,)


def with_adopted(fleet: Fleet, adopted: Iterable[Adopted]) -> Fleet:
    """The fleet of the file with adopted instances behind those of the file, in the order given."""
    declared = without_adopted(fleet)
    regions = {region.name for region in declared.regions}
    taken = {instance.id for service in declared.services for instance in service.instances}
    accepted: dict[str, list[Instance]] = {}
    sources = {
        (service.name, datacenter) for service in declared.services for datacenter in adopts_from(service)
    }
    for source in adopted:
        if (source.service, source.datacenter) not in sources:
            continue
        for instance in source.instances:
            if instance.region in regions and instance.id not in taken and len(taken) < INSTANCES_MAX:
                taken.add(instance.id)
                accepted.setdefault(source.service, []).append(replace(instance, source=Source.CATALOG))
    return replace(declared, services=tuple(_extended(service, accepted) for service in declared.services))


def without_adopted(fleet: Fleet) -> Fleet:
    """The fleet as its file declares it."""
    return replace(fleet, services=tuple(_declared(service) for service in fleet.services))


def _extended(service: Service, accepted: dict[str, list[Instance]]) -> Service:
    return replace(service, instances=(*service.instances, *accepted.get(service.name, ())))


def _declared(service: Service) -> Service:
    kept = tuple(instance for instance in service.instances if instance.source is Source.FILE)
    return replace(service, instances=kept)
