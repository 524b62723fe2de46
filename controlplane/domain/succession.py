"""Owns how a failover document follows from the definitions: the first one, and what an `apply` asks of it.

Documents are never deleted, and an `apply` never moves a group.
"""

from dataclasses import replace
from enum import StrEnum

from controlplane.contract.documents import Change, FailoverDocument, FailoverState
from controlplane.domain.fleet import Group


class Requirement(StrEnum):
    """What the definitions ask of a group's document."""

    NOTHING = "nothing"
    CREATE = "create"
    """There is none, or it is retired and the group came back."""
    ALIGN = "align"
    """Its regions or its hand-over are no longer those of the definitions."""
    RETIRE = "retire"
    """The group is no longer defined."""
    ASK = "ask"
    """The active region is no longer one of the group's: a person says where to."""


def requirement(group: Group | None, document: FailoverDocument | None) -> Requirement:
    """What must become of the document of a group; `group` is None where it is no longer defined."""
    retired = document is None or document.state is FailoverState.RETIRED
    if group is None:
        return Requirement.NOTHING if retired else Requirement.RETIRE
    if document is None or retired:
        return Requirement.CREATE
    if document.active is None:
        return Requirement.NOTHING
    if document.active not in group.regions:
        return Requirement.ASK
    aligned = document.weights.keys() == set(group.regions) and document.handover is group.policy.handover
    return Requirement.NOTHING if aligned else Requirement.ALIGN


def first_document(group: Group, *, revision: int, term: int, home: str, change: Change) -> FailoverDocument:
    """The document that brings a group into being: its first region is active; that is no move."""
    return FailoverDocument(
        group=group.name,
        revision=revision,
        term=term,
        state=FailoverState.ACTIVE,
        home=home,
        active=group.regions[0],
        weights=_weights(group, group.regions[0]),
        previous=None,
        handover=group.policy.handover,
        change=change,
    )


def aligned_document(
    document: FailoverDocument, group: Group, *, revision: int, term: int, change: Change
) -> FailoverDocument:
    """The document with the regions and the hand-over of the definitions; the active region stays."""
    return replace(
        document,
        revision=revision,
        term=term,
        weights=_weights(group, document.active),
        handover=group.policy.handover,
        change=change,
    )


def retired_document(
    document: FailoverDocument, *, revision: int, term: int, change: Change
) -> FailoverDocument:
    """The document of a group that is no longer defined: no region is active."""
    return replace(
        document,
        revision=revision,
        term=term,
        state=FailoverState.RETIRED,
        active=None,
        weights=dict.fromkeys(document.weights, 0),
        previous=document.active,
        change=change,
    )


def _weights(group: Group, active: str | None) -> dict[str, int]:
    return {region: 100 if region == active else 0 for region in group.regions}
