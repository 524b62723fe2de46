"""Which vantage reports vote, and what they add up to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from controlplane.domain.evidence import (
    FORMER_BOOTS_MAX,
    SILENT_SECONDS,
    Distrust,
    Evidence,
    VantageView,
    forget,
    vantage_views,
    witness,
)
from controlplane.domain.fleet import Definitions, Fleet, Region, Service, Vantage
from controlplane.domain.report import CellCounts, CellKey, SelfTrust, VantageReport, member_set
from tests.unit.domain.worlds import REGISTRY, World, a_fleet, a_service

CELL = CellKey("checkout", "us-east")
FLEET = Fleet(
    regions=(Region("us-east"), Region("eu-west")),
    vantages=(Vantage("us-1", "us-east"),),
    services=(a_service("checkout", {"us-east": 4}),),
)
DEFINITIONS = Definitions(REGISTRY, FLEET)


def a_report(**changes: Any) -> VantageReport:
    """A report of a lone prober that sees the whole cell up."""
    report = VantageReport(
        vantage="us-1",
        prober="p",
        boot="boot-1",
        seq=1,
        members=member_set(["p"]),
        registry=REGISTRY,
        cells={CELL: CellCounts(up=4)},
    )
    return replace(report, **changes)


def hear(
    *reports: VantageReport | tuple[VantageReport, ...],
    evidence: Evidence | None = None,
    start: float = 100.0,
) -> Evidence:
    """Evidence after these reports came one per second; a tuple is several probers at once."""
    evidence = evidence or Evidence()
    for number, heard in enumerate(reports):
        several = heard if isinstance(heard, tuple) else (heard,)
        read = {
            (report.vantage, report.prober): (report, 1000 * report.seq + ord(report.boot[-1]))
            for report in several
        }
        evidence = witness(evidence, read, start + number)
    return evidence


def view_at(evidence: Evidence, monotonic: float) -> VantageView:
    """What is made of the vantage us-1."""
    return vantage_views(evidence, DEFINITIONS, monotonic)["us-1"]


def test_a_found_report_says_nothing():
    """A report that was merely found does not vote: its prober may be long dead."""
    view = view_at(hear(a_report()), 100.0)

    assert (view.distrust, view.cells) == (Distrust.UNSEEN, {})


def test_leftovers_never_vote():
    """A leftover that is read again and again without a change never votes, however often it is read."""
    evidence = hear(*[a_report()] * 30)

    assert view_at(evidence, 130.0).distrust is Distrust.UNSEEN


def test_a_changing_report_votes():
    """A report that was seen to change votes with its counts."""
    view = view_at(hear(a_report(), a_report(seq=2)), 101.0)

    assert view.trusted
    assert {CELL: CellCounts(up=4)} == view.cells
    assert {"us-east": CellCounts(up=4)} == view.regions


@pytest.mark.parametrize(("age", "expected"), [(0.0, None), (5.999, None), (6.0, Distrust.SILENT)])
def test_silence(age, expected):
    """A report votes until six monotonic seconds after its last change, and not at the sixth."""
    evidence = hear(a_report(), a_report(seq=2), start=0.0)

    assert view_at(evidence, 1.0 + age).distrust is expected


def test_a_view_says_when_it_changes():
    """A view names the moment at which it falls silent without a further report."""
    evidence = hear(a_report(), a_report(seq=2))

    assert view_at(evidence, 102.0).changes_at == 101.0 + SILENT_SECONDS
    assert view_at(evidence, 120.0).changes_at is None


def test_forgetting_keeps_what_is_shown():
    """After Consul failed, what was seen is still there to be shown, and none of it votes."""
    evidence = forget(hear(a_report(), a_report(seq=2)))

    assert view_at(evidence, 101.5).distrust is Distrust.UNSEEN
    assert evidence.sightings["us-1", "p"].report.seq == 2


def test_the_first_report_after_an_outage_does_not_vote():
    """A report that changed while Consul was away is a find, not a change that was seen."""
    evidence = forget(hear(a_report(), a_report(seq=2)))
    once = hear(a_report(seq=9), evidence=evidence, start=110.0)
    twice = hear(a_report(seq=10), evidence=once, start=111.0)

    assert view_at(once, 110.0).distrust is Distrust.UNSEEN
    assert view_at(twice, 111.0).trusted


def test_the_same_report_after_an_outage_does_not_vote():
    """A report that stands unchanged after an outage is a leftover until it moves."""
    evidence = forget(hear(a_report(), a_report(seq=2)))

    assert view_at(hear(a_report(seq=2), evidence=evidence, start=110.0), 110.0).distrust is Distrust.UNSEEN


def test_a_restored_report_does_not_vote():
    """A report that goes back in time, because the store did, has to be seen rising again."""
    evidence = hear(a_report(seq=5), a_report(seq=6), a_report(seq=3))

    assert view_at(evidence, 102.0).distrust is Distrust.UNSEEN
    assert view_at(hear(a_report(seq=4), evidence=evidence, start=103.0), 103.0).trusted


def test_a_deleted_report_is_forgotten():
    """A report that is no longer in the store is no longer evidence."""
    evidence = witness(hear(a_report(), a_report(seq=2)), {}, 102.0)

    assert view_at(evidence, 102.0).distrust is Distrust.ABSENT


def test_a_restarted_prober_has_to_be_seen_again():
    """A new process under the name votes from its second report on."""
    evidence = hear(a_report(), a_report(seq=2), a_report(boot="boot-2", seq=1))

    assert view_at(evidence, 102.0).distrust is Distrust.UNSEEN
    assert view_at(hear(a_report(boot="boot-2", seq=2), evidence=evidence, start=103.0), 103.0).trusted


def test_two_probers_under_one_name_abstain():
    """When a former process comes back under the name, two share it, and neither votes."""
    evidence = hear(
        a_report(seq=1),
        a_report(seq=2),
        a_report(boot="boot-2", seq=1),
        a_report(boot="boot-2", seq=2),
        a_report(seq=3),
        a_report(seq=4),
    )
    view = view_at(evidence, 105.0)

    assert view.distrust is Distrust.SHARED_NAME
    assert view.changes_at == 104.0 + SILENT_SECONDS


def test_a_shared_name_is_over_when_one_of_them_is():
    """Six seconds after the last alternation the one that is left votes."""
    evidence = hear(
        a_report(seq=1),
        a_report(boot="boot-2", seq=1),
        a_report(seq=2),
        *[a_report(seq=n) for n in range(3, 9)],
    )

    assert view_at(evidence, 107.9).distrust is Distrust.SHARED_NAME
    assert view_at(evidence, 108.0).trusted


def test_only_so_many_boots_are_remembered():
    """A prober in a crash loop fills no memory."""
    evidence = hear(*[a_report(boot=f"boot-{letter}") for letter in "abcdefghijkl"])

    assert len(evidence.sightings["us-1", "p"].former_boots) == FORMER_BOOTS_MAX


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"registry": REGISTRY - 1}, Distrust.REGISTRY),
        ({"registry": REGISTRY + 1}, Distrust.REGISTRY),
        ({"members": member_set(["p", "q"])}, Distrust.MEMBERS),
        ({"trust": SelfTrust(loop_lag_seconds=2.1)}, Distrust.LATE),
        ({"trust": SelfTrust(loop_lag_seconds=2.0)}, None),
    ],
)
def test_reports_that_do_not_vote(changes, expected):
    """A report by other definitions, by other members or from a late loop does not vote, and says why."""
    view = view_at(hear(a_report(**changes), a_report(seq=2, **changes)), 101.0)

    assert expected is view.distrust
    assert {"p": expected} == view.probers


@pytest.mark.parametrize("counts", [CellCounts(up=3), CellCounts(up=5), CellCounts(down=3), CellCounts()])
def test_a_cell_that_does_not_add_up_is_left_out(counts):
    """What is missing, or counted twice, is counted neither as up nor as down."""
    view = view_at(hear(a_report(), a_report(seq=2, cells={CELL: counts})), 101.0)

    assert view.trusted
    assert view.cells == {}


def test_unknown_and_maintenance_count_toward_the_number():
    """A cell is complete when every instance of the registry is in it, in whatever health."""
    counts = CellCounts(up=1, down=1, unknown=1, maintenance=1)

    assert {CELL: counts} == view_at(hear(a_report(), a_report(seq=2, cells={CELL: counts})), 101.0).cells


def test_a_cell_that_the_registry_does_not_know_is_left_out():
    """Nobody can vote on a cell that is not defined."""
    cells = {CELL: CellCounts(up=4), CellKey("ghost", "us-east"): CellCounts(down=9)}

    assert {CELL} == view_at(hear(a_report(), a_report(seq=2, cells=cells)), 101.0).cells.keys()


def shares(
    seq: int, *, first: CellCounts | None = None, second: CellCounts | None = None
) -> tuple[VantageReport, VantageReport]:
    """Two probers of one vantage with half of the cell each."""
    named = member_set(["p", "q"])
    return (
        a_report(seq=seq, members=named, cells={CELL: first or CellCounts(up=2)}),
        a_report(
            seq=seq, members=named, prober="q", boot="boot-q", cells={CELL: second or CellCounts(down=2)}
        ),
    )


def test_shares_are_added_up():
    """Two probers that know of each other make one view."""
    assert {CELL: CellCounts(up=2, down=2)} == view_at(hear(shares(1), shares(2)), 101.0).cells


def test_a_lone_share_is_not_the_whole():
    """While one of two probers is missing, its half of the cell is not taken to be up or down."""
    first, _ = shares(2)
    view = view_at(hear(shares(1), (first,)), 101.0)

    assert view.distrust is Distrust.MEMBERS
    assert view.cells == {}


def test_a_silent_share_leaves_a_hole():
    """A prober that fell silent takes its share of the cell with it, until the other has taken it over."""
    alone = a_report(members=member_set(["p"]))
    evidence = hear(shares(1), shares(2), *[shares(seq)[:1] for seq in range(3, 12)])
    dead = {("us-1", "q"): (shares(2)[1], 2113)}
    for seq in range(12, 20):
        read = {("us-1", "p"): (replace(alone, seq=seq), 1000 * seq)} | dead
        evidence = witness(evidence, read, 100.0 + seq)

    view = view_at(evidence, 119.0)
    assert view.probers == {"p": None, "q": Distrust.UNSEEN}
    assert {CELL: CellCounts(up=4)} == view.cells


def test_overlapping_shares_are_not_added_up():
    """A report by the former member set is not added to one by the present set."""
    first, second = shares(2)
    former = replace(first, members=member_set(["p"]), cells={CELL: CellCounts(up=4)})
    view = view_at(hear(shares(1), (former, second)), 101.0)

    assert view.probers == {"p": Distrust.MEMBERS, "q": None}
    assert view.cells == {}


def test_a_cell_of_one_prober_alone_counts_beside_a_hole():
    """A cell that one prober holds completely votes although another prober of the vantage does not."""
    first, second = shares(2, first=CellCounts(up=4))
    late = replace(second, cells={}, trust=SelfTrust(loop_lag_seconds=9.0))

    assert {CELL: CellCounts(up=4)} == view_at(hear(shares(1), (first, late)), 101.0).cells


def test_unlisted_vantages_are_shown():
    """A vantage that the fleet file does not list is shown with what it sees, and does not vote."""
    definitions = Definitions(REGISTRY, replace(FLEET, vantages=(Vantage("eu-1", "eu-west"),)))
    views = vantage_views(hear(a_report(), a_report(seq=2)), definitions, 101.0)

    assert list(views) == ["eu-1", "us-1"]
    assert views["us-1"].distrust is Distrust.UNLISTED
    assert {CELL: CellCounts(up=4)} == views["us-1"].cells


def test_without_vantages_there_is_local():
    """A fleet file without vantages has one voter, `local`."""
    definitions = Definitions(REGISTRY, Fleet(services=(Service("checkout"),)))

    assert list(vantage_views(Evidence(), definitions, 0.0)) == ["local"]


def everything_down_for(world: World, *names: str) -> Mapping[str, VantageView]:
    """Some vantages see everything down."""
    for name in names:
        world.sees[name] = {cell: CellCounts(down=size) for cell, size in world.sizes().items()}
    world.pass_time(1.0)
    world.report()
    return vantage_views(world.evidence, Definitions(REGISTRY, world.fleet), world.monotonic)


def test_a_lone_pessimist_is_not_believed():
    """One vantage of three that sees everything down is taken to be cut off."""
    views = everything_down_for(World(), "eu-1")

    assert [view.distrust for view in views.values()] == [None, Distrust.SEES_ALL_DOWN, None]


@pytest.mark.parametrize("names", [("us-1", "eu-1"), ("us-1", "eu-1", "ap-1")])
def test_most_pessimists_are_believed(names):
    """When most vantages see everything down, they are believed: then nothing is left to move to."""
    views = everything_down_for(World(), *names)

    assert all(view.trusted for view in views.values())


def test_a_single_vantage_is_always_believed():
    """With one vantage nobody can doubt it: seeing everything down has to freeze, not to hide."""
    views = everything_down_for(World(fleet=a_fleet(vantages=())), "local")

    assert views["local"].trusted
    assert views["local"].sees_all_down


def test_a_vantage_that_knows_nothing_is_no_pessimist():
    """Seeing nothing at all is not seeing everything down."""
    world = World()
    world.set("unknown")
    world.report()

    assert not any(
        view.sees_all_down
        for view in vantage_views(
            world.evidence, Definitions(REGISTRY, world.fleet), world.monotonic
        ).values()
    )
