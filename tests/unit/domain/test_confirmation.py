"""k of n: one vantage's tally, what several vantages come to, and the form in which they travel."""

import json
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.documents import DocumentKind
from controlplane.domain.acknowledgement import AckClass, Finding, InForce
from controlplane.domain.confirmation import (
    STRAGGLERS_MAX,
    Confirmation,
    Spread,
    Straggler,
    Tally,
    add,
    confirmation,
    spread_of,
)
from controlplane.domain.report import REPORT_BYTES_MAX, CellCounts, CellKey, VantageReport, parse_report
from controlplane.domain.tallies import TALLIES_BYTES_MAX, parse_tallies, tallies_json
from tests.unit.domain.tallies import counted

DOCUMENT = InForce(DocumentKind.FAILOVER, "checkout", 17, "9a3f01c2")
CONFIRMED = Finding(AckClass.CONFIRMED, 17)
OFFLINE, SILENT = Finding(AckClass.OFFLINE, text="timeout: late"), Finding(AckClass.SILENT)
NACK, BEHIND = Finding(AckClass.NACK, 16, "no region"), Finding(AckClass.BEHIND, 16)
AHEAD = Finding(AckClass.AHEAD, 18)
ROSTER = {f"{region}-{number}": region for region in ("us", "eu", "ap") for number in range(15)}


def seen(
    exceptions: Mapping[str, Finding] | None = None,
    *,
    document: InForce = DOCUMENT,
    seconds: tuple[float, ...] = (),
    **more: Finding,
) -> tuple[Tally, ...]:
    """What one vantage says: all confirm but these (`us_3` is `us-3`)."""
    words = {name.replace("_", "-"): finding for name, finding in {**(exceptions or {}), **more}.items()}
    found = [(name, region, words.get(name, CONFIRMED)) for name, region in ROSTER.items()]
    return (counted(document, found, seconds),)


def counts(result: Confirmation) -> Mapping[str, int]:
    return {ack.value: count for ack, count in result.counts.items() if count}


def test_a_tally_counts_by_region_and_names_who_is_missing():
    """Whoever does not plainly confirm is named, the worst first."""
    (one,) = seen(us_3=OFFLINE, eu_1=NACK, us_0=Finding(AckClass.CONFIRMED, 17, "from disk"))

    assert one.totals == {"us": 15, "eu": 15, "ap": 15}
    assert one.regions["us"] == {AckClass.CONFIRMED: 14, AckClass.OFFLINE: 1}
    assert [one.unconfirmed(region) for region in ("us", "eu", "ap", "nowhere")] == [1, 1, 0, 0]
    assert one.stragglers == (
        Straggler("eu-1", AckClass.NACK, 16, "no region"),
        Straggler("us-3", AckClass.OFFLINE, 0, "timeout: late"),
        Straggler("us-0", AckClass.CONFIRMED, 17, "from disk"),
    )


def test_a_tally_names_a_few():
    """Twenty names are enough; the counts are of all."""
    (one,) = seen({f"us-{n}": OFFLINE for n in range(15)} | {f"eu-{n}": NACK for n in range(15)})

    assert len(one.stragglers) == STRAGGLERS_MAX
    assert Counter(who.ack for who in one.stragglers) == {AckClass.NACK: 15, AckClass.OFFLINE: 5}
    assert one.unconfirmed("us") == 15


def test_percentiles_are_those_of_real_instances():
    """By nearest rank: each figure is the time of an instance that there is."""
    assert spread_of([]) is None
    assert spread_of([0.25]) == Spread(250, 250, 250)
    assert spread_of([number / 1000 for number in range(100, 0, -1)]) == Spread(50, 95, 100)


def test_one_vantage_is_believed():
    """Counts, names and times are its own."""
    result = confirmation(DOCUMENT, {"local": seen(us_3=OFFLINE, eu_1=NACK, seconds=(0.2, 0.8))}, ROSTER)

    assert (result.confirmed, result.instances) == (43, 45)
    assert counts(result) == {"confirmed": 43, "offline": 1, "nack": 1}
    assert [(one.straggler.instance, one.region, one.vantage) for one in result.named] == [
        ("eu-1", "eu", "local"),
        ("us-3", "us", "local"),
    ]
    assert result.spread == Spread(200, 800, 800)
    assert result.vantages == ("local",)


