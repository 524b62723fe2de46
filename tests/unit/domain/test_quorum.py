"""What a quorum of vantages says of a region."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controlplane.domain.evidence import Distrust, VantageView
from controlplane.domain.fleet import Evidence, Group, Policy
from controlplane.domain.quorum import (
    NAMES_SHOWN_MAX,
    RegionFinding,
    RegionState,
    carries,
    find_region,
    needed,
    region_lost,
)
from controlplane.domain.report import CellCounts, CellKey
from tests.unit.domain.strategies import vantage_words

GROUP = Group("shop", ("checkout", "search"), ("us-east", "eu-west"))
ALL_OF = replace(GROUP, policy=Policy(evidence=Evidence.ALL))
FINE, SOSO, BAD, MUTE = (
    CellCounts(up=4),
    CellCounts(up=3, degraded=1),
    CellCounts(up=1, down=3),
    CellCounts(up=1, unknown=3),
)
US, EU, AP = ("us-1", "us-east"), ("eu-1", "eu-west"), ("ap-1", "ap-south")


def a_view(
    place: tuple[str, str | None],
    checkout: CellCounts | None = FINE,
    search: CellCounts | None = FINE,
    distrust: Distrust | None = None,
) -> VantageView:
    """A vantage that sees these counts in us-east; None: a cell that it cannot add up."""
    name, region = place
    seen = {"checkout": checkout, "search": search}
    cells = {CellKey(service, "us-east"): counts for service, counts in seen.items() if counts}
    return VantageView(
        name=name,
        region=region,
        distrust=distrust,
        cells=cells,
        regions={"us-east": sum(cells.values(), CellCounts())} if cells else {},
        probers={"p": distrust},
    )


def find(*views: VantageView, group: Group = GROUP) -> RegionFinding:
    """What these vantages, all that are configured, make of us-east."""
    return find_region(group, "us-east", views)


@pytest.mark.parametrize(("configured", "expected"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_needed(configured, expected):
    """More than half of the configured vantages must be able to say something."""
    assert needed(configured) == expected


@pytest.mark.parametrize(
    ("ayes", "voting", "configured", "expected"),
    [
        (0, 0, 1, False),
        (0, 1, 1, False),
        (1, 1, 1, True),
        (1, 2, 2, False),
        (2, 2, 2, True),
        (1, 1, 2, False),
        (1, 2, 3, False),
        (2, 2, 3, True),
        (2, 3, 3, True),
        (1, 3, 3, False),
        (2, 3, 4, True),
        (3, 4, 4, True),
        (2, 4, 4, False),
        (2, 3, 5, False),  # two thirds of the voters, but a minority of the vantages
        (3, 4, 5, True),
        (3, 5, 5, False),
        (4, 5, 5, True),
    ],
)
def test_carries(ayes, voting, configured, expected):
    """A statement carries with two thirds of the voters who are no minority of the vantages."""
    assert carries(ayes, voting, configured) is expected


@given(st.integers(1, 15), st.data())
def test_a_minority_never_carries(configured, data):
    """However many abstain, a minority of the configured vantages brings nothing about."""
    voting = data.draw(st.integers(0, configured))
    ayes = data.draw(st.integers(0, voting))
    assume(2 * ayes < configured)

    assert not carries(ayes, voting, configured)


@given(st.integers(1, 15), st.data())
def test_no_two_opposite_statements_carry(configured, data):
    """Two statements that exclude each other never carry together."""
    voting = data.draw(st.integers(0, configured))
    ayes = data.draw(st.integers(0, voting))

    assert not (carries(ayes, voting, configured) and carries(voting - ayes, voting, configured))


@pytest.mark.parametrize(
    ("views", "state", "reason"),
    [
        (
            [a_view(US), a_view(EU), a_view(AP)],
            RegionState.UP,
            "us-east up from 3 of 3 vantages",
        ),
        (
            [a_view(US), a_view(EU, SOSO), a_view(AP)],
            RegionState.DEGRADED,
            "us-east degraded from 3 of 3 vantages",
        ),
        (
            [a_view(US, BAD), a_view(EU), a_view(AP)],
            RegionState.SUSPECT,
            "us-east failing from 1 of 3 vantages: us-1",
        ),
        (
            [a_view(US, BAD), a_view(EU, BAD), a_view(AP)],
            RegionState.DOWN,
            "us-east down from 2 of 3 vantages",
        ),
        (
            [a_view(US, BAD), a_view(EU, BAD), a_view(AP, BAD)],
            RegionState.DOWN,
            "us-east down from 3 of 3 vantages",
        ),
        (
            [a_view(US, distrust=Distrust.SILENT), a_view(EU, BAD), a_view(AP, BAD)],
            RegionState.DOWN,
            "us-east down from 2 of 3 vantages (us-1 silent)",
        ),
        (
            [a_view(US, distrust=Distrust.SILENT), a_view(EU, BAD), a_view(AP)],
            RegionState.SUSPECT,
            "us-east failing from 1 of 3 vantages: eu-1 (us-1 silent)",
        ),
        (
            [a_view(US, distrust=Distrust.SILENT), a_view(EU, BAD), a_view(AP, search=MUTE)],
            RegionState.UNKNOWN,
            "us-east unknown: 1 of 3 vantages can say, 2 needed (us-1 silent, ap-1 knows too little of it)",
        ),
        (
            [a_view(US, BAD), a_view(("us-2", "us-east"), BAD)],
            RegionState.SUSPECT,
            "us-east failing from 2 of 2 vantages: us-1, us-2, none of them outside us-east",
        ),
        (
            [a_view(US, BAD)],
            RegionState.DOWN,
            "us-east down from 1 of 1 (single vantage)",
        ),
        (
            [a_view(("local", None), distrust=Distrust.UNSEEN)],
            RegionState.UNKNOWN,
            "us-east unknown: 0 of 1 (single vantage) can say, 1 needed (local not seen changing yet)",
        ),
    ],
)
def test_findings(views, state, reason):
    """A region's state follows from the votes, and its sentence names numbers, accusers and abstainers."""
    finding = find(*views)

    assert (finding.state, finding.reason) == (state, reason)


