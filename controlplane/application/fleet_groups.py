"""Owns how failover groups and playbooks stand in a fleet file: read and written."""

from typing import Any

from controlplane.application.fleet_limits import (
    DWELL_SECONDS_MAX,
    HOLD_DOWN_SECONDS_MAX,
    REGIONS_MAX,
    SERVICES_PER_GROUP_MAX,
    STEP_SECONDS_MAX,
    STEPS_PER_PLAYBOOK_MAX,
)
from controlplane.application.fleet_names import Scope, read_name
from controlplane.application.fleet_tree import Fields, Node, Place, Reader, shown
from controlplane.application.fleet_values import (
    duration,
    duration_text,
    member_of,
    moves_per_window,
    one_of,
    percent,
    text,
)
from controlplane.contract.documents import Handover
from controlplane.domain.fleet import Evidence, Group, Mode, Playbook, Policy

_GROUP_KEYS = ("name", "services", "regions", "policy")
_POLICY_KEYS = (
    "mode",
    "handover",
    "evidence",
    "min_healthy",
    "hold_down",
    "dwell",
    "max_automatic",
    "failback",
)
_POLICY_LATER = ("gates", "hooks", "readers", "stable_for", "steps")
_SWITCH_VERBS = ("degrade", "restore", "force")
_STEP_KEYS = (*_SWITCH_VERBS, "move", "to", "reason", "for")
_DEFAULT = Policy()


def read_group(place: Place, scope: Scope) -> Group:
    """One failover group."""
    fields = Fields(
        place,
        known=_GROUP_KEYS,
        required=("name", "services", "regions"),
        later=_POLICY_LATER,
    )
    group = Group(
        name=read_name(fields, scope.groups),
        services=scope.services.references(fields, "services", most=SERVICES_PER_GROUP_MAX),
        regions=scope.regions.references(fields, "regions", most=REGIONS_MAX),
        policy=_read_policy(fields.at("policy")) if "policy" in fields else _DEFAULT,
    )
    for key in ("services", "regions"):
        if key in fields and not fields.at(key).node.value:
            fields.at(key).refuse(f"a group without {key}", "at least one")
    _claim_services(fields, group, scope)
    return group


def group_to_mapping(group: Group) -> dict[str, Any]:
    """A group as the file states it, defaults left out."""
    mapping: dict[str, Any] = {
        "name": group.name,
        "services": list(group.services),
        "regions": list(group.regions),
    }
    default = _policy_to_mapping(_DEFAULT)
    policy = {key: value for key, value in _policy_to_mapping(group.policy).items() if value != default[key]}
    return mapping | ({"policy": policy} if policy else {})


def read_playbook(place: Place, scope: Scope) -> Playbook:
    """One playbook; its steps are checked, and kept as they are stated."""
    fields = Fields(place, known=("name", "steps"), required=("name", "steps"))
    name = read_name(fields, scope.playbooks)
    steps = fields.each("steps", lambda step: _read_step(step, scope), most=STEPS_PER_PLAYBOOK_MAX)
    return Playbook(name=name, steps=steps)


def playbook_to_mapping(playbook: Playbook) -> dict[str, Any]:
    """A playbook as the file states it."""
    return {"name": playbook.name, "steps": [dict(step) for step in playbook.steps]}


def _claim_services(fields: Fields, group: Group, scope: Scope) -> None:
    for service in group.services:
        owner = scope.grouped.setdefault(service, group.name)
        if owner != group.name:
            fields.at("services").refuse(
                f"the service {shown(service)} moves with the group {shown(owner)} already",
                "one group per service",
            )


def _read_policy(place: Place) -> Policy:
    fields = Fields(place, known=_POLICY_KEYS, later=_POLICY_LATER)
    fields.read("failback", one_of(("manual",), later=("automatic",)), "manual")
    moves, window = fields.read(
        "max_automatic", moves_per_window, (_DEFAULT.max_automatic, _DEFAULT.max_automatic_window_seconds)
    )
    return Policy(
        mode=fields.read("mode", member_of(Mode, later=("approve",)), _DEFAULT.mode),
        handover=fields.read("handover", member_of(Handover, later=("exclusive",)), _DEFAULT.handover),
        evidence=fields.read("evidence", member_of(Evidence), _DEFAULT.evidence),
        min_healthy_percent=fields.read("min_healthy", percent, _DEFAULT.min_healthy_percent),
        hold_down_seconds=fields.read(
            "hold_down", duration(0, HOLD_DOWN_SECONDS_MAX), _DEFAULT.hold_down_seconds
        ),
        dwell_seconds=fields.read("dwell", duration(0, DWELL_SECONDS_MAX), _DEFAULT.dwell_seconds),
        max_automatic=moves,
        max_automatic_window_seconds=window,
    )


def _policy_to_mapping(policy: Policy) -> dict[str, Any]:
    return {
        "mode": policy.mode.value,
        "handover": policy.handover.value,
        "evidence": policy.evidence.value,
        "min_healthy": f"{policy.min_healthy_percent}%",
        "hold_down": duration_text(policy.hold_down_seconds),
        "dwell": duration_text(policy.dwell_seconds),
        "max_automatic": f"{policy.max_automatic} per {duration_text(policy.max_automatic_window_seconds)}",
    }


def _read_step(place: Place, scope: Scope) -> dict[str, Any]:
    """`{degrade: service/switch, for: 2h, reason: …}` or `{move: group, to: region}`."""
    fields = Fields(place, known=_STEP_KEYS)
    verbs = [verb for verb in (*_SWITCH_VERBS, "move") if verb in fields]
    if len(verbs) != 1:
        place.refuse(
            f"a step with {' and '.join(verbs) or 'nothing to do'}",
            f"exactly one of {', '.join(_SWITCH_VERBS)}, move",
        )
        return {}
    verb = verbs[0]
    readers: dict[str, Reader[str]] = {verb: scope.switches.reference, "reason": text}
    if verb == "move":
        readers |= {"move": scope.groups.reference, "to": scope.regions.reference}
    elif verb != "restore":
        readers["for"] = _duration_of_step
    return _read_step_entries(fields, verb, readers)


def _read_step_entries(fields: Fields, verb: str, readers: dict[str, Reader[str]]) -> dict[str, Any]:
    for key in ("to", "for"):
        if key in fields and key not in readers:
            fields.at(key).refuse(f"`{key}` does not go with `{verb}`", ", ".join(readers))
    if verb == "move" and "to" not in fields:
        fields.place.refuse("`to` is missing", "the region to move to")
    order = [verb, "to", "reason", "for"]
    return {key: fields.read(key, readers[key], "") for key in order if key in fields and key in readers}


def _duration_of_step(node: Node) -> str:
    return duration_text(duration(0.001, STEP_SECONDS_MAX)(node))