def test_a_region_in_maintenance_counts_on_neither_side():
    """The n are the instances of the other regions."""
    result = confirmation(DOCUMENT, {"local": seen(us_3=OFFLINE, eu_1=NACK)}, ROSTER, ["us"])

    assert (result.confirmed, result.instances) == (29, 30)
    assert [one.straggler.instance for one in result.named] == ["eu-1"]


def test_the_worst_word_for_an_instance_holds():
    """An instance is confirmed where every vantage says so; of other words, the first in rank holds."""
    words = {"us-1": seen(us_3=OFFLINE, eu_1=OFFLINE), "eu-1": seen(eu_1=NACK, ap_2=SILENT)}
    result = confirmation(DOCUMENT, words, ROSTER)

    assert counts(result) == {"confirmed": 42, "nack": 1, "silent": 1, "offline": 1}
    assert [(one.straggler.instance, one.vantage) for one in result.named] == [
        ("eu-1", "eu-1"),
        ("ap-2", "eu-1"),
        ("us-3", "us-1"),
    ]


def test_where_a_vantage_cannot_name_all_the_darkest_view_holds():
    """Beyond twenty names nobody knows who is meant: the fewest confirmations are believed, by region."""
    lost = {f"us_{number}": OFFLINE for number in range(15)} | {
        f"eu_{number}": OFFLINE for number in range(15)
    }
    result = confirmation(DOCUMENT, {"us-1": seen(lost), "eu-1": seen(ap_1=NACK)}, ROSTER)

    assert counts(result) == {"offline": 30, "nack": 1, "confirmed": 14}
    assert len(result.named) == STRAGGLERS_MAX


def test_a_vantage_is_heard_on_the_present_document_only():
    """Who has not seen the revision, or sees other bytes under it, says nothing of it."""
    former = InForce(DOCUMENT.kind, DOCUMENT.name, 16, "00000000")
    edited = InForce(DOCUMENT.kind, DOCUMENT.name, 17, "00000000")
    words = {"us-1": seen(document=former), "eu-1": seen(document=edited), "ap-1": seen(us_3=NACK)}

    assert confirmation(DOCUMENT, words, ROSTER).vantages == ("ap-1",)
    unheard = confirmation(DOCUMENT, {"us-1": seen(document=former), "eu-1": ()}, ROSTER)
    assert (unheard.vantages, unheard.counts, unheard.confirmed, unheard.instances) == ((), {}, 0, 45)


def test_a_vantage_whose_counts_do_not_add_up_is_not_heard():
    """Missing is never counted, neither as confirmed nor as not."""
    assert confirmation(DOCUMENT, {"local": seen()}, {**ROSTER, "us-99": "us"}).vantages == ()


def test_shares_of_a_vantage_add_up():
    """Probers that each see a part say the whole together, and nothing while one of them is behind."""
    half = [(name, region, CONFIRMED) for name, region in ROSTER.items() if region != "us"]
    rest = [(name, region, OFFLINE) for name, region in ROSTER.items() if region == "us"]
    parts = (counted(DOCUMENT, half, [0.3]), counted(DOCUMENT, rest, [0.2, 0.5]))
    result = confirmation(DOCUMENT, {"local": parts}, ROSTER)

    assert counts(result) == {"confirmed": 30, "offline": 15}
    assert add(parts).spread == Spread(300, 500, 500)
    former = InForce(DOCUMENT.kind, DOCUMENT.name, 16, "00000000")
    assert confirmation(DOCUMENT, {"local": (parts[0], counted(former, rest))}, ROSTER).vantages == ()


def test_who_is_ahead_is_known_by_name_and_number():
    """What readers know that Consul does not is at hand for the next number."""
    result = confirmation(DOCUMENT, {"local": seen(us_3=AHEAD, us_4=AHEAD, eu_1=NACK)}, ROSTER)

    assert result.ahead == {"us-3": 18, "us-4": 18}
    assert seen(us_3=AHEAD)[0].ahead
    assert not seen(us_3=NACK)[0].ahead
    assert not seen()[0].ahead


