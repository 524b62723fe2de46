"""Decisions about a whole fleet."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.contract.documents import canonical
from controlplane.domain.budget import Budget, longest_window_seconds
from controlplane.domain.decision import Move, evaluate, spend, wake_at
from controlplane.domain.evidence import SILENT_SECONDS
from controlplane.domain.explanation import INPUTS_BYTES_MAX
from controlplane.domain.fleet import Group, Policy, Vantage
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.worlds import World, a_fleet, a_service


def test_one_decision_per_group_in_the_order_of_the_file():
    """Every group gets exactly one decision, in the order of the fleet file, and one memory."""
    evaluation = World(fleet=a_fleet(groups=3)).decide()

    assert [decision.group for decision in evaluation.decisions] == ["group-0", "group-1", "group-2"]
    assert evaluation.memory.keys() == evaluation.cases.keys() == {"group-0", "group-1", "group-2"}
    assert evaluation.freezes == ()


def test_deciding_again_gives_the_same():
    """The same situation and memory give the same evaluation, explanations and plan hashes included."""
    world = World(fleet=a_fleet(groups=3))
    world.kill("us-east")
    world.run(5)
    world.pass_time(1.0)
    world.report()
    situation, memory = world.situation(), world.memory

    assert evaluate(situation, memory) == evaluate(situation, memory)
    assert any(isinstance(decision, Move) for decision in evaluate(situation, memory).decisions)


def test_deciding_changes_nothing_that_was_handed_in():
    """A situation can be decided from again and again: nothing in it is touched."""
    world = World()
    world.kill("us-east")
    world.run(5)
    memory, budget = dict(world.memory), world.budget
    world.pass_time(1.0)
    evaluate(world.situation(), world.memory)

    assert (world.memory, world.budget) == (memory, budget)


def test_a_group_without_a_document_has_no_case():
    """What cannot be judged is not shown as judged."""
    world = World()
    world.documents.clear()

    assert world.decide().cases == {}


def test_what_one_group_is_granted_is_charged_before_the_next_is_asked():
    """Six groups that fail for causes of their own get five moves, in one evaluation."""
    world = World(fleet=a_fleet(groups=13))
    for number in range(6):
        world.counts |= {
            cell: replace(counts, up=0, down=counts.total)
            for cell, counts in world.counts.items()
            if (cell.service, cell.region) == (f"service-{number}", "us-east")
        }
    world.run(5)
    world.pass_time(1.0)
    world.report()
    decisions = world.decide().decisions

    assert sum(isinstance(decision, Move) for decision in decisions) == 5
    assert world.stay(world.decide(), 5).code == "fleet_budget"


def test_the_budget_that_is_written_with_a_move():
    """A move is charged with its revision, term and cause, and what no limit looks at any more is dropped."""
    world = World()
    world.kill("us-east")
    world.run(5)
    world.pass_time(1.0)
    world.report()
    move = world.decide().decisions[0]
    assert isinstance(move, Move)
    situation = world.situation()
    window = longest_window_seconds(world.fleet.groups)
    long_ago = replace(situation, now=situation.now - timedelta(seconds=window))
    budget = spend(spend(Budget(), move, long_ago, revision=1), move, situation, revision=2)

    [charged] = budget.moves
    assert (charged.group, charged.revision, charged.term) == ("group-0", 2, 3)
    assert (charged.source, charged.target, charged.cause) == ("us-east", "eu-west", "region")
    assert charged.at == situation.now


# ── when to look again ──


def test_nothing_to_wait_for():
    """Where nothing reports and nothing is restrained, time alone changes nothing."""
    world = World()
    world.pass_time(SILENT_SECONDS)

    assert wake_at(world.decide()) is None


def test_silence_wakes():
    """The next look is due when the first vantage falls silent."""
    world = World()
    world.pass_time(2.0)
    world.report(["us-1", "ap-1"])

    assert wake_at(world.decide()) == world.monotonic - 2.0 + SILENT_SECONDS


def test_the_end_of_the_hold_down_wakes():
    """The loop sleeps exactly to the end of the hold-down, and then the group moves."""
    world = World(fleet=a_fleet(policy=Policy(hold_down_seconds=1.3)))
    world.kill("us-east")
    wakes = wake_at(world.step())

    assert wakes is not None
    assert wakes - world.monotonic == pytest.approx(1.3)
    world.pass_time(wakes - world.monotonic)
    world.monotonic = wakes
    assert isinstance(world.decide().decisions[0], Move)


def test_the_end_of_a_restraint_wakes():
    """The loop wakes when a pause or a maintenance runs out."""
    world = World()
    soon = Restraint(world.now + timedelta(seconds=2.5), "alice", "deploy")
    later = replace(soon, until=soon.until + timedelta(seconds=1))
    world.restraints = Restraints(fleet=later, groups={"group-0": later}, regions={"eu-west": soon})

    assert wake_at(world.decide()) == pytest.approx(world.monotonic + 2.5)


def test_the_end_of_a_dwell_wakes():
    """The loop wakes when a group has rested, whether it is well or blocked."""
    world = World(fleet=a_fleet(policy=Policy(dwell_seconds=9.0)))
    world.kill("us-east")
    world.run(6)
    world.pass_time(6.5)
    world.report()
    assert wake_at(world.decide()) == pytest.approx(world.monotonic + 2.5)

    world.heal("us-east")
    world.kill("eu-west")
    evaluation = world.decide()
    assert wake_at(evaluation) == pytest.approx(world.monotonic + 2.5)


# ── explanations ──


def test_a_decision_explains_itself():
    """The inputs of a decision hold the votes with their counts, the gates, the policy and the budget."""
    world = World()
    world.kill("us-east")
    world.run(5)
    world.pass_time(1.0)
    world.report()
    inputs = world.decide().decisions[0].inputs

    assert inputs["active"] == "us-east"
    assert inputs["down_seconds"] == 5.0
    assert inputs["gates"]["eu-west"] == {"target_healthy": True, "target_in_service": True}
    assert inputs["policy"]["hold_down_seconds"] == 5.0
    assert inputs["regions"][0]["state"] == "down"
    assert inputs["regions"][0]["vantages"][1] == {
        "vantage": "eu-1",
        "vote": "failing",
        "cells": {"service-0": {"down": 5}},
    }


def test_an_explanation_names_obstacles_and_abstentions():
    """Why a group did not move, and why a vantage did not vote, is among the inputs."""
    world = World()
    world.restraints = Restraints(fleet=Restraint(world.now + timedelta(hours=1), "alice", "deploy"))
    world.kill("us-east")
    world.lag = {"us-1": 9.0}
    inputs = world.stay(world.run(6)).inputs

    assert [obstacle["code"] for obstacle in inputs["obstacles"]] == ["fleet_paused"]
    assert inputs["obstacles"][0]["until"] == "2026-01-13T10:30:00.000Z"
    assert inputs["regions"][0]["vantages"][0]["why"] == "its event loop is late"


def a_wide_world(services: int, regions: int, vantages: int, width: int = 2) -> World:
    """One group of many services over many regions, watched by many vantages."""
    places = tuple(f"region-{number:0{width}d}" for number in range(regions))
    fleet = a_fleet(
        regions=places, vantages=tuple(Vantage(f"vantage-{n:03d}", None) for n in range(vantages))
    )
    names = tuple(f"service-{number}" for number in range(services))
    return World(
        fleet=replace(
            fleet,
            services=tuple(a_service(name, dict.fromkeys(places, 1)) for name in names),
            groups=(Group("group-0", names, places),),
        )
    )


@pytest.mark.parametrize(
    ("services", "regions", "vantages", "kept"),
    [(1, 3, 3, "cells"), (30, 5, 5, "vantages"), (1, 10, 40, "policy"), (1, 100, 1, "policy")],
)
def test_explanations_are_bounded(services, regions, vantages, kept):
    """However large a fleet is, an explanation stays small: counts go first, then votes, and it says so."""
    inputs = a_wide_world(services, regions, vantages).decide().decisions[0].inputs
    raw = canonical(inputs)

    assert len(raw) <= INPUTS_BYTES_MAX
    assert f'"{kept}":'.encode() in raw
    assert (b'"abridged":true' in raw) is (kept != "cells")


def test_the_smallest_explanation():
    """Where not even the obstacles fit, the explanation says which document was looked at."""
    world = a_wide_world(1, 100, 3, width=50)
    world.kill()
    world.run(6)
    inputs = world.stay(world.decide()).inputs

    assert inputs["abridged"]
    assert inputs["active"] == f"region-{0:050d}"
    assert inputs.keys() == {"group", "active", "revision", "registry", "term", "at", "abridged"}
    assert len(canonical(inputs)) <= INPUTS_BYTES_MAX
