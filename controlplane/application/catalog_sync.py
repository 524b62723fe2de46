"""Owns the adoption of instances from Consul catalogs: one blocking query per service and datacenter.

The leader alone runs it. What a catalog says is stored through the registry; while PostgreSQL is away nothing
is queued: the catalog is asked again, so that the newest answer wins.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from controlplane.application.backoff import Backoff
from controlplane.application.fleet_adoption import adopts_from
from controlplane.application.fleet_limits import PORT_MAX
from controlplane.application.fleet_tree import Mistake, Node, choices, shown
from controlplane.application.fleet_values import host, instance_id, integer
from controlplane.application.ports import Catalog, CatalogInstance, DatabaseUnavailable, StoreUnavailable
from controlplane.application.registry_service import RegistryService
from controlplane.domain.fleet import Fleet, Instance, Source

WAIT_SECONDS = 30.0
"""How long Consul holds a query while nothing changes."""
PAUSE_SECONDS = 10.0
"""Between two queries: a service that flaps does not make a revision per flap, and while a revision spreads
to the probers, no vantage votes."""
LOOK_SECONDS = 1.0
"""How long a change of leadership may go unnoticed."""
LEFT_OUT_SHOWN_MAX = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is asked of one catalog, for which service; whatever changes in it, the asking starts anew."""

    service: str
    catalog_service: str
    datacenter: str | None
    """None: home."""
    regions: tuple[str, ...]
    """Those that instances may name."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry of a catalog that is not adopted, and why."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"{shown(self.id)}: {self.reason}"


class CatalogSync:
    """Keeps adopted instances equal to what the catalogs say, for as long as it runs."""

    def __init__(self, *, registry: RegistryService, catalog: Catalog) -> None:
        self._registry = registry
        self._catalog = catalog
        self._left_out: dict[Subscription, tuple[LeftOut, ...]] = {}

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is registered and not adopted, in words, for people."""
        return tuple(
            f"{subscription.service}: {entry}"
            for subscription, entries in self._left_out.items()
            for entry in entries
        )

    async def run(self) -> None:
        """Follow the catalogs that the current definitions name, until cancelled."""
        followers: dict[Subscription, asyncio.Task[None]] = {}
        definitions = self._registry.current()
        async with asyncio.TaskGroup() as group:
            while True:
                wanted = subscriptions(definitions.fleet)
                for gone in followers.keys() - wanted:
                    followers.pop(gone).cancel()
                    self._left_out.pop(gone, None)
                for added in wanted - followers.keys():
                    followers[added] = group.create_task(self._follow(added))
                definitions = await self._registry.changed(definitions)

    async def _follow(self, subscription: Subscription) -> None:
        """Adopt each new answer.

        An empty one is not believed when it is the first after a start or a failure: a catalog that was just
        restored is empty until its agents have spoken.
        """
        backoff = Backoff()
        index, believed = 0, False
        adopted: frozenset[CatalogInstance] | None = None
        while True:
            try:
                index, found = await self._ask(subscription, index)
                if found != adopted and (found or believed):
                    await self._adopt(subscription, found)
                    adopted = found
            except (StoreUnavailable, DatabaseUnavailable) as error:
                logger.warning("a catalog is followed later", extra=_fields(subscription, str(error)))
                index, believed = 0, False
                await asyncio.sleep(backoff.next_seconds())
            else:
                backoff.reset()
                believed = True
                await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, subscription: Subscription, index: int) -> tuple[int, frozenset[CatalogInstance]]:
        found_index, found = await self._catalog.instances(
            subscription.catalog_service,
            datacenter=subscription.datacenter,
            index=index,
            wait_seconds=WAIT_SECONDS,
        )
        return found_index if found_index >= index else 0, frozenset(found)

    async def _adopt(self, subscription: Subscription, found: Iterable[CatalogInstance]) -> None:
        instances, left_out = admit(found, subscription.regions)
        await self._registry.adopt(subscription.service, subscription.datacenter, instances)
        left_out = (*left_out, *overshadowed(instances, self._registry.current().fleet, subscription.service))
        if left_out and left_out != self._left_out.get(subscription):
            listed = "; ".join(map(str, left_out[:LEFT_OUT_SHOWN_MAX]))
            logger.warning("catalog entries are left out", extra=_fields(subscription, listed))
        self._left_out[subscription] = left_out


@dataclass(frozen=True, slots=True)
class Adoption:
    """Lets one replica write what catalogs say, for economy; the others read it from the registry."""

    sync: CatalogSync
    leading: Callable[[], bool]

    async def run(self) -> None:
        """Adopt whenever this replica leads, for as long as the process lives."""
        while True:
            if self.leading():
                await self._adopt()
            await asyncio.sleep(LOOK_SECONDS)

    async def _adopt(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            adopting = tasks.create_task(self.sync.run(), name="CatalogSync")
            while self.leading():  # noqa: ASYNC110 - two states a second apart need no event
                await asyncio.sleep(LOOK_SECONDS)
            adopting.cancel()


def subscriptions(fleet: Fleet) -> set[Subscription]:
    """What the definitions want to know of catalogs."""
    regions = tuple(region.name for region in fleet.regions)
    return {
        Subscription(service.name, service.catalog.service, datacenter, regions)
        for service in fleet.services
        if service.catalog
        for datacenter in adopts_from(service)
    }


def admit(
    found: Iterable[CatalogInstance], regions: Sequence[str]
) -> tuple[tuple[Instance, ...], tuple[LeftOut, ...]]:
    """The entries that can be instances, and those that cannot."""
    instances: list[Instance] = []
    left_out: list[LeftOut] = []
    for entry in sorted(found, key=lambda entry: entry.id):
        try:
            instances.append(_instance(entry, regions))
        except Mistake as mistake:
            left_out.append(LeftOut(entry.id, f"{mistake.wrong}; allowed: {mistake.allowed}"))
    return tuple(instances), tuple(left_out)


def overshadowed(instances: Iterable[Instance], fleet: Fleet, service: str) -> tuple[LeftOut, ...]:
    """Those that did not make it into the fleet."""
    adopted = {known.name: set(known.instances) for known in fleet.services}.get(service, set())
    return tuple(
        LeftOut(instance.id, "another instance has this id, or the fleet is full; allowed: an id of its own")
        for instance in instances
        if instance not in adopted
    )


def _instance(entry: CatalogInstance, regions: Sequence[str]) -> Instance:
    if entry.region is None or entry.region not in regions:
        wrong = f"the region {shown(entry.region)} is unknown" if entry.region else "it names no region"
        raise Mistake(wrong, f"metadata `region` of service or node: {choices(entry.region or '', regions)}")
    return Instance(
        id=instance_id(Node(entry.id)),
        region=entry.region,
        address=host(Node(entry.address)),
        port=integer(1, PORT_MAX)(Node(entry.port)),
        source=Source.CATALOG,
    )


def _fields(subscription: Subscription, detail: str) -> dict[str, str]:
    return {
        "service": subscription.service,
        "catalog_service": subscription.catalog_service,
        "datacenter": subscription.datacenter or "home",
        "detail": detail,
    }
