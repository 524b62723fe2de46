"""Owns the inputs of a decision as a JSON-able value: enough to see why, and to follow the reckoning.

Detail is dropped until the value fits its size: first the counts, then the single votes, then the findings.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from controlplane.contract.documents import canonical
from controlplane.contract.times import rfc3339
from controlplane.domain.gates import gates_of_candidates
from controlplane.domain.obstacle import Obstacle
from controlplane.domain.outlook import Case
from controlplane.domain.quorum import Ballot, RegionFinding
from controlplane.domain.report import counts_json

INPUTS_BYTES_MAX = 12 * 1024
"""Leaves room for the rest of an explanation in its log entry."""


def explain(
    case: Case,
    *,
    down_since: float | None,
    obstacles: Iterable[Obstacle] = (),
) -> dict[str, Any]:
    """What a decision about `case` was made from; at most `INPUTS_BYTES_MAX` as canonical JSON."""
    findings = case.findings.values()
    monotonic = case.outlook.situation.monotonic
    core = _core(case)
    frame = core | {
        "down_seconds": None if down_since is None else round(monotonic - down_since, 3),
        "policy": asdict(case.group.policy),
        "obstacles": [obstacle_json(obstacle) for obstacle in obstacles],
        "gates": {
            region: {gate.name: gate.ok for gate in gates}
            for region, gates in gates_of_candidates(case).items()
        },
        "moves": sum(move.group == case.group.name for move in case.budget.moves),
        "moves_of_fleet": len(case.budget.moves),
    }
    for value in (
        frame | {"regions": [_finding(finding, _counted_ballot) for finding in findings]},
        frame | {"regions": [_finding(finding, _ballot) for finding in findings], "abridged": True},
        frame | {"abridged": True},
    ):
        if len(canonical(value)) <= INPUTS_BYTES_MAX:
            return value
    return core | {"abridged": True}


def obstacle_json(obstacle: Obstacle) -> dict[str, Any]:
    """An obstacle as a JSON-able value."""
    until = {"until": rfc3339(obstacle.until)} if obstacle.until else {}
    return {"code": obstacle.code, "text": obstacle.text} | until


def _core(case: Case) -> dict[str, Any]:
    situation = case.outlook.situation
    return {
        "group": case.group.name,
        "active": case.active,
        "revision": case.document.revision,
        "registry": situation.definitions.revision,
        "term": situation.term,
        "at": rfc3339(situation.now),
    }


def _finding(finding: RegionFinding, ballot_json: Callable[[Ballot], dict[str, Any]]) -> dict[str, Any]:
    return {
        "region": finding.region,
        "state": finding.state,
        "fit": finding.fit,
        "reason": finding.reason,
        "vantages": [ballot_json(ballot) for ballot in finding.ballots],
    }


def _ballot(ballot: Ballot) -> dict[str, Any]:
    return {"vantage": ballot.vantage, "vote": ballot.vote} | ({"why": ballot.why} if ballot.why else {})


def _counted_ballot(ballot: Ballot) -> dict[str, Any]:
    counts = {service: counts_json(counts) for service, counts in ballot.cells.items()}
    return _ballot(ballot) | {"cells": counts}
