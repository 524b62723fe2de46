"""What a person's move would do, and what would happen if a region were lost now."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest

from controlplane.contract.documents import ChangeKind, FailoverState
from controlplane.domain.decision import Move
from controlplane.domain.evidence import Distrust
from controlplane.domain.fleet import Check, CheckType, Evidence, Group, Layer, Mode, Policy, Vantage
from controlplane.domain.outlook import survey
from controlplane.domain.planning import Forecast, Plan, forecasts, lose, plan_move
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.worlds import VANTAGES, World, a_change, a_document, a_fleet


def plan(world: World, target: str = "eu-west") -> Plan:
    """The plan of a person's move of the only group."""
    return plan_move(world.situation(), "group-0", target)


def forecast(world: World, region: str = "us-east", group: str = "group-0") -> Forecast:
    """What would happen to a group if a region were lost now."""
    found = {(one.group, one.lost_region): one for one in forecasts(survey(world.situation()))}
    return found[group, region]


# ── plans ──


def test_a_plan_without_objections():
    """A plan says from where to where, from which revision, and that every gate is open."""
    found = plan(World())

    assert (found.source, found.target, found.revision) == ("us-east", "eu-west", 1)
    assert [(gate.name, gate.ok) for gate in found.gates] == [
        ("target_healthy", True),
        ("target_in_service", True),
    ]
    assert (found.warnings, found.refusals, found.unmet()) == ((), (), ())


def test_an_unknown_group_has_no_plan():
    """Asking for a group that is not defined is an error of the caller."""
    with pytest.raises(KeyError):
        plan_move(World().situation(), "nobody", "eu-west")


def test_a_failing_gate_is_overridden_by_its_name():
    """A person may enter a region that fails, by naming the gate; no other name helps."""
    world = World()
    world.kill("eu-west")
    world.step()
    found = plan(world)

    assert found.refusals == ()
    assert found.warnings == ("eu-west down from 3 of 3 vantages",)
    assert [gate.name for gate in found.unmet()] == ["target_healthy"]
    assert [gate.name for gate in found.unmet(["target_in_service"])] == ["target_healthy"]
    assert found.unmet(["target_healthy"]) == ()


def test_maintenance_of_the_target_is_a_gate():
    """A region in maintenance is entered by a person who says so."""
    world = World()
    until = Restraint(world.now + timedelta(hours=1), "alice", "new racks")
    world.restraints = Restraints(regions={"eu-west": until})

    assert [gate.name for gate in plan(world).unmet()] == ["target_in_service"]
    assert "new racks" in plan(world).warnings[0]


def test_what_stops_the_automation_warns_a_person():
    """A freeze, a pause or a dwell does not stop a person; the first two are told."""
    world = World(clock_offset_seconds=9.0)
    world.restraints = Restraints(fleet=Restraint(world.now + timedelta(hours=1), "alice", "deploy"))
    world.documents["group-0"] = a_document(
        world.fleet.groups[0], change=a_change(ChangeKind.MANUAL, world.now)
    )
    found = plan(world)

    assert (found.refusals, found.unmet()) == ((), ())
    assert [warning.split(":")[0] for warning in found.warnings] == [
        "the automation is frozen",
        "the automation is paused",
    ]


@pytest.mark.parametrize(
    ("changes", "target", "codes"),
    [
        ({}, "mars", ["unknown_region"]),
        ({}, "us-east", ["already_active"]),
        ({"unsettled": frozenset({"group-0"})}, "eu-west", ["unsettled"]),
        ({"renewed_seconds": inf}, "eu-west", ["not_leading"]),
        ({"contact_seconds": 3.0}, "eu-west", ["consul_unavailable"]),
        (
            {"contact_seconds": 3.0, "clock_offset_seconds": 9.0},
            "us-east",
            ["already_active", "consul_unavailable"],
        ),
    ],
)
def test_refusals(changes, target, codes):
    """What cannot be done at all is refused with a code, and no override helps."""
    assert [refusal.code for refusal in plan(World(**changes), target).refusals] == codes


def test_without_a_document_there_is_nothing_to_move():
    """A group that has no document, or a retired one, is not moved by anybody."""
    world = World()
    world.documents["group-0"] = replace(world.documents["group-0"], state=FailoverState.RETIRED, active=None)
    retired = plan(world)
    world.documents.clear()
    absent = plan(world)

    assert [refusal.code for refusal in retired.refusals] == ["document_retired"]
    assert [refusal.code for refusal in absent.refusals] == ["document_absent"]
    assert (absent.source, absent.revision, absent.gates, absent.plan_hash) == (None, None, (), "")


@pytest.mark.parametrize("active", ["mars", "us-east"])
def test_a_person_moves_out_of_a_fault(active):
    """A document that the automation does not build upon can be moved by a person, who is warned."""
    world = World(faults={"group-0": "edited by a stranger"} if active == "us-east" else {})
    world.documents["group-0"] = replace(world.documents["group-0"], active=active)
    found = plan(world)

    assert found.refusals == ()
    assert len(found.warnings) == 1
    assert found.plan_hash


def test_the_plan_hash_is_that_of_the_automation():
    """Plan and automatic move from the same state carry the same hash."""
    world = World()
    world.kill("us-east")
    world.run(5)
    world.pass_time(1.0)
    world.report()
    move = world.decide().decisions[0]

    assert isinstance(move, Move)
    assert plan(world).plan_hash == move.plan_hash