FINDINGS = st.sampled_from([CONFIRMED, OFFLINE, SILENT, NACK, BEHIND, AHEAD])
VIEWS = st.dictionaries(st.sampled_from([*ROSTER]), FINDINGS)


@given(st.dictionaries(st.sampled_from(["us-1", "eu-1", "ap-1"]), VIEWS, min_size=1))
def test_confirmed_is_never_more_than_any_vantage_says(views: Mapping[str, Mapping[str, Finding]]):
    """Counts add up to n, no vantage sees fewer confirm, and all is all only where all of them say so."""
    words = {vantage: seen(view) for vantage, view in views.items()}
    result = confirmation(DOCUMENT, words, ROSTER)

    assert sum(result.counts.values()) == result.instances == 45
    for (one,) in words.values():
        assert result.confirmed <= 45 - sum(one.unconfirmed(region) for region in one.regions)
    everybody = all(finding is CONFIRMED for view in views.values() for finding in view.values())
    assert (result.confirmed == 45) is everybody


# ── within a report ──


def report(acks: Mapping[str, Tally], cells: int = 1) -> VantageReport:
    counted = {CellKey(f"service-{number}", "us-east"): CellCounts(up=1) for number in range(cells)}
    return VantageReport("us-1", "prober-1", "boot-1", 1, "m", 7, cells=counted, acks=acks)


def test_a_tally_travels_whole():
    """What a prober wrote is what a replica reads."""
    acks = {"failover/checkout": seen(us_3=OFFLINE, eu_1=NACK, seconds=(0.2, 0.8))[0]}
    written = report(acks)

    assert parse_report("us-1", "prober-1", written.to_bytes()) == written


def test_a_report_of_an_older_prober_has_none():
    """A report without acknowledgements is a report."""
    fields = json.loads(report({}).to_bytes())
    del fields["acks"]

    assert parse_report("us-1", "prober-1", json.dumps(fields).encode()).acks == {}


@pytest.mark.parametrize(
    "change",
    [
        {"revision": -1},
        {"revision": True},
        {"revision": None},
        {"regions": []},
        {"regions": {"us": {"splendid": 1}}},
        {"regions": {"us": {"confirmed": "many"}}},
        {"stragglers": [["us-1", "nack"]]},
        {"stragglers": [["us-1", "splendid", 1, ""]]},
        {"stragglers": 7},
        {"ms": [1, 2]},
        {"ms": 7},
    ],
    ids=str,
)
def test_an_unreadable_tally_costs_no_vote(change: dict[str, object]):
    """It is left out, and only its document misses it."""
    good = tallies_json({"failover/checkout": seen(us_3=OFFLINE)[0]})["failover/checkout"]

    assert [*parse_tallies({"failover/a": {**good, **change}, "failover/b": good})] == ["failover/b"]
    assert parse_tallies([]) == {}
    assert parse_tallies({"failover/a": 7}) == {}


def test_a_report_takes_in_a_bounded_number_of_names_and_characters():
    """A prober that writes too much is read up to the bounds."""
    content = tallies_json({"failover/checkout": seen()[0]})["failover/checkout"]
    content["stragglers"] = [[f"us-{number}", "nack", 1, "x" * 1000] for number in range(100)]
    (one,) = parse_tallies({"failover/checkout": content}).values()

    assert len(one.stragglers) == STRAGGLERS_MAX
    assert {len(who.text) for who in one.stragglers} == {120}


def test_a_report_stays_small():
    """What does not fit is left out: first documents that everybody confirms, never health."""
    many = {f"failover/group-{number:04}": seen()[0] for number in range(3000)}
    many["switches/zebra"] = seen(us_3=NACK)[0]
    kept = tallies_json(many)

    assert len(json.dumps(kept)) <= TALLIES_BYTES_MAX
    assert "switches/zebra" in kept
    assert len(kept) > 700
    raw = report(many, cells=5000).to_bytes()
    assert len(raw) <= REPORT_BYTES_MAX
    assert len(parse_report("us-1", "prober-1", raw).cells) == 5000
