"""Named stories: one known danger each, told on a small world to the move, or to none."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from controlplane.contract.documents import ChangeKind
from controlplane.domain.decision import GroupState
from controlplane.domain.evidence import Evidence, forget
from controlplane.domain.fleet import Policy
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.worlds import World, a_change, a_fleet

NINE_TENTHS = {"us-east": 90, "eu-west": 5, "ap-south": 5}


def test_a_primary_region_with_nine_tenths_of_the_fleet_dies():
    """The loss of one region is never panic, however large it is: every group moves."""
    world = World(fleet=a_fleet(groups=3, sizes=NINE_TENTHS))
    world.kill("us-east")
    world.silent.add("us-1")
    world.run(6)

    assert [world.active(f"group-{number}") for number in range(3)] == ["eu-west"] * 3


@pytest.mark.parametrize("vantages", [(), None])
def test_everything_looks_down(vantages):
    """When nothing is up anywhere, the fault may well be ours: it freezes, by one vantage or three."""
    fleet = a_fleet(groups=2) if vantages is None else a_fleet(groups=2, vantages=vantages)
    world = World(fleet=fleet)
    world.kill()
    stay = world.stay(world.run(30))

    assert (stay.state, stay.code) == (GroupState.BLOCKED, "all_down")
    assert world.moves == []


def test_half_of_the_fleet_elsewhere_fails_at_once():
    """When more than half of the other regions' instances fail together with the region, it freezes."""
    world = World(fleet=a_fleet(groups=3))
    world.kill("us-east")
    world.counts |= {
        CellKey(f"service-{number}", region): CellCounts(down=5)
        for number in (1, 2)
        for region in ("eu-west", "ap-south")
    }
    stay = world.stay(world.run(30))

    assert stay.code == "panic"
    assert world.moves == []


def test_a_region_that_is_left_for_good_does_not_stop_the_next_move():
    """After one region was lost and left, another one may still be left, for the third."""
    world = World()
    world.kill("us-east")
    world.run(6)
    world.pass_time(600.0)
    world.report()
    world.kill("eu-west")
    world.counts[CellKey("service-0", "us-east")] = CellCounts(up=5)
    world.run(6)

    assert [move.target for _, move in world.moves] == ["eu-west", "us-east"]


def test_a_flapping_region():
    """A region that comes and goes faster than the hold-down moves nothing; one that was left stays left."""
    world = World()
    for _ in range(50):
        world.kill("us-east")
        world.run(3)
        world.heal("us-east")
        world.run(3)
    assert world.moves == []

    for _ in range(50):
        world.kill("us-east")
        world.run(8)
        world.heal("us-east")
        world.run(3)
    assert [move.target for _, move in world.moves] == ["eu-west"]


def test_two_regions_that_flap_in_turn():
    """Whatever flaps, a group moves twice an hour at most, and never twice within its dwell."""
    world = World()
    for number in range(150):
        world.heal()
        world.kill(["us-east", "eu-west"][number % 2])
        world.run(24)

    times = [at for at, _ in world.moves]
    assert len(times) == 2
    assert all(later - earlier >= 600.0 for earlier, later in pairwise(times))


def test_groups_without_limits_of_their_own_are_not_driven_to_and_fro():
    """Where regions fail in turn, each move there and back is an evacuation: two in ten minutes."""
    hasty = Policy(dwell_seconds=0.0, max_automatic=100)
    world = World(fleet=a_fleet(groups=2, regions=("us-east", "eu-west"), policy=hasty))
    for number in range(50):
        world.heal()
        world.kill(["us-east", "eu-west"][number % 2])
        world.run(24)

    times = [at for at, move in world.moves if move.group == "group-0"]
    assert len(times) > 2
    assert all(third - first >= 600.0 for first, third in zip(times, times[2:], strict=False))


@pytest.mark.parametrize("liar", ["us-1", "eu-1", "ap-1"])
def test_one_vantage_lies(liar):
    """One vantage of three moves nothing by accusing, and prevents nothing by denying."""
    world = World()
    world.sees[liar] = {cell: CellCounts(down=size) for cell, size in world.sizes("us-east").items()}
    world.run(30)
    assert world.moves == []

    world.sees[liar] = {cell: CellCounts(up=size) for cell, size in world.sizes().items()}
    world.kill("us-east")
    world.run(6)
    assert world.active() == "eu-west"


@pytest.mark.parametrize("liar", ["us-1", "eu-1", "ap-1"])
def test_one_vantage_is_cut_off(liar):
    """A vantage that sees everything down neither moves a group nor keeps one that has to go."""
    world = World()
    world.sees[liar] = {cell: CellCounts(down=size) for cell, size in world.sizes().items()}
    world.run(30)
    assert world.moves == []

    world.kill("us-east")
    world.run(6)
    assert world.active() == "eu-west"


def test_leftovers_of_dead_probers():
    """A new leader finds reports of a region that is down, written by probers that died: nothing moves."""
    world = World()
    world.kill("us-east")
    world.run(2)
    world.evidence, world.memory = Evidence(), {}
    world.silent = {"us-1", "eu-1", "ap-1"}
    stay = world.stay(world.run(60))

    assert stay.code == "unknown"
    assert [flag.code for flag in stay.flags] == ["too_few_vantages"]
    assert world.moves == []


