"""Owns the switches of the simulated services, as the registry declares them and as their code reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.client import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One switch of a service."""

    name: str
    type: str
    normal: Any
    degraded: Any
    grade: str
    """core or non-core."""
    owner: str
    description: str


FEATURES: Mapping[str, tuple[Feature, ...]] = {
    "checkout": (
        Feature(
            name="recommendations",
            type="bool",
            normal=True,
            degraded=False,
            grade="non-core",
            owner="growth",
            description="Related products on the cart page",
        ),
        Feature(
            name="delivery-estimate",
            type="string",
            normal="exact",
            degraded="range",
            grade="non-core",
            owner="logistics",
            description="How precisely the day of delivery is promised",
        ),
    ),
    "catalog": (
        Feature(
            name="search-depth",
            type="int",
            normal=3,
            degraded=1,
            grade="non-core",
            owner="search",
            description="How many pages of results are ranked",
        ),
        Feature(
            name="images",
            type="bool",
            normal=True,
            degraded=False,
            grade="non-core",
            owner="media",
            description="Large pictures in lists",
        ),
    ),
    "payments": (
        Feature(
            name="fraud-score",
            type="bool",
            normal=True,
            degraded=False,
            grade="core",
            owner="risk",
            description="Scores each payment; without it large ones are refused",
        ),
    ),
}


def definitions(service: str) -> list[dict[str, Any]]:
    """The switches of a service as its fleet file declares them."""
    return [
        {
            "name": one.name,
            "type": one.type,
            "normal": one.normal,
            "degraded": one.degraded,
            "class": one.grade,
            "owner": one.owner,
            "description": one.description,
        }
        for one in FEATURES[service]
    ]


def in_force(reader: Face, service: str, unit: str | None) -> dict[str, Any]:
    """What holds for a unit (a user, say) now; the code's own default is what is normal."""
    return {one.name: reader.value(one.name, unit=unit, default=one.normal) for one in FEATURES[service]}
