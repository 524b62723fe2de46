"""Alignment with definitions, ends, and undo: what else changes switches."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.switches import Switch, SwitchType, effective_value
from controlplane.domain.switch_alignment import RETIRED_HOURS, aligned, waits_for, without_overdue
from controlplane.domain.switch_expiry import first_end, lapsed
from controlplane.domain.switch_undo import changed_since, touched, undone
from controlplane.domain.switches import Flip, SwitchRefusal, changed_names, flipped
from tests.unit.domain.switch_worlds import (
    DEFINITIONS,
    DEGRADED,
    FORCED,
    NOW,
    PAST,
    REGIONS,
    RETIRED,
    SOON,
    content,
    definition,
    document,
    flips,
    ground,
    override,
    switch,
    two,
)

DAY = timedelta(hours=RETIRED_HOURS)


def test_new_switches_appear_as_normal():
    """The first document holds every declared switch, worth its normal."""
    assert changed_names(aligned({}, DEFINITIONS, NOW), two()) == []


@pytest.mark.parametrize("held", [switch(DEGRADED), switch(FORCED), switch(regions={"eu-west": override()})])
def test_a_changed_normal_waits_until_nobody_holds_the_switch(held: Switch):
    """A switch that somebody holds keeps its normal and its type; what waits is told."""
    other_normal = definition(normal=False, degraded=True)
    other_type = definition(kind="int", normal=7, degraded=1)

    for wanted in (other_normal, other_type):
        assert aligned({"recs": held}, [wanted], NOW) == {"recs": held}
    assert waits_for(held, other_normal) == "normal False instead of True holds once it is restored"
    assert waits_for(held, other_type) == "type int instead of bool holds once it is restored"
    assert waits_for(held, definition()) is None


def test_a_switch_at_rest_follows_at_once():
    """A changed normal and a changed type take effect where nobody wants anything of the switch."""
    followed = aligned(two(), [definition(kind="int", normal=7, degraded=1), DEFINITIONS[1]], NOW)["recs"]

    assert (followed.type, followed.value, followed.normal) == (SwitchType.INT, 7, 7)
    assert waits_for(switch(), definition(normal=False)) is None


def test_a_removed_switch_is_retired_for_a_day():
    """A removed switch is worth its normal, whatever was wanted of it, and says until when it is kept."""
    held = switch(DEGRADED, percent=25, regions={"eu-west": override()}, expires_at=SOON)
    removed = aligned(two(recs=held), DEFINITIONS[1:], NOW)

    assert removed["recs"] == switch(RETIRED, expires_at=NOW + DAY)
    assert aligned(removed, DEFINITIONS[1:], NOW + DAY / 2) == removed
    assert waits_for(removed["recs"], definition(normal=False)) is None


def test_what_was_retired_a_day_ago_goes_with_the_next_publication():
    """Nothing is published only to drop it, unless nothing else is left; then the set is empty."""
    retired = aligned(two(), DEFINITIONS[1:], NOW)
    later = NOW + DAY

    assert aligned(retired, DEFINITIONS[1:], later) == retired
    assert aligned(retired, [*DEFINITIONS[1:], definition("new")], later).keys() == {"depth", "new"}
    assert without_overdue(retired, later).keys() == {"depth"}
    nothing_left = aligned(aligned(retired, [], NOW), [], later)
    assert nothing_left == {}
    assert aligned({}, [], later) == {}
    assert without_overdue({"old": switch(RETIRED)}, NOW) == {}


def test_a_switch_that_comes_back_begins_anew():
    """A retired switch that is declared again is normal, as declared."""
    retired = aligned(two(), [], NOW)

    assert changed_names(aligned(retired, DEFINITIONS, NOW), two()) == []


def test_what_has_run_out_becomes_normal():
    """A base entry that has run out is normal, an override that has run out is gone; others stay."""
    switches = two(
        recs=switch(DEGRADED, percent=25, expires_at=NOW, regions={"eu-west": override(until=SOON)}),
        other=switch(DEGRADED, regions={"eu-west": override(until=PAST), "us-east": override()}),
        held=switch(DEGRADED, expires_at=SOON),
        old=switch(RETIRED, expires_at=PAST),
    )
    ended = lapsed(switches, NOW)

    assert ended == {
        "recs": switch(regions={"eu-west": override(until=SOON)}),
        "other": switch(DEGRADED, regions={"us-east": override()}),
    }
    assert first_end(switches) == PAST
    assert first_end({"held": switches["held"], "old": switches["old"]}) == SOON
    assert first_end(two()) is None


@given(st.lists(flips(), max_size=6), st.integers(0, 40 * 86400), st.sampled_from(REGIONS))
def test_writing_an_end_back_changes_nothing_for_any_reader(history: list[Flip], seconds: int, region: str):
    """A reader gets the same value before and after its end was written back."""
    switches = two()
    for flip in history:
        switches = flipped(switches, flip, ground())
    now = NOW + timedelta(seconds=seconds)
    ended = {**switches, **lapsed(switches, now)}

    for where in (region, None):
        for unit in ("user-1", None):
            before, after = (
                effective_value(document(some), "recs", region=where, unit=unit, now=now)
                for some in (switches, ended)
            )
            assert before == after
    assert lapsed(ended, now) == {}


@given(st.lists(flips(), max_size=4), flips())
def test_a_flip_and_its_undo_are_nothing(history: list[Flip], flip: Flip):
    """What a flip changed is as it was before, byte for byte."""
    before = two()
    for former in history:
        before = flipped(before, former, ground())
    after = flipped(before, flip, ground())
    names = changed_names(before, after)
    if names:
        told = content(before, names), content(after, names)
        assert changed_since(after, told[1]) == []
        assert changed_names(before, undone(after, *told, NOW)) == []


def test_an_undo_leaves_other_switches_alone():
    """What others changed since, in other switches, stays."""
    after = two(recs=switch(DEGRADED), depth=switch(FORCED))
    told = content(two(), ["recs"]), content(after, ["recs"])

    assert changed_names(two(depth=switch(FORCED)), undone(after, *told, NOW)) == []


def test_an_undo_is_not_made_over_a_later_change():
    """The switches that are no longer as the change left them are named."""
    told = content(two(recs=switch(DEGRADED)), ["recs"])

    assert changed_since(two(recs=switch(DEGRADED, percent=5)), told) == ["recs"]
    assert changed_since({}, told) == ["recs"]


def test_an_undo_brings_nothing_back_that_has_run_out():
    """A degradation whose end has come is degraded anew, or not at all."""
    before, after = two(recs=switch(DEGRADED, expires_at=PAST)), two()

    with pytest.raises(SwitchRefusal, match="has run out") as refused:
        undone(after, content(before, ["recs"]), content(after, ["recs"]), NOW)
    assert refused.value.code == "not_undoable"


def test_switches_that_came_or_went_are_no_business_of_undo():
    """A change that only brought or removed switches is not undone."""
    assert touched({"a": {}}, {"b": {}}) == []
    with pytest.raises(SwitchRefusal, match="no switch that was there"):
        undone(two(), {}, content(two(), ["recs"]), NOW)


@pytest.mark.parametrize(
    "entry", [{}, None, {"type": "bold"}, {**content(two(), ["recs"])["recs"], "value": 1}]
)
def test_an_undo_builds_on_nothing_that_cannot_be_read(entry: object):
    """An entry of the log that somebody spoiled is refused."""
    with pytest.raises(SwitchRefusal, match="what recs was before cannot be read") as refused:
        undone(two(), {"recs": entry}, content(two(), ["recs"]), NOW)
    assert refused.value.code == "not_undoable"
