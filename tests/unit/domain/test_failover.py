"""The state machine of one group."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from controlplane.contract.documents import ChangeKind, FailoverState
from controlplane.domain.budget import PACED, Cause
from controlplane.domain.evidence import SILENT_SECONDS
from controlplane.domain.failover import TRANSITIONS, Event, GroupState, Move, Stay, advance
from controlplane.domain.fleet import Evidence, Mode, Policy
from controlplane.domain.obstacle import Flag
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.worlds import VANTAGES, World, a_change, a_document, a_fleet

STEADY, SUSPECT, EVALUATING = GroupState.STEADY, GroupState.SUSPECT, GroupState.EVALUATING
BLOCKED, ACTIVATING, COOLDOWN = GroupState.BLOCKED, GroupState.ACTIVATING, GroupState.COOLDOWN
NEEDS_OPERATOR = GroupState.NEEDS_OPERATOR


def a_pause(world: World, seconds: float = 3600.0) -> Restraint:
    """A restraint that ends so much later."""
    return Restraint(world.now + timedelta(seconds=seconds), "alice", "deploy")


def a_dead_region(**changes: Any) -> World:
    """A world whose us-east died, at the end of the hold-down, before anything is decided."""
    world = World(**changes)
    world.run(2)
    world.kill("us-east")
    world.run(5)
    world.pass_time(1.0)
    world.report()
    return world


# ── the table ──


def test_every_event_and_state_is_known():
    """The table speaks of every event, and every state can be reached by it."""
    assert TRANSITIONS.keys() == set(Event)
    reached = {target for rows in TRANSITIONS.values() for target in rows.values()}
    assert reached == set(GroupState)


@pytest.mark.parametrize(("state", "event"), list(product(GroupState, Event)))
def test_nothing_moves_but_from_evaluating(state, event):
    """One event alone leads to a move, and one state alone hears it."""
    if event is Event.UNSETTLED:
        return  # a publication in flight is shown as what it is, whoever began it
    moved = state is not ACTIVATING and advance(state, [event]) is ACTIVATING

    assert moved is ((state, event) == (EVALUATING, Event.CLEARED))


@pytest.mark.parametrize("state", [STEADY, COOLDOWN, NEEDS_OPERATOR])
def test_no_shortcut_past_the_hold_down(state):
    """From a quiet state neither the end of a hold-down nor a clear way does anything."""
    assert advance(state, [Event.HELD, Event.CLEARED]) is state


@pytest.mark.parametrize("state", GroupState)
def test_a_fault_stops_from_everywhere(state):
    """A document at fault needs an operator, wherever the group stood."""
    assert advance(state, [Event.FAULT]) is NEEDS_OPERATOR


@pytest.mark.parametrize("state", GroupState)
def test_the_whole_walk(state):
    """From every state a sound document, a settled publication and a clear way lead to the move."""
    answers = [Event.SOUND, Event.SETTLED, Event.DOWN, Event.HELD, Event.CLEARED]

    assert advance(state, answers) is ACTIVATING


@pytest.mark.parametrize("state", GroupState)
def test_calm_leads_home(state):
    """From every state a sound document and a region that is not down lead to rest or to cooldown."""
    answers = [Event.SOUND, Event.SETTLED, Event.CALM]

    assert advance(state, [*answers, Event.RESTED]) is STEADY
    assert advance(state, [*answers, Event.RESTING]) is COOLDOWN


# ── the questions, in their order ──


def test_all_is_well():
    """A group whose region is up is steady, and says from how many vantages."""
    world = World()
    stay = world.stay(world.decide())

    assert (stay.state, stay.code, stay.flags, stay.obstacles) == (STEADY, "up", (), ())
    assert stay.reason == "us-east up from 3 of 3 vantages"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (lambda world, _: world.documents.clear(), "document_absent", "group-0 has no document"),
        (
            lambda world, _: world.faults.update({"group-0": "not JSON"}),
            "document_fault",
            "not JSON",
        ),
        (
            lambda world, document: world.documents.update(
                {"group-0": replace(document, state=FailoverState.RETIRED, active=None)}
            ),
            "document_retired",
            "the document of group-0 is retired",
        ),
        (
            lambda world, document: world.documents.update({"group-0": replace(document, active="mars")}),
            "active_unlisted",
            "mars is active, but is no region of group-0 now",
        ),
        (
            lambda world, document: world.documents.update(
                {"group-0": replace(document, change=replace(document.change, at="yesterday"))}
            ),
            "document_fault",
            "the time of the last change of group-0: 'yesterday' is no RFC 3339 time with a zone",
        ),
    ],
)
def test_a_document_at_fault_needs_an_operator(change, code, text):
    """Nothing is built upon a document that is absent, unreadable, retired or active in a foreign region."""
    world = a_dead_region(restraints=Restraints())
    change(world, world.documents["group-0"])
    stay = world.stay(world.decide())

    assert (stay.state, stay.code, stay.reason) == (NEEDS_OPERATOR, code, text)


def test_a_repaired_document_starts_the_hold_down_again():
    """After a fault nothing is remembered of what was before."""
    world = a_dead_region()
    world.faults["group-0"] = "not JSON"
    world.decide()
    world.faults.clear()

    assert world.stay(world.step()).state is SUSPECT


def test_an_unsettled_publication_is_waited_for():
    """While a publication may still take effect, nothing else is decided for its group."""
    world = a_dead_region(unsettled=frozenset({"group-0"}))
    stay = world.stay(world.decide())

    assert (stay.state, stay.code) == (ACTIVATING, "unsettled")


def test_a_settled_publication_that_failed_is_tried_again_at_once():
    """A refused publication does not start the hold-down again: the region was down all the time."""
    world = a_dead_region(unsettled=frozenset({"group-0"}))
    world.decide()
    world.unsettled = frozenset()

    assert isinstance(world.decide().decisions[0], Move)


def test_the_hold_down_runs():
    """While a quorum says "down", the group is suspect until the hold-down is over, and says for how long."""
    world = World()
    world.kill("us-east")
    stays = [world.stay(world.step()) for _ in range(5)]

    assert {(stay.state, stay.code) for stay in stays} == {(SUSPECT, "hold_down")}
    assert stays[-1].reason == "us-east down from 3 of 3 vantages for 4.0 s, acts after 5 s"


def test_the_move():
    """At the end of the hold-down the group moves to the first other region, for the reason that is seen."""
    move = a_dead_region().decide().decisions[0]

    assert isinstance(move, Move)
    assert (move.state, move.source, move.target) == (ACTIVATING, "us-east", "eu-west")
    assert move.reason == "us-east down from 3 of 3 vantages for 5.0 s"
    assert move.cause is Cause.REGION


def test_without_a_hold_down_it_moves_at_once():
    """A hold-down of zero moves with the first quorum."""
    world = World(fleet=a_fleet(policy=Policy(hold_down_seconds=0.0)))
    world.kill("us-east")
    world.step()

    assert world.active() == "eu-west"


def test_the_hold_down_starts_again_when_the_region_recovers():
    """One look at a region that is not down breaks the run."""
    world = World()
    for _ in range(3):
        world.kill("us-east")
        world.run(5)
        world.heal("us-east")
        world.step()

    assert world.active() == "us-east"
    assert world.stay(world.decide()).state is STEADY


def test_an_abstention_that_breaks_the_quorum_starts_the_hold_down_again():
    """When too few can say any more, what was said before is forgotten."""
    world = World()
    world.kill("us-east")
    world.run(4)
    world.lag = {"us-1": 9.0, "eu-1": 9.0}
    assert world.stay(world.step()).code == "unknown"
    world.lag = {}
    world.run(5)

    assert world.active() == "us-east"
    world.step()
    assert world.active() == "eu-west"


def test_an_abstention_that_leaves_a_quorum_breaks_nothing():
    """As long as enough vantages say so, the hold-down runs on."""
    world = World()
    world.kill("us-east")
    world.run(4)
    world.lag = {"us-1": 9.0}
    world.run(2)

    assert world.active() == "eu-west"


def test_a_gap_in_our_own_looking_starts_the_hold_down_again():
    """Evidence from both ends of a gap longer than its life is no unbroken run."""
    world = World()
    world.kill("us-east")
    world.step()
    world.step(SILENT_SECONDS + 1.0)

    assert world.stay(world.decide()).code == "hold_down"


def test_a_move_by_a_person_starts_the_hold_down_again():
    """The hold-down is about one region: when another one becomes active, it begins for that."""
    world = World()
    world.kill("us-east", "eu-west")
    world.run(5)
    world.documents["group-0"] = replace(world.documents["group-0"], active="eu-west")

    assert world.stay(world.step()).code == "hold_down"


@pytest.mark.parametrize(("state", "code"), [("up", "up"), ("degraded", "degraded"), ("unknown", "unknown")])
def test_a_region_that_is_not_down_is_left_alone(state, code):
    """Neither degraded nor unknown is down: the group stays, and the finding is its code."""
    world = World()
    world.set(state, "us-east")
    world.run(20)

    assert world.stay(world.decide()).code == code
    assert world.active() == "us-east"


def test_a_suspicion_below_the_quorum_is_told():
    """One vantage that sees the region fail moves nothing and is not hidden."""
    world = World()
    world.sees["eu-1"] = {cell: CellCounts(down=5) for cell in world.sizes("us-east")}
    stay = world.stay(world.run(20))

    assert (stay.state, stay.code) == (STEADY, "suspect")
    assert stay.reason == "us-east failing from 1 of 3 vantages: eu-1"


def test_cooldown_is_shown():
    """After a move the group rests, says until when, and stands ready again after it."""
    world = a_dead_region()
    world.step(0.0)
    stay = world.stay(world.step())

    assert (stay.state, stay.code) == (COOLDOWN, "up")
    assert stay.reason == (
        "eu-west up from 3 of 3 vantages; "
        "no automatic move until 2026-01-13T09:40:08.000Z, because it moved lately"
    )
    world.pass_time(600.0)
    assert world.stay(world.step()).state is STEADY


# ── what stands in the way ──


def blocked(world: World) -> Stay:
    """The decision about a group that would move, if it could."""
    stay = world.stay(world.decide())
    assert stay.state is BLOCKED
    return stay


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"renewed_seconds": 3.0}, ["not_leading"]),
        ({"contact_seconds": 3.0}, ["consul_unavailable"]),
        ({"clock_offset_seconds": 3.0}, ["clock_tilt"]),
        ({"registry_revision": 8}, ["definitions_behind"]),
        ({"restraints": None}, ["pause_unreadable"]),
        ({"budget": None}, ["budget_unreadable"]),
        ({"renewed_seconds": 3.0, "contact_seconds": 3.0}, ["not_leading", "consul_unavailable"]),
    ],
)
def test_a_frozen_group_says_why(changes, codes):
    """A freeze blocks a move that is due, with every reason, and stands in the flags."""
    world = a_dead_region(**changes)
    stay = blocked(world)

    assert stay.code == codes[0]
    assert [obstacle.code for obstacle in stay.obstacles] == codes
    assert stay.flags == stay.obstacles
    assert stay.reason.startswith("us-east down from 3 of 3 vantages for 5.0 s; not moved: ")


def test_flags_are_shown_in_quiet_times():
    """What freezes or restrains a group is shown while all is well."""
    world = World(contact_seconds=9.0)
    world.restraints = Restraints(fleet=a_pause(world))

    assert [flag.code for flag in world.stay(world.decide()).flags] == ["consul_unavailable", "fleet_paused"]


@pytest.mark.parametrize(
    ("scope", "code", "flag"),
    [
        ("fleet", "fleet_paused", Flag.PAUSED),
        ("groups", "group_paused", Flag.PAUSED),
        ("regions", "region_maintenance", Flag.MAINTENANCE),
    ],
)
def test_a_restraint_blocks_until_its_end(scope, code, flag):
    """A paused group, or one in a region under maintenance, moves when the restraint has run out."""
    world = a_dead_region()
    pause = a_pause(world, 30)
    world.restraints = {
        "fleet": Restraints(fleet=pause),
        "groups": Restraints(groups={"group-0": pause}),
        "regions": Restraints(regions={"us-east": pause}),
    }[scope]
    stay = blocked(world)

    assert (stay.code, stay.obstacles[0].flag, stay.obstacles[0].until) == (code, flag, pause.until)
    world.run(29)
    assert world.active() == "us-east"
    world.step()
    assert world.active() == "eu-west"


def test_a_region_in_maintenance_is_no_target():
    """The automation passes by a region that people work on."""
    world = a_dead_region()
    world.restraints = Restraints(regions={"eu-west": a_pause(world)})
    world.step(0.0)

    assert world.active() == "ap-south"


def test_no_target_passes_its_gates():
    """Where regions are up, but none may be entered, the gates are named."""
    world = a_dead_region()
    world.restraints = Restraints(regions=dict.fromkeys(["eu-west", "ap-south"], a_pause(world)))
    stay = blocked(world)

    assert stay.code == "no_target"
    assert "eu-west is in maintenance until" in stay.reason


@pytest.mark.parametrize(
    ("counts", "target"),
    [
        (CellCounts(down=5), "ap-south"),
        (CellCounts(unknown=5), "ap-south"),
        (CellCounts(maintenance=5), "ap-south"),
        (CellCounts(up=2, down=3), "ap-south"),
        (CellCounts(up=2, unknown=3), "ap-south"),
        (CellCounts(up=4), "ap-south"),  # one is missing from the count
        (CellCounts(up=2, maintenance=3), "eu-west"),
        (CellCounts(up=3, down=2), "eu-west"),
        (CellCounts(degraded=5), "eu-west"),
    ],
)
def test_a_region_that_is_not_fit_is_passed_by(counts, target):
    """A target has its healthy share, by what is known of most of it; else the next one is taken."""
    world = a_dead_region()
    world.counts[CellKey("service-0", "eu-west")] = counts
    world.step()

    assert world.active() == target


def test_an_empty_region_is_never_a_target():
    """A region without instances is unknown, and unknown is no place to go."""
    world = a_dead_region(fleet=a_fleet(sizes={"us-east": 5, "ap-south": 5}))
    world.step()

    assert world.active() == "ap-south"


def test_dwell_blocks_and_says_until_when():
    """A group that moved lately stays where it is although its region fails, until the dwell is over."""
    world = a_dead_region()
    world.step(0.0)
    world.heal("us-east")
    world.kill("eu-west")
    world.run(10)
    stay = blocked(world)

    assert stay.code == "dwell"
    assert "rests, until 2026-01-13T09:40:08.000Z" in stay.reason


@pytest.mark.parametrize(
    ("kind", "rests"),
    [
        (ChangeKind.MANUAL, True),
        (ChangeKind.DRILL, True),
        (ChangeKind.FAILBACK, True),
        (ChangeKind.AUTOMATIC, True),
        (ChangeKind.APPLY, False),
        (ChangeKind.REPAIR, False),
    ],
)
def test_which_changes_start_a_dwell(kind, rests):
    """Every move starts a dwell, a person's too; an `apply` or a repair is no move."""
    world = a_dead_region()
    world.documents["group-0"] = a_document(world.fleet.groups[0], change=a_change(kind, world.now))
    world.step(0.0)

    assert world.active() == ("us-east" if rests else "eu-west")


