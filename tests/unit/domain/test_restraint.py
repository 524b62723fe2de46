"""Everything that restrains the automation, and its value in the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.obstacle import Flag
from controlplane.domain.restraint import (
    RESTRAINT_DAYS_MAX,
    Restraint,
    RestraintError,
    Restraints,
    Scope,
    held_back,
    lift,
    parse_restraints,
    restrain,
)
from tests.unit.domain.strategies import restraints

NOW = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)
PAUSE = Restraint(SOON, "alice", "deploy")
EVERY_SCOPE = [(Scope.FLEET, None), (Scope.GROUP, "checkout"), (Scope.REGION, "us-east")]


def of(found: Restraints, scope: Scope, name: str | None) -> Restraint | None:
    """The restraint of a scope and name."""
    return {
        Scope.FLEET: found.fleet,
        Scope.GROUP: found.groups.get(name or ""),
        Scope.REGION: found.regions.get(name or ""),
    }[scope]


def test_no_restraint_has_bytes():
    """The value is always present: nothing restrained is a value, not a missing key."""
    assert Restraints().to_bytes() == b'{"groups":{},"regions":{}}'


def test_the_form_in_the_store():
    """Each restraint says until when, by whom and why."""
    found = restrain(Restraints(), Scope.FLEET, None, PAUSE, now=NOW)

    pause = b'{"by":"alice","reason":"deploy","until":"2026-01-12T10:30:00.000Z"}'
    assert found.to_bytes() == b'{"fleet":' + pause + b',"groups":{},"regions":{}}'


@given(restraints())
def test_reading_what_was_written(found):
    """What was written is read back, and written again it is the same bytes."""
    assert parse_restraints(found.to_bytes()) == found
    assert parse_restraints(found.to_bytes()).to_bytes() == found.to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"not json",
        b'{"groups":{}}',
        b'{"groups":{},"regions":{},"triggers":{}}',
        b'{"groups":[],"regions":{}}',
        b'{"fleet":null,"groups":{},"regions":{}}',
        b'{"fleet":{"by":"a","reason":"b"},"groups":{},"regions":{}}',
        b'{"fleet":{"by":"a","reason":"b","until":"soon"},"groups":{},"regions":{}}',
        b'{"fleet":{"by":"a","reason":"b","until":"2026-01-12T10:30:00"},"groups":{},"regions":{}}',
        b'{"fleet":{"by":"a","reason":"b","until":7},"groups":{},"regions":{}}',
        b'{"fleet":{"by":"a","reason":"b","until":"9999-12-31T23:00:00-14:00"},"groups":{},"regions":{}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_unreadable_bytes_are_never_no_pause(raw):
    """Bytes that are not fully understood are an error, which freezes."""
    with pytest.raises(RestraintError, match=r"^pause: "):
        parse_restraints(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw):
    """No bytes make the reader fail in another way."""
    try:
        parse_restraints(raw)
    except RestraintError:
        return


@pytest.mark.parametrize(("scope", "name"), EVERY_SCOPE)
def test_restrain_and_lift(scope, name):
    """A restraint is added, replaced and lifted where it was asked for, and nowhere else."""
    added = restrain(Restraints(), scope, name, PAUSE, now=NOW)
    longer = replace(PAUSE, until=SOON + timedelta(hours=1))
    replaced = restrain(added, scope, name, longer, now=NOW)

    assert of(added, scope, name) == PAUSE
    assert of(replaced, scope, name) == longer
    assert lift(replaced, scope, name) == Restraints()


def test_lifting_what_is_not_there():
    """Lifting a restraint that does not exist changes nothing."""
    found = restrain(Restraints(), Scope.GROUP, "checkout", PAUSE, now=NOW)

    assert lift(found, Scope.GROUP, "search") == found


@pytest.mark.parametrize(
    "until",
    [
        NOW,
        NOW - timedelta(seconds=1),
        NOW + timedelta(days=RESTRAINT_DAYS_MAX, seconds=1),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_every_pause_has_an_end_that_comes(until):
    """A pause that ends in the past or after thirty days is refused."""
    with pytest.raises(RestraintError, match="within 30 days"):
        restrain(Restraints(), Scope.FLEET, None, replace(PAUSE, until=until), now=NOW)


@pytest.mark.parametrize("changes", [{"by": " "}, {"reason": ""}])
def test_a_pause_has_an_author_and_a_reason(changes):
    """A pause without a name or a reason is refused."""
    with pytest.raises(RestraintError, match="who asks for it and why"):
        restrain(Restraints(), Scope.FLEET, None, replace(PAUSE, **changes), now=NOW)


@pytest.mark.parametrize("name", [None, "", "Us East", "x" * 64])
@pytest.mark.parametrize("scope", [Scope.GROUP, Scope.REGION])
def test_names_are_checked(scope, name):
    """A restraint of a group or region needs its name."""
    with pytest.raises(RestraintError, match="is not the name of a"):
        restrain(Restraints(), scope, name, PAUSE, now=NOW)


def test_the_value_is_bounded():
    """So many pauses that the value grows too large are refused."""
    found = Restraints(groups={f"group-{number}": PAUSE for number in range(1000)})

    with pytest.raises(RestraintError, match="larger than 65536 bytes"):
        restrain(found, Scope.FLEET, None, PAUSE, now=NOW)


def test_a_restraint_ends_by_itself():
    """At its end a restraint is no longer in force, and with the next change it is gone."""
    found = restrain(Restraints(), Scope.GROUP, "checkout", PAUSE, now=NOW)

    assert found.in_force(SOON - timedelta(milliseconds=1)) == found
    assert found.in_force(SOON) == Restraints()
    later = restrain(found, Scope.FLEET, None, replace(PAUSE, until=SOON + timedelta(hours=1)), now=SOON)
    assert later.groups == {}


def test_what_holds_a_group_back():
    """A pause of fleet or group, or maintenance of the active region, holds a group back to its end."""
    found = Restraints(fleet=PAUSE, groups={"checkout": PAUSE}, regions={"us-east": PAUSE})
    obstacles = held_back(found, "checkout", "us-east")

    assert [obstacle.code for obstacle in obstacles] == ["fleet_paused", "group_paused", "region_maintenance"]
    assert [obstacle.flag for obstacle in obstacles] == [Flag.PAUSED, Flag.PAUSED, Flag.MAINTENANCE]
    assert {obstacle.until for obstacle in obstacles} == {SOON}
    assert obstacles[1].text == "checkout is paused until 2026-01-12T10:30:00.000Z by alice: deploy"


def test_what_concerns_others_holds_nothing_back():
    """Another group's pause and another region's maintenance do not hold a group back."""
    found = Restraints(groups={"search": PAUSE}, regions={"eu-west": PAUSE})

    assert held_back(found, "checkout", "us-east") == ()
    assert held_back(found, "checkout", None) == ()