@pytest.mark.parametrize(
    ("group", "checkout", "search", "state", "fit"),
    [
        (GROUP, FINE, FINE, RegionState.UP, True),
        (GROUP, SOSO, FINE, RegionState.DEGRADED, True),
        (GROUP, BAD, FINE, RegionState.DOWN, False),
        (GROUP, BAD, MUTE, RegionState.DOWN, False),
        (GROUP, BAD, None, RegionState.DOWN, False),
        (GROUP, FINE, MUTE, RegionState.UNKNOWN, False),
        (GROUP, FINE, None, RegionState.UNKNOWN, False),
        (GROUP, None, None, RegionState.UNKNOWN, False),
        (ALL_OF, FINE, FINE, RegionState.UP, True),
        (ALL_OF, BAD, FINE, RegionState.DEGRADED, False),
        (ALL_OF, MUTE, FINE, RegionState.DEGRADED, False),
        (ALL_OF, BAD, BAD, RegionState.DOWN, False),
        (ALL_OF, BAD, MUTE, RegionState.UNKNOWN, False),
        (ALL_OF, None, None, RegionState.UNKNOWN, False),
    ],
)
def test_any_or_all_services(group, checkout, search, state, fit):
    """Any bad service makes a region bad, or only all of them; a target needs every one of them serving."""
    finding = find(*(a_view(place, checkout, search) for place in (US, EU, AP)), group=group)

    assert (finding.state, finding.fit) == (state, fit)


def test_a_ballot_keeps_its_counts():
    """What a vantage counted is kept beside its vote, for the explanation."""
    finding = find(a_view(US, BAD, None), a_view(EU), a_view(AP))

    assert finding.ballots[0].cells == {"checkout": BAD}


