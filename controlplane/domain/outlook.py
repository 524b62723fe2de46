"""Owns what holds for a whole situation, and for one group in it, before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.contract.documents import ChangeKind, FailoverDocument, FailoverState
from controlplane.contract.times import parse_rfc3339
from controlplane.domain.budget import Budget, Cause
from controlplane.domain.evidence import VantageView, vantage_views
from controlplane.domain.fleet import Group
from controlplane.domain.freeze import fleet_freezes
from controlplane.domain.obstacle import Obstacle
from controlplane.domain.quorum import RegionFinding, find_region, region_lost
from controlplane.domain.restraint import Restraints, held_back
from controlplane.domain.situation import Situation

MOVES = frozenset({ChangeKind.AUTOMATIC, ChangeKind.MANUAL, ChangeKind.DRILL, ChangeKind.FAILBACK})
"""Changes after which a group rests; an `apply` or a `repair` moves nothing."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A situation, the vantages' word in it, and what stands in the way of every group."""

    situation: Situation
    voters: tuple[VantageView, ...]
    """All configured vantages, trusted or not."""
    restraints: Restraints
    """Those in force now."""
    freezes: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One group with a sound document, and what the quorum says of each of its regions."""

    outlook: Outlook
    group: Group
    document: FailoverDocument
    active: str
    findings: Mapping[str, RegionFinding]
    budget: Budget

    @property
    def moved_at(self) -> datetime | None:
        """When the document says the group was last moved; None where its last change was no move."""
        change = self.document.change
        return parse_rfc3339(change.at) if change.kind in MOVES else None

    @property
    def cause(self) -> Cause:
        """What leaving the active region would be counted as."""
        return Cause.REGION if region_lost(self.active, self.outlook.voters) else Cause.GROUP

    @property
    def candidates(self) -> tuple[str, ...]:
        """The regions that the group could move to, in its order."""
        return tuple(region for region in self.group.regions if region != self.active)


def survey(situation: Situation) -> Outlook:
    """Hear the vantages and find what freezes or restrains, once for all groups."""
    fleet = situation.definitions.fleet
    views = vantage_views(situation.evidence, situation.definitions, situation.monotonic)
    return look(situation, tuple(views[vantage.name] for vantage in fleet.voters))


def look(situation: Situation, voters: tuple[VantageView, ...]) -> Outlook:
    """The outlook, given what the configured vantages say."""
    restraints = situation.restraints or Restraints()
    return Outlook(
        situation=situation,
        voters=voters,
        restraints=restraints.in_force(situation.now),
        freezes=fleet_freezes(situation, voters),
    )


def document_fault(situation: Situation, group: Group) -> Obstacle | None:
    """Why a group's document cannot be built upon without a person; None where it can."""
    document = situation.documents.get(group.name)
    if group.name in situation.faults:
        return Obstacle("document_fault", situation.faults[group.name])
    if document is None:
        return Obstacle("document_absent", f"{group.name} has no document")
    if document.state is not FailoverState.ACTIVE:
        return Obstacle(f"document_{document.state}", f"the document of {group.name} is {document.state}")
    if document.active not in group.regions:
        return Obstacle(
            "active_unlisted", f"{document.active} is active, but is no region of {group.name} now"
        )
    try:
        parse_rfc3339(document.change.at)
    except ValueError as error:
        return Obstacle("document_fault", f"the time of the last change of {group.name}: {error}")
    return None


def open_case(outlook: Outlook, group: Group, budget: Budget) -> Case | Obstacle:
    """Judge every region of a group, or say why its document must be seen to first."""
    fault = document_fault(outlook.situation, group)
    return fault or case_of(outlook, group, outlook.situation.documents[group.name], budget)


def case_of(outlook: Outlook, group: Group, document: FailoverDocument, budget: Budget) -> Case:
    """Judge every region of a group whose document says which one is active."""
    return Case(
        outlook=outlook,
        group=group,
        document=document,
        active=str(document.active),
        findings={region: find_region(group, region, outlook.voters) for region in group.regions},
        budget=budget,
    )


def standing_obstacles(outlook: Outlook, group: str, active: str | None) -> tuple[Obstacle, ...]:
    """What freezes or restrains a group whether or not anything fails: shown as its flags."""
    return (*outlook.freezes, *held_back(outlook.restraints, group, active))
