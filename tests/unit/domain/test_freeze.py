"""What freezes the automation, whatever the evidence says."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf

import pytest

from controlplane.domain.evidence import Distrust, VantageView
from controlplane.domain.freeze import fleet_freezes, nowhere_to_go, panic
from controlplane.domain.obstacle import Flag, Obstacle
from controlplane.domain.quorum import RegionFinding, RegionState
from controlplane.domain.report import CellCounts
from tests.unit.domain.worlds import REGISTRY, World


def a_view(name: str = "v-1", distrust: Distrust | None = None, **regions: tuple[int, int]) -> VantageView:
    """A vantage that counts (up, down) in these regions; `us_east` stands for us-east."""
    return VantageView(
        name=name,
        region=None,
        distrust=distrust,
        cells={},
        regions={
            region.replace("_", "-"): CellCounts(up=up, down=down) for region, (up, down) in regions.items()
        },
        probers={},
    )


def a_finding(region: str, *, fit: bool, state: RegionState = RegionState.DOWN) -> RegionFinding:
    """What a quorum says of a region."""
    return RegionFinding(region, state, f"{region} {state} from 3 of 3 vantages", fit, ())


TRUSTING = (a_view("v-1"), a_view("v-2"), a_view("v-3", Distrust.SILENT))


def codes(obstacles: Iterable[Obstacle]) -> list[str]:
    """Codes in their order."""
    return [obstacle.code for obstacle in obstacles]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({}, None, None),
        ({"contact_seconds": 2.0, "renewed_seconds": 2.0, "clock_offset_seconds": -2.0}, None, None),
        ({"clock_offset_seconds": None}, None, None),
        ({"registry_revision": REGISTRY - 1}, None, None),
        ({"renewed_seconds": inf}, "not_leading", "this replica does not lead"),
        ({"renewed_seconds": 2.1}, "not_leading", "the lease was renewed 2.1 s ago"),
        ({"contact_seconds": 2.1}, "consul_unavailable", "Consul last answered 2.1 s ago"),
        ({"contact_seconds": inf}, "consul_unavailable", "Consul has never answered"),
        ({"clock_offset_seconds": 2.1}, "clock_tilt", "this clock is +2.1 s off Consul's"),
        ({"clock_offset_seconds": -7.0}, "clock_tilt", "this clock is -7.0 s off Consul's"),
        (
            {"registry_revision": REGISTRY + 1},
            "definitions_behind",
            (
                "definitions are at revision 7, the registry is at 8; if nobody applied 8: "
                "`controlplane apply` of the same file goes above it, or set the key `registry` to 7"
            ),
        ),
        (
            {"restraints": None},
            "pause_unreadable",
            'the key `pause` cannot be read or is absent; {"groups":{},"regions":{}} would restrain nothing',
        ),
        (
            {"budget": None},
            "budget_unreadable",
            'the key `budget` cannot be read or is absent; {"moves":[]} would forget every automatic move',
        ),
    ],
)
def test_what_freezes_the_fleet(changes, code, text):
    """Leadership, fresh word from Consul, present definitions and an agreeing clock are all needed."""
    found = fleet_freezes(replace(World().situation(), **changes), TRUSTING)

    assert codes(found) == ([code] if code else [])
    assert [obstacle.text for obstacle in found] == ([text] if text else [])
    assert all(obstacle.flag is Flag.FROZEN for obstacle in found)


def test_everything_that_freezes_is_named():
    """Several freezes are all told, in a fixed order."""
    situation = replace(World().situation(), renewed_seconds=inf, contact_seconds=9.0, budget=None)

    assert codes(fleet_freezes(situation, ())) == [
        "not_leading",
        "consul_unavailable",
        "budget_unreadable",
        "too_few_vantages",
    ]


def test_too_few_vantages():
    """Half of the vantages are not enough, and those that cannot be trusted are named with the reason."""
    views = (a_view("v-1"), a_view("v-2", Distrust.SILENT))
    [found] = fleet_freezes(World().situation(), views)

    assert found.code == "too_few_vantages"
    assert found.text == "only 1 of 2 vantages can be trusted, 2 needed (v-2 silent)"


@pytest.mark.parametrize(
    ("fits", "expected"), [([True], []), ([False, True], []), ([False], ["all_down"]), ([], ["all_down"])]
)
def test_nowhere_to_go(fits, expected):
    """Where no other region is fit, nothing moves."""
    found = nowhere_to_go([a_finding(f"region-{number}", fit=fit) for number, fit in enumerate(fits)])

    assert codes(found) == expected


def test_nowhere_to_go_says_why():
    """The freeze names what is wrong with each other region."""
    [found] = nowhere_to_go([a_finding("eu-west", fit=False), a_finding("ap-south", fit=False)])

    assert found.text == (
        "no other region is up: eu-west down from 3 of 3 vantages; ap-south down from 3 of 3 vantages"
    )


@pytest.mark.parametrize(
    ("views", "maintained", "expected"),
    [
        ([a_view(us_east=(0, 90), eu_west=(5, 0), ap_south=(5, 0))], [], False),
        ([a_view(us_east=(0, 90), eu_west=(5, 5))], [], False),
        ([a_view(us_east=(0, 90), eu_west=(4, 5))], [], True),
        ([a_view(us_east=(9, 0), eu_west=(0, 1))], [], True),
        ([a_view(us_east=(0, 9), eu_west=(5, 0), ap_south=(0, 9))], [], True),
        ([a_view(us_east=(0, 9), eu_west=(5, 0), ap_south=(0, 9))], ["ap-south"], False),
        ([a_view(us_east=(0, 9))], [], False),
        ([a_view(eu_west=(0, 9)), a_view(eu_west=(9, 0)), a_view(eu_west=(9, 0))], [], False),
        ([a_view(eu_west=(0, 9)), a_view(eu_west=(0, 9)), a_view(eu_west=(9, 0))], [], True),
        ([a_view(eu_west=(0, 9)), a_view(eu_west=(9, 0))], [], True),
        ([a_view(eu_west=(0, 9), distrust=Distrust.LATE), a_view(eu_west=(9, 0))], [], False),
        ([], [], False),
    ],
)
def test_panic(views, maintained, expected):
    """More than half down *elsewhere*, seen by half of the vantages, is panic; a lost region is not."""
    assert bool(panic(views, "us-east", maintained)) is expected


def test_panic_says_how_much():
    """The freeze names the worst count that was seen outside the region."""
    views = [a_view(eu_west=(1, 4), us_east=(0, 90)), a_view(eu_west=(0, 5))]

    assert panic(views, "us-east", [])[0].text == (
        "5 of 5 instances outside us-east are down: too much fails at once"
    )
