"""The canonical mapping: what is written is read back, and nothing else is let in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.application.fleet_file import fleet_from_mapping, fleet_to_mapping
from controlplane.application.fleet_limits import (
    DEPTH_MAX,
    PATTERN_CHARACTERS_MAX,
    STEP_SECONDS_MAX,
    TEXT_CHARACTERS_MAX,
)
from controlplane.application.fleet_tree import FleetFileError, Node
from controlplane.application.fleet_values import duration, duration_text
from controlplane.domain.fleet import Evidence, Expectation, Fleet, Mode, Policy
from tests.strategies import fleets, json_values

HEAD = {"apiVersion": "controlplane/v1"}


@given(fleets(adopted=True))
def test_a_mapping_carries_the_whole_fleet(fleet: Fleet):
    """Every fleet comes back from its mapping, also after a journey as JSON."""
    mapping = fleet_to_mapping(fleet)

    assert fleet_from_mapping(json.loads(json.dumps(mapping))) == fleet


def test_whatever_is_not_a_default_comes_back():
    """A mapping that leaves no default as it is means what it says, and is written again as it stands."""
    check = {
        "name": "api",
        "type": "http",
        "layer": "middleware",
        "interval": "30s",
        "path": "/health?deep=1",
        "expect": {"status": [200, 204], "latency": "500ms", "body": "ok|fine"},
    }
    policy = {
        "mode": "observe",
        "evidence": "all",
        "min_healthy": "75%",
        "hold_down": "1500ms",
        "dwell": "1h",
        "max_automatic": "3 per 2h",
    }
    mapping = {
        **HEAD,
        "regions": [{"name": "a"}, {"name": "b"}],
        "services": [{"name": "s", "checks": [check]}],
        "groups": [{"name": "g", "services": ["s"], "regions": ["a", "b"], "policy": policy}],
    }
    read = fleet_from_mapping(mapping)

    assert read.services[0].checks[0].expect == Expectation((200, 204), 0.5, "ok|fine")
    assert read.groups[0].policy == Policy(
        mode=Mode.OBSERVE,
        evidence=Evidence.ALL,
        min_healthy_percent=75,
        hold_down_seconds=1.5,
        dwell_seconds=3600.0,
        max_automatic=3,
        max_automatic_window_seconds=7200.0,
    )
    assert fleet_to_mapping(read) == mapping


@given(st.integers(0, int(STEP_SECONDS_MAX * 1000)))
def test_every_duration_comes_back(milliseconds: int):
    """A duration is written in the largest unit that divides it, and means the same when it is read."""
    seconds = milliseconds / 1000

    assert duration(0, STEP_SECONDS_MAX)(Node(duration_text(seconds))) == seconds


@given(st.data(), fleets(adopted=True))
def test_whatever_mapping_comes_nothing_else_is_raised(data: st.DataObject, fleet: Fleet):
    """A mapping with any of its values replaced by anything is a fleet, or is told to be none."""
    mapping = fleet_to_mapping(fleet)
    damaged = data.draw(replaced(mapping, json_values))
    try:
        read = fleet_from_mapping(damaged)
    except FleetFileError:
        return
    assert fleet_from_mapping(fleet_to_mapping(read)) == read


@st.composite
def replaced(draw: st.DrawFn, value: Any, noise: st.SearchStrategy[Any]) -> Any:
    """The value with one value inside it replaced."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: draw(replaced(value[key], noise))}
    if isinstance(value, list) and value and draw(st.booleans()):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(replaced(value[index], noise)), *value[index + 1 :]]
    return draw(noise)


def with_switch(**fields: Any) -> dict[str, Any]:
    switch = {"name": "x", "type": "json", "normal": 1, "degraded": 0} | fields
    return {**HEAD, "services": [{"name": "s", "switches": [switch]}]}


def with_check(**fields: Any) -> dict[str, Any]:
    return {**HEAD, "services": [{"name": "s", "checks": [{"name": "c", "type": "http", **fields}]}]}


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


MISTAKES = {
    "no mapping": ([], "a mapping is wanted, this is a list"),
    "nested too deeply": (with_switch(normal=nested(DEPTH_MAX)), "nested too deeply"),
    "not of JSON": (with_switch(normal={1, 2}), "a set in the definitions"),
    "not a number": (
        with_switch(normal=float("nan")),
        "services[0].switches[0].normal: nan is not a finite number",
    ),
    "beyond floats": (with_switch(type="float", normal=10**400), "is not a finite number"),
    "a long text": (
        with_switch(owner="x" * (TEXT_CHARACTERS_MAX + 1)),
        "501 characters; allowed: at most 500",
    ),
    "a long pattern": (
        with_check(expect={"body": "x" * (PATTERN_CHARACTERS_MAX + 1)}),
        "services[0].checks[0].expect.body: 501 characters",
    ),
    "a deep pattern": (with_check(expect={"body": "(" * 400}), "is not a regular expression"),
    "no duration": (with_check(interval=2), '"2" is not a duration'),
    "an unknown source": (
        {
            **HEAD,
            "regions": [{"name": "a"}],
            "services": [
                {
                    "name": "s",
                    "instances": [{"id": "i", "region": "a", "address": "h", "port": 1, "source": "air"}],
                }
            ],
        },
        'services[0].instances[0].source: "air" is unknown; allowed: file, catalog',
    ),
}


@pytest.mark.parametrize(("mapping", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mapping_is_judged_like_a_file(mapping: Any, told: str):
    """What comes from elsewhere than a file passes the same door, with paths instead of lines."""
    with pytest.raises(FleetFileError) as failure:
        fleet_from_mapping(mapping)

    assert told in str(failure.value)
    assert failure.value.problems[0].line is None