def test_manual_never_moves():
    """In mode manual only people move a group, and that is all there is to say."""
    world = a_dead_region(fleet=a_fleet(policy=Policy(mode=Mode.MANUAL)), contact_seconds=9.0)

    assert [obstacle.code for obstacle in blocked(world).obstacles] == ["manual"]


def test_observe_says_what_it_would_do():
    """In mode observe the automation says where it would move, and does not."""
    world = a_dead_region(fleet=a_fleet(policy=Policy(mode=Mode.OBSERVE)))
    stay = blocked(world)

    assert stay.code == "observe"
    assert stay.reason.endswith("group-0 is only observed; it would move to eu-west")


def test_observe_says_what_else_would_stop_it():
    """In mode observe a freeze is told instead of a move that would not happen."""
    world = a_dead_region(fleet=a_fleet(policy=Policy(mode=Mode.OBSERVE)), clock_offset_seconds=5.0)

    assert [obstacle.code for obstacle in blocked(world).obstacles] == ["clock_tilt"]


def test_a_group_that_waits_its_turn_is_not_blocked():
    """A group beyond this second's ten is evaluating, not blocked, and knows when its turn comes."""
    world = a_dead_region(fleet=a_fleet(groups=11))
    evaluation = world.decide()
    last = world.stay(evaluation, 10)

    assert sum(isinstance(decision, Move) for decision in evaluation.decisions) == 10
    assert (last.state, last.code) == (EVALUATING, PACED)
    assert evaluation.wakes_at == pytest.approx(world.monotonic + 1.0)