def test_a_new_leader_starts_from_nothing():
    """A leader that takes over during an outage hears every vantage anew, then waits the hold-down."""
    world = World()
    world.kill("us-east")
    world.run(4)
    world.evidence, world.memory = Evidence(), {}
    world.run(1)
    assert world.stay(world.decide()).code == "unknown"
    world.run(5)
    assert world.moves == []
    world.step()
    assert world.active() == "eu-west"


def test_consul_fails_for_a_minute():
    """While Consul is away nothing is decided, and on its return nothing moves without new evidence."""
    world = World()
    world.kill("us-east")
    world.run(4)
    world.contact_seconds = 60.0
    world.pass_time(60.0)
    world.evidence = forget(world.evidence)
    world.decide()
    world.contact_seconds = 0.1
    world.heal()
    world.run(30)

    assert world.moves == []


def test_the_wall_clock_jumps():
    """A jump of the wall clock freezes, shortens no hold-down, and opens no budget for good."""
    world = World()
    world.kill("us-east")
    world.run(2)
    world.now += timedelta(days=2)
    world.clock_offset_seconds = 172_800.0
    stay = world.stay(world.run(3))
    assert stay.code == "hold_down"

    assert world.stay(world.run(10)).code == "clock_tilt"
    world.now -= timedelta(days=2)
    world.clock_offset_seconds = 0.0
    world.step()
    assert world.active() == "eu-west"


def test_a_clock_that_goes_back_does_not_shorten_a_dwell():
    """A move that lies in the future by this clock still counts."""
    world = World()
    world.kill("us-east")
    world.run(6)
    world.now -= timedelta(seconds=2)
    world.heal("us-east")
    world.kill("eu-west")

    assert world.stay(world.run(20)).code == "dwell"


def test_a_storm_of_fifty_groups():
    """Fifty groups leaving one region are one evacuation, paced ten a second."""
    world = World(fleet=a_fleet(groups=50))
    world.kill("us-east")
    world.run(5)
    for expected in (10, 20, 30, 40, 50, 50):
        world.step()
        assert len(world.moves) == expected
    assert {move.target for _, move in world.moves} == {"eu-west"}


def test_the_third_evacuation_within_ten_minutes():
    """Two regions are evacuated in ten minutes; the groups of a third one wait, and say until when."""
    regions = ("us-east", "eu-west", "ap-south", "sa-east", "af-south", "me-west", "ca-west")
    fleet = a_fleet(groups=3, regions=regions)
    world = World(fleet=fleet)
    for number, region in enumerate(("us-east", "eu-west", "ap-south")):
        group = fleet.groups[number]
        world.documents[group.name] = replace(world.documents[group.name], active=region)
    for region in ("us-east", "eu-west", "ap-south"):
        world.kill(region)
        world.run(8)

    assert [move.source for _, move in world.moves] == ["us-east", "eu-west"]
    assert world.stay(world.decide(), 2).code == "evacuation_budget"
    world.pass_time(600.0)
    world.report()
    world.run(6)
    assert world.active("group-2") not in ("us-east", "eu-west", "ap-south")


def test_a_persons_move_starts_a_dwell():
    """After a person moved a group, the automation leaves it alone for the dwell, even where it fails."""
    world = World()
    world.documents["group-0"] = replace(
        world.documents["group-0"],
        active="eu-west",
        change=a_change(ChangeKind.MANUAL, world.now),
    )
    world.kill("eu-west")
    world.run(590)
    assert world.stay(world.decide()).code == "dwell"
    world.run(20)
    assert world.active() == "us-east"


def test_a_dead_vantage_beside_a_dead_region():
    """With its own vantage lost, a region still is seen down by the other two, from the first second on."""
    world = World()
    world.kill("us-east")
    world.silent.add("us-1")
    first = world.stay(world.step())
    assert first.reason.startswith("us-east down from 2 of 3 vantages")
    world.run(5)
    assert world.active() == "eu-west"


def test_half_of_the_vantages_is_no_quorum():
    """Two vantages, one of them silent: the region may be down, but nobody moves anything."""
    fleet = a_fleet()
    world = World(fleet=replace(fleet, vantages=fleet.vantages[:2]))
    world.kill("us-east")
    world.silent.add("us-1")
    world.run(30)

    assert world.moves == []
    assert world.stay(world.decide()).code == "unknown"


def test_ignorance_of_one_service_moves_nothing():
    """A region of which too little is known stays unknown for ever, and nothing moves into or out of it."""
    world = World()
    world.set("unknown", "us-east", "eu-west")
    world.run(30)
    assert world.moves == []

    world.kill("us-east")
    world.run(6)
    assert world.active() == "ap-south"


def test_the_definitions_change_in_the_middle():
    """A changed registry freezes until its definitions are here."""
    world = World()
    world.kill("us-east")
    world.run(4)
    world.registry_revision += 1

    assert world.stay(world.run(30)).code == "definitions_behind"
    assert world.moves == []


def test_an_operator_who_pauses_in_the_last_second():
    """A pause that is set while the hold-down runs binds: nothing moves until it ends."""
    world = World()
    world.kill("us-east")
    world.run(5)
    world.restraints = Restraints(fleet=Restraint(world.now + timedelta(seconds=20), "alice", "deploy"))
    assert world.stay(world.run(19)).code == "fleet_paused"
    world.step()
    assert world.active() == "eu-west"


def test_somebody_scribbles_over_the_pause_key():
    """A value of the pause key that cannot be read freezes: it may have been a pause."""
    world = World(restraints=None)
    world.kill("us-east")

    assert world.stay(world.run(30)).code == "pause_unreadable"
    assert world.moves == []
