"""Owns the shape of the simulated fleet: which instances there are, and what a target of `chaos` means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

REGIONS = ("us-east", "eu-west", "ap-south")
SERVICES = ("checkout", "catalog", "payments")
INSTANCES_PER_CELL = 5
EVERYTHING = "all"


class UnknownTarget(ValueError):
    """No part of the fleet has this name; the text says what is allowed."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One service in one region: one process."""

    service: str
    region: str

    def __str__(self) -> str:
        return f"{self.service}/{self.region}"


@dataclass(frozen=True, slots=True)
class DemoInstance:
    """One listener of a cell's process."""

    id: str
    cell: Cell
    number: int
    port: int


CELLS = tuple(Cell(service, region) for service in SERVICES for region in REGIONS)


def instance_ids() -> list[str]:
    """Every instance of the fleet, in the order of the cells."""
    return [_instance_id(cell, number) for cell in CELLS for number in _NUMBERS]


def lay_out(ports: Mapping[str, int]) -> tuple[DemoInstance, ...]:
    """The fleet on these ports, by instance id."""
    return tuple(
        DemoInstance(id=name, cell=cell, number=number, port=ports[name])
        for cell in CELLS
        for number in _NUMBERS
        for name in [_instance_id(cell, number)]
    )


def select(instances: Sequence[DemoInstance], scope: str, share: float = 1.0) -> list[DemoInstance]:
    """A share of what `scope` names, spread evenly over its cells, at least one instance.

    Raises:
        UnknownTarget: nothing has that name.
    """
    named = [instance for instance in instances if scope in _names(instance)]
    if not named:
        raise UnknownTarget(
            f"there is no {scope!r} in the demo: a region ({', '.join(REGIONS)}), a service "
            f"({', '.join(SERVICES)}), a cell such as {CELLS[0]}, an instance such as {instances[0].id}, "
            f"or {EVERYTHING}"
        )
    named.sort(key=lambda instance: instance.number)
    return named[: max(1, round(len(named) * share))]


_NUMBERS = range(1, INSTANCES_PER_CELL + 1)


def _instance_id(cell: Cell, number: int) -> str:
    return f"{cell.service}-{cell.region}-{number}"


def _names(instance: DemoInstance) -> tuple[str, ...]:
    return (instance.cell.region, instance.cell.service, str(instance.cell), instance.id, EVERYTHING)
