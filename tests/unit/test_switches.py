"""Switch documents: their format, and what each switch is worth to a reader."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.contract.documents import canonical
from controlplane.contract.json_fields import DocumentError
from controlplane.contract.switches import (
    Override,
    Switch,
    SwitchChange,
    SwitchChangeKind,
    SwitchDocument,
    SwitchState,
    SwitchType,
    bucket,
    check_value,
    effective_value,
    parse_switches,
    scalar,
)

NOW = datetime(2026, 1, 12, 9, 31, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


def switch(**fields) -> Switch:
    defaults = {"type": SwitchType.BOOL, "state": SwitchState.DEGRADED, "value": False, "normal": True}
    return Switch(**{**defaults, **fields})


def override(state: SwitchState, value: object, expires_at: datetime | None = None) -> Override:
    return Override(state, value, expires_at)


NORMAL_IN_EU = {"eu": override(SwitchState.NORMAL, True)}  # noqa: FBT003 - a switch's value
NORMAL_UNTIL_NOW = {"eu": override(SwitchState.NORMAL, True, NOW)}  # noqa: FBT003 - a switch's value
DEGRADED_IN_EU = {"eu": override(SwitchState.DEGRADED, False)}  # noqa: FBT003 - a switch's value


def document(**switches: Switch) -> SwitchDocument:
    change = SwitchChange("c-1", SwitchChangeKind.FLIP, "alice", "INC-4821", "2026-01-12T09:31:07.000Z")
    return SwitchDocument("checkout", 42, {"recommendations": switch(), **switches}, change)


def value(entry: Switch, region: str | None = None, unit: str | None = None, now: datetime = NOW) -> object:
    return effective_value(
        document(recommendations=entry), "recommendations", region=region, unit=unit, now=now
    )


def changed(**fields: object) -> bytes:
    return canonical(json.loads(document().to_bytes()) | fields)


def with_entry(**fields: object) -> bytes:
    read = json.loads(document().to_bytes())
    read["switches"]["recommendations"] |= fields
    return canonical(read)


def test_a_document_is_read_as_it_was_written() -> None:
    """The canonical bytes of a switch document parse to the same document."""
    override = Override(SwitchState.DEGRADED, value=1, expires_at=LATER)
    depth = switch(type=SwitchType.INT, value=3, normal=3, regions={"eu-west": override}, expires_at=LATER)
    written = document(**{"search-depth": depth})

    assert parse_switches(written.to_bytes()) == written


@pytest.mark.parametrize(("unit", "share"), [("user-1", 46), ("user-2", 28), ("用户-3", 21)])
def test_units_fall_into_the_published_buckets(unit: str, share: int) -> None:
    """The bucket of a unit is the same in every language."""
    assert bucket("checkout", "recommendations", unit) == share


@pytest.mark.parametrize(
    ("entry", "asked", "expected"),
    [
        (switch(), {}, False),
        (switch(state=SwitchState.NORMAL, value=True), {}, True),
        (switch(expires_at=LATER), {"now": LATER}, True),
        (switch(expires_at=LATER), {"now": LATER - timedelta(milliseconds=1)}, False),
        (switch(percent=47), {"unit": "user-1"}, False),
        (switch(percent=46), {"unit": "user-1"}, True),
        (switch(percent=99), {}, True),
        (switch(percent=0), {"unit": "user-1"}, True),
        (switch(regions=NORMAL_IN_EU), {"region": "eu"}, True),
        (switch(regions=NORMAL_IN_EU), {"region": "us"}, False),
        (switch(regions=NORMAL_UNTIL_NOW), {"region": "eu"}, False),
        (
            switch(regions=NORMAL_UNTIL_NOW, expires_at=NOW),
            {"region": "eu"},
            True,
        ),
        (switch(percent=0, regions=DEGRADED_IN_EU), {"region": "eu"}, False),
    ],
)
def test_a_switch_is_worth_what_the_contract_says(
    entry: Switch, asked: dict[str, Any], expected: object
) -> None:
    """Override, expiry, share and value are asked in that order."""
    assert value(entry, **asked) is expected


def test_an_unknown_switch_has_no_value() -> None:
    """A switch that the document does not have is a KeyError, never a guess."""
    with pytest.raises(KeyError):
        effective_value(document(), "nothing", region=None, unit=None, now=NOW)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"schema":NaN}', "NaN is no JSON value"),
        (changed(schema="controlplane.switches/2"), "this program reads"),
        (changed(revision=0), "not between 1 and"),
        (changed(switches=[]), "AttributeError"),
        (changed(change={"id": "x"}), "KeyError"),
        (with_entry(value=7), "recommendations: a value of type bool is wanted"),
        (with_entry(percent=101), "recommendations: percent is 101"),
        (with_entry(type="date"), "recommendations: 'date' is not a valid"),
        (with_entry(expires_at="soon"), "recommendations: 'soon' is no RFC 3339 time"),
        (with_entry(regions={"EU": {}}), "recommendations: 'EU' is not a name"),
    ],
)
def test_what_is_no_switch_document_is_refused_with_the_switch_named(raw: bytes, words: str) -> None:
    """Bytes that are no switch document are refused, and the text names the switch that is wrong."""
    with pytest.raises(DocumentError, match=words):
        parse_switches(raw)


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        (SwitchType.BOOL, True, 1),
        (SwitchType.INT, 1, True),
        (SwitchType.INT, -5, 1.5),
        (SwitchType.FLOAT, 1, False),
        (SwitchType.FLOAT, 0.25, float("nan")),
        (SwitchType.STRING, "on", 1),
        (SwitchType.JSON, {"a": [1, None]}, {1, 2}),
        (SwitchType.STRING, "x", "x" * 5000),
    ],
)
def test_a_value_is_of_its_type(kind: SwitchType, fits: object, does_not: object) -> None:
    """A value of another type, or one too large, is refused."""
    check_value(kind, fits)
    with pytest.raises(DocumentError):
        check_value(kind, does_not)


def test_a_value_that_no_reader_could_hold_is_refused() -> None:
    """A number beyond what a float holds, and nesting beyond reason, are no values."""
    endless = ([float("inf")], {"a": float("nan")}, [10**400])
    for kind, value in (
        (SwitchType.FLOAT, 10**400),
        (SwitchType.JSON, _nested(33)),
        *((SwitchType.JSON, one) for one in endless),
    ):
        with pytest.raises(DocumentError):
            check_value(kind, value)
    check_value(SwitchType.JSON, _nested(32))


def test_no_depth_of_nesting_breaks_the_reading() -> None:
    """Whatever stands in Consul is read or refused; what almost fits the stack ends no process."""
    fields = json.loads(document().to_bytes())
    next(iter(fields["switches"].values())).update(type="int", normal=1, value="@", regions={})
    raw = json.dumps(fields).encode()
    for levels in range(600, 1000):
        with pytest.raises(DocumentError):
            parse_switches(raw.replace(b'"@"', b"[" * levels + b"]" * levels))


@pytest.mark.parametrize(
    ("value", "told"), [(True, "not true"), (None, "not null"), ([1], "not [1]"), ("on", "not 'on'")]
)
def test_a_refused_value_is_told_as_it_was_written(value: object, told: str) -> None:
    """Whoever wrote JSON reads JSON; half a character in a text stays escaped."""
    with pytest.raises(DocumentError, match=re.escape(told)):
        check_value(SwitchType.INT, value)


def _nested(levels: int) -> object:
    inner = _nested(levels - 1) if levels else 0
    return {"a": inner} if levels % 2 else [inner] if levels else inner


def test_plain_values_are_what_a_shell_expects() -> None:
    """Strings are bare, everything else is JSON."""
    plain = [scalar(one) for one in (True, 2, 0.25, "on", {"b": 1})]

    assert plain == [b"true", b"2", b"0.25", b"on", b'{"b":1}']