def test_long_lists_of_names_are_cut():
    """A sentence stays a sentence with a hundred vantages."""
    finding = find(*(a_view((f"v-{number}", "eu-west"), BAD) for number in range(20)), a_view(AP), a_view(US))
    sentence = find(
        *(a_view((f"v-{number}", "eu-west"), BAD) for number in range(9)), *[a_view(EU)] * 20
    ).reason

    assert finding.state is RegionState.DOWN
    assert sentence.count("v-") == NAMES_SHOWN_MAX
    assert sentence.endswith("v-4, 4 more")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((BAD, BAD, BAD), True),
        ((BAD, BAD, FINE), True),
        ((BAD, FINE, FINE), False),
        ((BAD, None, BAD), True),
        ((BAD, None, None), False),
        ((FINE, FINE, FINE), False),
    ],
)
def test_a_lost_region(counts, expected):
    """A region is lost when a quorum sees most of everything in it down."""
    views = [a_view(place, seen, seen) for place, seen in zip((US, EU, AP), counts, strict=True)]

    assert region_lost("us-east", views) is expected


def test_a_service_down_is_no_lost_region():
    """One service that fails in a region full of others does not make it a lost region."""
    views = [a_view(place, CellCounts(down=4), CellCounts(up=5)) for place in (US, EU, AP)]

    assert not region_lost("us-east", views)


def test_whom_nobody_trusts_does_not_lose_a_region():
    """A distrusted vantage says nothing of a whole region either."""
    views = [a_view(place, BAD, BAD, distrust=Distrust.LATE) for place in (US, EU, AP)]

    assert not region_lost("us-east", views)


def configured(words: Sequence[str]) -> list[VantageView]:
    """Vantages outside the region, each of which says one of these words."""
    seen = {"up": FINE, "degraded": SOSO, "failing": BAD, "silent": BAD, "abstains": None}
    return [
        a_view(
            (f"v-{number}", "eu-west"),
            seen[word],
            seen[word],
            distrust=Distrust.SILENT if word == "silent" else None,
        )
        for number, word in enumerate(words)
    ]


@given(st.integers(1, 9), st.data())
def test_no_minority_brings_down(size, data):
    """Whatever a minority says, and however many others abstain, it never makes a region down or a target."""
    liars = data.draw(st.integers(0, (size - 1) // 2))
    others = st.sampled_from(["up", "abstains", "silent"])
    words = data.draw(st.lists(others, min_size=size - liars, max_size=size - liars))

    assert find(*configured([*words, *["failing"] * liars])).state is not RegionState.DOWN
    bad = ["failing" if word == "up" else word for word in words]
    assert not find(*configured([*bad, *["up"] * liars])).fit


@given(st.integers(3, 9), st.sampled_from(["up", "failing"]), st.data())
def test_no_third_changes_the_outcome(size, truth, data):
    """Where all others agree, a minority below a third changes nothing, whatever it says or leaves unsaid."""
    liars = data.draw(st.integers(0, size // 3))
    lies = data.draw(st.lists(vantage_words(), min_size=liars, max_size=liars))
    honest = [truth] * (size - liars)
    finding = find(*configured([*honest, *lies]))

    assert (finding.state is RegionState.DOWN) is (truth == "failing")
    assert finding.fit is (truth == "up")


@given(st.lists(vantage_words(), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_the_order_of_vantages_does_not_matter(words, random):
    """The same votes give the same finding in any order."""
    shuffled = random.sample(words, len(words))
    one, other = find(*configured(words)), find(*configured(shuffled))

    assert (one.state, one.fit) == (other.state, other.fit)


@given(st.lists(vantage_words(), min_size=1, max_size=9))
def test_unknown_only_when_too_few_can_say(words):
    """A region is unknown exactly when too few vantages vote, and then it is no target."""
    finding = find(*configured(words))
    voting = sum(word not in ("abstains", "silent") for word in words)

    assert (finding.state is RegionState.UNKNOWN) is (voting < needed(len(words)))
    assert not (finding.fit and finding.state in (RegionState.UNKNOWN, RegionState.DOWN))