def test_all_evidence_moves_only_when_every_service_fails():
    """With `evidence: all` one failing service of several moves nothing."""
    fleet = a_fleet(groups=2, policy=Policy(evidence=Evidence.ALL))
    both = replace(fleet.groups[0], services=("service-0", "service-1"))
    world = World(fleet=replace(fleet, groups=(both,)))
    world.counts[CellKey("service-0", "us-east")] = CellCounts(down=5)
    world.run(20)
    assert world.active() == "us-east"

    world.counts[CellKey("service-1", "us-east")] = CellCounts(down=5)
    world.run(6)
    assert world.active() == "eu-west"


def test_one_vantage_decides_alone():
    """With a single vantage configured that one decides, and the reason says so."""
    world = a_dead_region(fleet=a_fleet(vantages=()))
    move = world.decide().decisions[0]

    assert isinstance(move, Move)
    assert move.reason == "us-east down from 1 of 1 (single vantage) for 5.0 s"


def test_one_listed_vantage_decides_even_inside_the_region():
    """A single vantage that stands in the failing region decides, for there is no other."""
    world = a_dead_region(fleet=a_fleet(vantages=VANTAGES[:1]))

    assert isinstance(world.decide().decisions[0], Move)


def test_a_service_that_fails_alone_is_no_evacuation():
    """A group whose service fails in a region that stands is counted singly."""
    world = World(fleet=a_fleet(groups=4))
    world.counts[CellKey("service-0", "us-east")] = CellCounts(down=5)
    world.run(6)

    assert [move.cause for _, move in world.moves] == [Cause.GROUP]
    assert isinstance(world.decide().decisions[1], Stay)
