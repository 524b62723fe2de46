"""Owns how services, their instances and their switches stand in a fleet file: read and written."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from controlplane.application.fleet_checks import check_to_mapping, read_check
from controlplane.application.fleet_limits import (
    CHECKS_PER_SERVICE_MAX,
    DATACENTERS_PER_SERVICE_MAX,
    INSTANCES_MAX,
    PORT_MAX,
    SWITCHES_PER_SERVICE_MAX,
)
from controlplane.application.fleet_names import Names, Scope, read_name
from controlplane.application.fleet_tree import Fields, Mistake, Node, Place, Reader, described
from controlplane.application.fleet_values import (
    boolean,
    catalog_name,
    finite,
    host,
    instance_id,
    integer,
    json_value,
    member_of,
    one_of,
    switch_integer,
    text,
)
from controlplane.contract.switches import TEXT_VALUE_BYTES_MAX
from controlplane.domain.fleet import Catalog, Instance, Service, Source, SwitchDefinition

_KEYS = ("name", "checks", "instances", "consul", "switches")
_INSTANCE_KEYS = ("id", "region", "address", "port")
_SWITCH_KEYS = ("name", "type", "normal", "degraded", "class", "owner", "description")
_SWITCH_REQUIRED = ("name", "type", "normal", "degraded")
_GRADES = ("core", "non-core")
_NO_GRADE = "non-core"
_PORT = integer(1, PORT_MAX)
_SOURCE = member_of(Source)


def read_service(place: Place, scope: Scope) -> Service:
    """One service with everything in it."""
    fields = Fields(place, known=_KEYS, required=("name",))
    name = read_name(fields, scope.services)
    switches = Names("switch")
    service = Service(
        name=name,
        checks=fields.each("checks", partial(read_check, names=Names("check")), most=CHECKS_PER_SERVICE_MAX),
        instances=fields.each("instances", partial(_read_instance, scope=scope), most=INSTANCES_MAX),
        switches=fields.each(
            "switches", partial(_read_switch, names=switches), most=SWITCHES_PER_SERVICE_MAX
        ),
        catalog=_read_catalog(fields.at("consul")) if "consul" in fields else None,
    )
    scope.switches.lines.update({f"{name}/{switch}": line for switch, line in switches.lines.items()})
    return service


def service_to_mapping(service: Service) -> dict[str, Any]:
    """A service as the file states it, empty lists left out."""
    mapping: dict[str, Any] = {
        "name": service.name,
        "checks": [check_to_mapping(check) for check in service.checks],
        "instances": [_instance_to_mapping(instance) for instance in service.instances],
    }
    if service.catalog:
        mapping["consul"] = {"service": service.catalog.service}
        if service.catalog.datacenters:
            mapping["consul"]["datacenters"] = list(service.catalog.datacenters)
    mapping["switches"] = [_switch_to_mapping(switch) for switch in service.switches]
    return {key: value for key, value in mapping.items() if value}


def _read_instance(place: Place, scope: Scope) -> Instance:
    known = (*_INSTANCE_KEYS, "source") if scope.adopted else _INSTANCE_KEYS
    fields = Fields(place, known=known, required=_INSTANCE_KEYS)
    return Instance(
        id=read_name(fields, scope.instances, key="id", reader=instance_id),
        region=fields.read("region", scope.regions.reference, ""),
        address=fields.read("address", host, ""),
        port=fields.read("port", _PORT, 0),
        source=fields.read("source", _SOURCE, Source.FILE),
    )


def _instance_to_mapping(instance: Instance) -> dict[str, Any]:
    mapping: dict[str, Any] = {key: getattr(instance, key) for key in _INSTANCE_KEYS}
    return mapping if instance.source is Source.FILE else mapping | {"source": instance.source.value}


def _read_catalog(place: Place) -> Catalog:
    fields = Fields(place, known=("service", "datacenters"), required=("service",))
    seen = Names("datacenter")
    datacenters = fields.at("datacenters").items(most=DATACENTERS_PER_SERVICE_MAX)
    for datacenter in datacenters:
        seen.declare(datacenter)
    return Catalog(
        service=fields.read("service", catalog_name, ""),
        datacenters=tuple(datacenter.read(catalog_name, "") for datacenter in datacenters),
    )


def _read_switch(place: Place, names: Names) -> SwitchDefinition:
    fields = Fields(place, known=_SWITCH_KEYS, required=_SWITCH_REQUIRED)
    kind = fields.read("type", one_of(tuple(_VALUES)), "json")
    value = _bounded(_VALUES[kind])
    return SwitchDefinition(
        name=read_name(fields, names),
        type=kind,
        normal=fields.read("normal", value, None),
        degraded=fields.read("degraded", value, None),
        grade=fields.read("class", one_of(_GRADES), _NO_GRADE),
        owner=fields.read("owner", text, ""),
        description=fields.read("description", text, ""),
    )


def _switch_to_mapping(switch: SwitchDefinition) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "name": switch.name,
        "type": switch.type,
        "normal": _ordered(switch.normal),
        "degraded": _ordered(switch.degraded),
    }
    optional = {
        "class": (switch.grade, _NO_GRADE),
        "owner": (switch.owner, ""),
        "description": (switch.description, ""),
    }
    return mapping | {key: value for key, (value, default) in optional.items() if value != default}


def _ordered(value: Any) -> Any:
    """A value of JSON with sorted keys: equal ones are written alike."""
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _string_value(node: Node) -> str:
    if not isinstance(node.value, str):
        raise Mistake(f"a text is wanted for `type: string`, this is {described(node)}", "a text in quotes")
    return str(json_value(node))


_VALUES: dict[str, Reader[Any]] = {
    "bool": boolean,
    "int": switch_integer,
    "float": finite,
    "string": _string_value,
    "json": json_value,
}


def _bounded(reader: Reader[Any]) -> Callable[[Node], Any]:
    def read(node: Node) -> Any:
        value = reader(node)
        size = len(json.dumps(value, ensure_ascii=False).encode())
        if size > TEXT_VALUE_BYTES_MAX:
            raise Mistake(f"a value of {size:,} bytes", f"at most {TEXT_VALUE_BYTES_MAX:,}")
        return value

    return read