def test_the_plan_hash_changes_with_what_the_plan_rests_on():
    """Another target, another revision or another state of a gate is another plan."""
    world = World()
    hashes = [plan(world).plan_hash, plan(world, "ap-south").plan_hash]
    world.documents["group-0"] = replace(world.documents["group-0"], revision=2)
    hashes.append(plan(world).plan_hash)
    world.kill("eu-west")
    world.step()
    hashes.append(plan(world).plan_hash)

    assert len(set(hashes)) == 4


# ── forecasts ──


def test_every_group_and_region_has_a_forecast():
    """For each group and each of its regions it is said what would happen at its loss."""
    world = World(fleet=a_fleet(groups=2))

    assert len(forecasts(survey(world.situation()))) == 2 * 3


def test_it_would_move():
    """Where the loss of a region would move a group, the forecast says where to and when."""
    found = forecast(World())

    assert found.text == "if us-east were lost now: moves to eu-west in about 8 s"
    assert (found.target, found.seconds) == ("eu-west", 8.0)


def test_a_forecast_comes_true():
    """When the region is then lost as was asked about, the group moves to the region foretold."""
    world = World()
    target = forecast(world).target
    world.kill("us-east")
    world.silent.add("us-1")
    world.run(6)

    assert world.active() == target


def test_another_region_moves_nothing():
    """The loss of a region in which a group is not active leaves it where it is."""
    assert forecast(World(), "eu-west").text == "if eu-west were lost now: stays in us-east"


def test_it_would_freeze_with_too_few_vantages():
    """With one of two vantages inside the region its loss freezes: the other one alone decides nothing."""
    found = forecast(World(fleet=a_fleet(vantages=VANTAGES[:2])))

    assert found.target is None
    assert found.text == (
        "if us-east were lost now: freezes, because only 1 of 2 vantages can be trusted, 2 needed "
        "(us-1 lost with its region)"
    )


def test_it_would_freeze_with_nowhere_to_go():
    """Where no other region is up now, the loss of this one freezes."""
    world = World()
    world.kill("eu-west", "ap-south")
    world.step()

    assert forecast(world).text.startswith(
        "if us-east were lost now: freezes, because no other region is up: "
    )


def test_it_would_freeze_in_panic():
    """Where half of the fleet elsewhere is down already, the loss of this region freezes."""
    world = World(fleet=a_fleet(groups=3))
    world.counts |= {
        CellKey(f"service-{number}", region): CellCounts(down=5)
        for number in (1, 2)
        for region in ("eu-west", "ap-south")
    }
    world.step()

    assert "too much fails at once" in forecast(world).text


def test_it_would_stay_for_other_reasons():
    """A dwell, a pause or a mode that would hold the group is told as what it is, not as a freeze."""
    world = World(fleet=a_fleet(policy=Policy(mode=Mode.OBSERVE)))
    assert forecast(world).text == (
        "if us-east were lost now: stays, because group-0 is only observed; it would move to eu-west"
    )

    world = World()
    world.documents["group-0"] = a_document(
        world.fleet.groups[0], change=a_change(ChangeKind.MANUAL, world.now)
    )
    assert "stays, because group-0 moved lately" in forecast(world).text


def test_it_would_freeze_without_a_vantage_outside():
    """Where every vantage stands in the region that is lost, nobody is left to say so."""
    inside = tuple(Vantage(f"us-{number}", "us-east") for number in range(2))
    found = forecast(World(fleet=a_fleet(vantages=inside)))

    assert "freezes, because only 0 of 2 vantages" in found.text


def test_a_group_without_a_document_would_stay():
    """Where there is no document there is nothing to move, whatever is lost."""
    world = World()
    world.documents.clear()

    assert forecast(world).text == "if us-east were lost now: stays, because group-0 has no document"


def test_a_single_vantage_outside_any_region_sees_the_loss():
    """The implied vantage `local` belongs to no region and is not lost with one."""
    assert forecast(World(fleet=a_fleet(vantages=()))).target == "eu-west"


def test_a_loss_keeps_what_was_known_of_a_vantage():
    """A vantage that was silent before the loss is still silent, not lost."""
    world = World(silent={"us-1"})
    world.run(7)
    lost = lose(survey(world.situation()), "us-east")

    assert [view.distrust for view in lost.voters] == [Distrust.ABSENT, None, None]


@pytest.mark.parametrize(("evidence", "expected"), [(Evidence.ANY, 2.0 + 5.0), (Evidence.ALL, 12.0 + 5.0)])
def test_finding_out_takes_as_long_as_the_deciding_checks(evidence, expected):
    """The seconds count the beats of the fastest check of the outermost layer, of any or of all services."""
    fleet = a_fleet(groups=3, policy=Policy(evidence=evidence))
    deep = Check("port", CheckType.TCP, layer=Layer.INFRASTRUCTURE, interval_seconds=0.1, fall=1)
    quick = Check("api", CheckType.HTTP, interval_seconds=1.0, fall=2)
    slow = Check("page", CheckType.HTTP, interval_seconds=4.0, fall=3)
    services = (
        replace(fleet.services[0], checks=(deep, slow, quick)),
        replace(fleet.services[1], checks=(deep, slow)),
        replace(fleet.services[2], checks=()),
    )
    group = Group("group-0", ("service-0", "service-1"), fleet.groups[0].regions, fleet.groups[0].policy)

    assert forecast(World(fleet=replace(fleet, services=services, groups=(group,)))).seconds == expected


def test_a_service_without_checks_is_found_at_once():
    """Where no check is defined nothing is added for finding out."""
    fleet = a_fleet()
    world = World(fleet=replace(fleet, services=(replace(fleet.services[0], checks=()),)))

    assert forecast(world).seconds == 5.0
