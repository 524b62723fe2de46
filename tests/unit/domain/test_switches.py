"""What a person may do with a switch, and what then stands in its document."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.switches import PERCENT_MAX, Switch, SwitchType
from controlplane.domain.switches import (
    Flip,
    Given,
    SwitchRefusal,
    Verb,
    at_rest,
    changed_names,
    flipped,
    same,
)
from tests.unit.domain.switch_worlds import (
    DEGRADED,
    FORCED,
    NOW,
    PAST,
    RETIRED,
    SOON,
    definition,
    flips,
    ground,
    override,
    switch,
    two,
)

LAST_MINUTE = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-23)))
"""No moment that UTC has a name for."""


def after(flip: Flip, **switches: Switch) -> Switch:
    """The switch `recs` after a flip."""
    return flipped(two(**switches), flip, ground())["recs"]


def degrade(**fields: Any) -> Flip:
    return Flip("recs", Verb.DEGRADE, **fields)


def restore(*regions: str) -> Flip:
    return Flip("recs", Verb.RESTORE, regions)


@pytest.mark.parametrize(
    ("flip", "before", "expected"),
    [
        (degrade(), switch(), switch(DEGRADED)),
        (degrade(value=Given(value=True)), switch(), switch(DEGRADED, value=True)),
        (degrade(percent=25, expires_at=SOON), switch(), switch(DEGRADED, percent=25, expires_at=SOON)),
        (degrade(), switch(DEGRADED, percent=25, expires_at=SOON), switch(DEGRADED)),
        (degrade(), switch(FORCED), switch(DEGRADED)),
        (
            degrade(regions=("us-east", "eu-west"), expires_at=SOON),
            switch(),
            switch(regions={"us-east": override(until=SOON), "eu-west": override(until=SOON)}),
        ),
        (restore(), switch(DEGRADED, percent=25, expires_at=SOON), switch()),
        (restore(), switch(FORCED), switch()),
        (
            restore(),
            switch(DEGRADED, regions={"eu-west": override()}),
            switch(regions={"eu-west": override()}),
        ),
        (
            restore("eu-west"),
            switch(DEGRADED, regions={"eu-west": override(), "us-east": override()}),
            switch(DEGRADED, regions={"us-east": override()}),
        ),
        (restore("gone"), switch(regions={"gone": override()}), switch()),
        (restore("eu-west"), switch(DEGRADED), switch(DEGRADED)),
        (Flip("recs", Verb.FORCE), switch(DEGRADED, percent=25), switch(FORCED)),
        (
            Flip("recs", Verb.FORCE, ("eu-west",), expires_at=SOON),
            switch(DEGRADED),
            switch(DEGRADED, regions={"eu-west": override(FORCED, value=True, until=SOON)}),
        ),
    ],
)
def test_a_flip_changes_what_was_asked_for_and_nothing_else(flip: Flip, before: Switch, expected: Switch):
    """The base entry or the named regions change; everything else stays byte for byte."""
    assert same(after(flip, recs=before), expected)
    assert changed_names(two(recs=before), flipped(two(recs=before), flip, ground())) in ([], ["recs"])


@pytest.mark.parametrize(
    ("flip", "code", "words"),
    [
        (Flip("nothing", Verb.RESTORE), "unknown_switch", "allowed: depth, recs"),
        (Flip("old", Verb.RESTORE), "switch_retired", "no longer have it"),
        (Flip("recs", Verb.FORCE, value=Given(value=True)), "flip_not_allowed", "value goes with degrade"),
        (Flip("recs", Verb.RESTORE, percent=5), "flip_not_allowed", "percent goes with degrade"),
        (degrade(regions=("eu-west",), percent=5), "flip_not_allowed", "name none with it"),
        (degrade(percent=0), "flip_not_allowed", "allowed is 1 to 100"),
        (degrade(percent=101), "flip_not_allowed", "allowed is 1 to 100"),
        (Flip("recs", Verb.RESTORE, expires_at=SOON), "flip_not_allowed", "has no end"),
        (degrade(expires_at=NOW), "flip_not_allowed", "lies ahead"),
        (degrade(expires_at=PAST), "flip_not_allowed", f"the end {PAST.isoformat()} is not allowed"),
        (
            degrade(expires_at=LAST_MINUTE),
            "flip_not_allowed",
            "the end 9999-12-31T23:59:00-23:00 is not allowed",
        ),
        (degrade(expires_at=NOW + timedelta(days=31)), "flip_not_allowed", "at most 30 days"),
        (degrade(regions=("mars",)), "unknown_region", "allowed: ap-south, eu-west, us-east"),
        (restore("mars"), "unknown_region", "mars is no region"),
        (degrade(value=Given("off")), "value_not_allowed", "a value of type bool is wanted"),
        (degrade(value=Given(1)), "value_not_allowed", "a value of type bool is wanted"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_is_allowed(flip: Flip, code: str, words: str):
    """A refusal has a stable code and names what would be allowed."""
    with pytest.raises(SwitchRefusal) as refused:
        flipped(two(old=switch(RETIRED)) if flip.switch == "old" else two(), flip, ground())

    assert refused.value.code == code
    assert words in str(refused.value)


def test_nothing_is_allowed_where_there_is_nothing():
    """A service without switches and a fleet without regions say so."""
    with pytest.raises(SwitchRefusal, match="there is none"):
        flipped({}, degrade(), ground())
    nowhere = ground()
    with pytest.raises(SwitchRefusal, match="allowed: there is none"):
        flipped(two(), degrade(regions=("mars",)), type(nowhere)(nowhere.declared, (), NOW))


def test_a_switch_that_is_not_declared_here_is_degraded_to_a_given_value_only():
    """Without a declaration at hand the value must be given; restoring needs none."""
    undeclared = ground(declared=())
    with pytest.raises(SwitchRefusal, match="give a value"):
        flipped(two(), degrade(), undeclared)

    given_value = flipped(two(), degrade(value=Given(value=False)), undeclared)["recs"]
    assert same(given_value, switch(DEGRADED))
    assert same(flipped(two(recs=given_value), restore(), undeclared)["recs"], switch())


def test_a_restored_switch_takes_up_what_the_definitions_want_of_it():
    """The new `normal`, or the new type, holds from the moment at which nobody holds the switch."""
    changed = ground(declared=(definition(kind="int", normal=7, degraded=1),))
    held = two(recs=switch(DEGRADED, regions={"eu-west": override()}))

    base = flipped(held, restore(), changed)
    assert (base["recs"].type, base["recs"].normal) == (SwitchType.BOOL, True)
    whole = flipped(base, restore("eu-west"), changed)["recs"]
    assert (whole.type, whole.value, whole.normal) == (SwitchType.INT, 7, 7)


@pytest.mark.parametrize(("value", "written"), [(2, "2.0"), (2.5, "2.5")])
def test_a_number_for_a_float_is_written_as_a_float(value: float, written: str):
    """Equal values of a float are equal bytes."""
    rate = Switch(type=SwitchType.FLOAT, state=DEGRADED, value=1.0, normal=1.0)
    flip = Flip("rate", Verb.DEGRADE, value=Given(value))

    assert repr(flipped({"rate": rate}, flip, ground())["rate"].value) == written


@pytest.mark.parametrize("value", ["\ud800", "x" * 5000, [[]] * 3000])
def test_a_value_that_does_not_fit_a_document_is_refused(value: object):
    """What is no Unicode, or too large, is refused as a value, not as an accident."""
    note = Switch(type=SwitchType.JSON, state=DEGRADED, value=None, normal=None)

    with pytest.raises(SwitchRefusal) as refused:
        flipped({"note": note}, Flip("note", Verb.DEGRADE, value=Given(value)), ground())
    assert refused.value.code == "value_not_allowed"


def test_null_is_a_value_of_a_json_switch():
    """A given null is not the same as no value given."""
    note = Switch(type=SwitchType.JSON, state=DEGRADED, value=1, normal=1)
    declared = ground(declared=(definition("note", kind="json", normal=1, degraded=2),))
    flip = Flip("note", Verb.DEGRADE)

    assert flipped({"note": note}, flip, declared)["note"].value == 2
    assert (
        flipped({"note": note}, Flip("note", Verb.DEGRADE, value=Given(None)), declared)["note"].value is None
    )


def test_one_is_not_true():
    """Values that Python takes for equal are different switches to readers in other languages."""
    one = Switch(type=SwitchType.JSON, state=DEGRADED, value=1, normal=None)
    true = Switch(type=SwitchType.JSON, state=DEGRADED, value=True, normal=None)

    assert not same(one, true)
    assert changed_names({"a": one}, {"a": true}) == ["a"]
    assert changed_names({"a": one}, {"b": one}) == ["a", "b"]


def test_an_end_is_as_precise_as_it_is_written():
    """What was written equals what is read."""
    flip = degrade(expires_at=SOON + timedelta(microseconds=999))

    assert after(flip).expires_at == SOON


@given(st.lists(flips(), max_size=6))
def test_restoring_everything_ends_at_rest(history: list[Flip]):
    """Whatever was done, restoring the base entry and each region leaves the switch as it is declared."""
    switches = two()
    for flip in history:
        switches = flipped(switches, flip, ground())
    for flip in (restore(*switches["recs"].regions), restore()):
        switches = flipped(switches, flip, ground())

    assert at_rest(switches["recs"])
    assert same(switches["recs"], switch())


@given(st.lists(flips(), max_size=6), flips())
def test_the_same_flip_twice_changes_nothing_more(history: list[Flip], flip: Flip):
    """A flip says what shall be, not what shall change."""
    switches = two()
    for former in history:
        switches = flipped(switches, former, ground())
    once = flipped(switches, flip, ground())

    assert changed_names(once, flipped(once, flip, ground())) == []
    assert 1 <= once["recs"].percent <= PERCENT_MAX
