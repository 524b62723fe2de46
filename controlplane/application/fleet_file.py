"""Owns the fleet file's structure: the one parser for file, snapshot and API, and the canonical mapping.

The canonical mapping is the file's own structure as JSON-able values, with defaults left out: equal fleets
give equal mappings, and `fleet_from_mapping(fleet_to_mapping(fleet)) == fleet`. People find it described in
`docs/fleet-file.md`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from controlplane.application.fleet_groups import (
    group_to_mapping,
    playbook_to_mapping,
    read_group,
    read_playbook,
)
from controlplane.application.fleet_limits import (
    GROUPS_MAX,
    INSTANCES_MAX,
    PLAYBOOKS_MAX,
    REGIONS_MAX,
    SERVICES_MAX,
    VANTAGES_MAX,
)
from controlplane.application.fleet_names import Scope, read_name
from controlplane.application.fleet_services import read_service, service_to_mapping
from controlplane.application.fleet_tree import (
    Fields,
    FleetFileError,
    Node,
    Place,
    Problem,
    Problems,
    locate,
)
from controlplane.application.fleet_values import one_of
from controlplane.domain.fleet import Fleet, Region, Vantage

__all__ = [
    "API_VERSION",
    "FleetFileError",
    "Problem",
    "fleet_from_mapping",
    "fleet_from_tree",
    "fleet_to_mapping",
]

API_VERSION = "controlplane/v1"
_KEYS = ("apiVersion", "regions", "vantages", "services", "groups", "playbooks")
_LATER = ("budgets", "safety_rules")


def fleet_to_mapping(fleet: Fleet) -> dict[str, Any]:
    """The canonical mapping of a fleet. Instances from the catalog carry `source: catalog`."""
    mapping: dict[str, Any] = {
        "regions": [{"name": region.name} for region in fleet.regions],
        "vantages": [{"name": vantage.name, "region": vantage.region} for vantage in fleet.vantages],
        "services": [service_to_mapping(service) for service in fleet.services],
        "groups": [group_to_mapping(group) for group in fleet.groups],
        "playbooks": [playbook_to_mapping(playbook) for playbook in fleet.playbooks],
    }
    return {"apiVersion": API_VERSION} | {key: items for key, items in mapping.items() if items}


def fleet_from_mapping(mapping: Mapping[str, Any]) -> Fleet:
    """The fleet of a canonical mapping, which may hold adopted instances.

    Raises:
        FleetFileError: something does not fit; its problems have paths and no lines.
    """
    return fleet_from_tree(locate(mapping), adopted=True)


def fleet_from_tree(root: Node, *, adopted: bool, problems: Problems | None = None) -> Fleet:
    """The fleet of a located tree; `adopted` says whether it may hold instances from the Consul catalog.

    `problems` holds what was found wrong before: it is told together with what is found here.

    Raises:
        FleetFileError: something does not fit.
    """
    problems = problems or Problems()
    fields = Fields(Place(root, "", problems), known=_KEYS, required=("apiVersion",), later=_LATER)
    scope = Scope(adopted=adopted)
    fields.read("apiVersion", one_of((API_VERSION,)), API_VERSION)
    fleet = Fleet(
        regions=fields.each("regions", partial(_read_region, scope=scope), most=REGIONS_MAX),
        vantages=fields.each("vantages", partial(_read_vantage, scope=scope), most=VANTAGES_MAX),
        services=fields.each("services", partial(read_service, scope=scope), most=SERVICES_MAX),
        groups=fields.each("groups", partial(read_group, scope=scope), most=GROUPS_MAX),
        playbooks=fields.each("playbooks", partial(read_playbook, scope=scope), most=PLAYBOOKS_MAX),
    )
    instances = sum(len(service.instances) for service in fleet.services)
    if instances > INSTANCES_MAX:
        fields.at("services").refuse(f"{instances:,} instances in all", f"at most {INSTANCES_MAX:,}")
    problems.raise_if_any()
    return fleet


def _read_region(place: Place, scope: Scope) -> Region:
    fields = Fields(place, known=("name",), required=("name",))
    return Region(read_name(fields, scope.regions))


def _read_vantage(place: Place, scope: Scope) -> Vantage:
    fields = Fields(place, known=("name", "region"), required=("name", "region"))
    return Vantage(read_name(fields, scope.vantages), fields.read("region", scope.regions.reference, ""))
