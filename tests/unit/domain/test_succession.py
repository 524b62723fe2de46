"""How failover documents follow from the definitions."""

from dataclasses import replace

import pytest

from controlplane.contract.documents import ChangeKind, FailoverState, Handover, parse_failover
from controlplane.domain.fleet import Group, Policy
from controlplane.domain.succession import (
    Requirement,
    aligned_document,
    first_document,
    requirement,
    retired_document,
)
from tests.unit.domain.worlds import a_change

GROUP = Group("checkout", ("checkout",), ("us-east", "eu-west"))
FIRST = first_document(GROUP, revision=1, term=3, home="dc1", change=a_change())
RETIRED = retired_document(FIRST, revision=2, term=3, change=a_change())
FENCED = replace(FIRST, state=FailoverState.FENCED, active=None)


def test_the_first_document():
    """A group comes into being with its first region active; that is no move, so nothing was before."""
    assert (FIRST.active, FIRST.previous, FIRST.state) == ("us-east", None, FailoverState.ACTIVE)
    assert FIRST.weights == {"us-east": 100, "eu-west": 0}
    assert parse_failover(FIRST.to_bytes()) == FIRST


def test_a_retired_document():
    """A removed group keeps its document, in which no region is active."""
    assert (RETIRED.active, RETIRED.previous, RETIRED.state) == (None, "us-east", FailoverState.RETIRED)
    assert RETIRED.weights == {"us-east": 0, "eu-west": 0}
    assert parse_failover(RETIRED.to_bytes()) == RETIRED


def test_an_aligned_document_moves_nothing():
    """New regions and another hand-over come into the document; the active region stays what it is."""
    moved = replace(FIRST, active="eu-west", previous="us-east")
    wider = replace(GROUP, regions=("ap-south", "eu-west"), policy=Policy(handover=Handover.EXCLUSIVE))
    aligned = aligned_document(moved, wider, revision=9, term=4, change=a_change(ChangeKind.APPLY))

    assert (aligned.active, aligned.previous, aligned.revision) == ("eu-west", "us-east", 9)
    assert aligned.weights == {"ap-south": 0, "eu-west": 100}
    assert requirement(wider, aligned) is Requirement.NOTHING


@pytest.mark.parametrize(
    ("group", "document", "expected"),
    [
        (GROUP, None, Requirement.CREATE),
        (GROUP, RETIRED, Requirement.CREATE),
        (GROUP, FIRST, Requirement.NOTHING),
        (GROUP, FENCED, Requirement.NOTHING),
        (replace(GROUP, regions=("eu-west", "us-east")), FIRST, Requirement.NOTHING),
        (replace(GROUP, regions=("us-east", "eu-west", "ap-south")), FIRST, Requirement.ALIGN),
        (replace(GROUP, regions=("us-east",)), FIRST, Requirement.ALIGN),
        (replace(GROUP, policy=Policy(handover=Handover.EXCLUSIVE)), FIRST, Requirement.ALIGN),
        (replace(GROUP, regions=("eu-west", "ap-south")), FIRST, Requirement.ASK),
        (None, FIRST, Requirement.RETIRE),
        (None, FENCED, Requirement.RETIRE),
        (None, RETIRED, Requirement.NOTHING),
        (None, None, Requirement.NOTHING),
    ],
)
def test_what_the_definitions_ask(group, document, expected):
    """An `apply` creates, aligns or retires documents; where the active region is gone it asks a person."""
    assert requirement(group, document) is expected
