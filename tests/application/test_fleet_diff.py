"""The diff of an apply: readable, complete, and empty only where nothing differs."""

import pytest
from hypothesis import given

from controlplane.application.fleet_adoption import Adopted, with_adopted
from controlplane.application.fleet_diff import VALUE_CHARACTERS_MAX, diff
from controlplane.domain.fleet import Fleet, Instance
from tests.application.fleets import fleet
from tests.strategies import fleets

CASES = {
    "a value": (("interval: 2s", "interval: 5m"), ["~ services[checkout].checks[api].interval: 2s → 5m"]),
    "a default": ((", interval: 2s", ""), ["- services[checkout].checks[api].interval: 2s"]),
    "a new key": (
        ("interval: 2s", "interval: 2s, tls: true"),
        ["+ services[checkout].checks[api].tls: true"],
    ),
    "a new item": (
        ("{name: eu-west}]", "{name: eu-west}, {name: ap-south}]"),
        ['+ regions[ap-south]: {"name": "ap-south"}'],
    ),
    "a new instance": (
        ("port: 8080}\n", "port: 8080}\n  - {id: b, region: us-east, address: b, port: 1}\n"),
        ['+ services[checkout].instances[b]: {"id": "b", "region": "us-east", "address": "b", "port": 1}'],
    ),
    "another order of regions": (
        ("regions: [us-east, eu-west]}", "regions: [eu-west, us-east]}"),
        ['~ groups[shop].regions: ["us-east", "eu-west"] → ["eu-west", "us-east"]'],
    ),
    "another order of items": (
        ("[{name: us-east}, {name: eu-west}]", "[{name: eu-west}, {name: us-east}]"),
        ['~ order of regions: ["us-east", "eu-west"] → ["eu-west", "us-east"]'],
    ),
    "a policy": (
        ("regions: [us-east, eu-west]}", "regions: [us-east, eu-west], policy: {mode: manual}}"),
        ['+ groups[shop].policy: {"mode": "manual"}'],
    ),
}


@pytest.mark.parametrize(("edit", "lines"), CASES.values(), ids=CASES)
def test_a_difference_is_one_readable_line(edit: tuple[str, str], lines: list[str]):
    """Each difference names its place and what stood and stands there."""
    assert [str(difference) for difference in diff(fleet(), fleet(edit))] == lines


def test_what_is_gone_is_shown_as_it_stood():
    """A removed item is told with its former content."""
    added = diff(fleet(), fleet(CASES["a new instance"][0]))
    (gone,) = diff(fleet(CASES["a new instance"][0]), fleet())

    assert (gone.before, gone.after) == (added[0].after, None)
    assert str(gone).startswith("- services[checkout].instances[b]: {")


SWITCH = ("groups:", "  switches: [{name: x, type: json, normal: VALUE, degraded: 0}]\ngroups:")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1", "true"),
        ("1", "1.0"),
        ("{a: []}", "{}"),
        ("{a: null}", "{}"),
        ("[{name: a}]", "[{name: a, b: 1}]"),
    ],
)
def test_values_that_python_takes_for_equal_differ(before: str, after: str):
    """JSON's types count, and so does what is empty."""
    old, new = (fleet((SWITCH[0], SWITCH[1].replace("VALUE", value))) for value in (before, after))

    assert diff(old, new)


def test_a_long_value_is_cut():
    """A difference stays one line, however large the value is."""
    (difference,) = diff(Fleet(), fleet(text=f"apiVersion: controlplane/v1\nregions: [{{name: {'a' * 63}}}]"))
    services = diff(fleet(), Fleet())

    assert difference.after == f'{{"name": "{"a" * 63}"}}'
    assert max(len(one.before or "") for one in services) == VALUE_CHARACTERS_MAX


def test_adopted_instances_are_not_looked_at():
    """What a catalog contributed is not part of the file, so its absence there is no difference."""
    adopted = Adopted("checkout", None, (Instance("node:1", "us-east", "10.0.0.9", 80),))

    assert diff(with_adopted(fleet(), [adopted]), fleet()) == ()


@given(fleets(), fleets())
def test_an_empty_diff_means_equal_fleets(before: Fleet, after: Fleet):
    """Where the diff says nothing, nothing differs; a fleet never differs from itself."""
    assert diff(before, before) == ()
    assert bool(diff(before, after)) == (before != after)
