"""Owns the gates of a move: what must be true of a target, for the automation as for people.

The automation passes all of them or does not move; a person may override one by its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from controlplane.contract.documents import canonical
from controlplane.domain.outlook import Case

PLAN_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition on a move, whether it holds, and why."""

    name: str
    ok: bool
    text: str


def gates(case: Case, target: str) -> tuple[Gate, ...]:
    """All gates of a move to `target`, one of the group's regions."""
    finding = case.findings[target]
    maintenance = case.outlook.restraints.regions.get(target)
    open_text = f"{target} is in maintenance {maintenance}" if maintenance else f"{target} is in service"
    return (
        Gate("target_healthy", finding.fit, finding.reason),
        Gate("target_in_service", maintenance is None, open_text),
    )


def gates_of_candidates(case: Case) -> Mapping[str, tuple[Gate, ...]]:
    """The gates of every region that the group could move to, in its order."""
    return {region: gates(case, region) for region in case.candidates}


def choose(candidates: Mapping[str, tuple[Gate, ...]]) -> str | None:
    """The first region that passes all its gates."""
    return next((region for region, all_of in candidates.items() if all(gate.ok for gate in all_of)), None)


def plan_hash(case: Case, target: str) -> str:
    """The same for the same move planned from the same document, definitions and state of the gates."""
    plan = {
        "group": case.group.name,
        "revision": case.document.revision,
        "registry": case.outlook.situation.definitions.revision,
        "source": case.active,
        "target": target,
        "gates": {gate.name: gate.ok for gate in gates(case, target)},
    }
    return sha256(canonical(plan)).hexdigest()[:PLAN_HASH_DIGITS]
