"""Fleet files as text: what is exported is what was applied; each broken one is told by line and path."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.adapters.fleet_yaml import FILE_BYTES_MAX, FleetYaml
from controlplane.application.fleet_diff import diff
from controlplane.application.fleet_limits import INSTANCES_MAX, PROBLEMS_MAX
from controlplane.application.fleet_tree import FleetFileError
from controlplane.domain.fleet import (
    Catalog,
    Check,
    CheckType,
    Expectation,
    Fleet,
    Group,
    Instance,
    Playbook,
    Policy,
    Region,
    Service,
    Source,
    SwitchDefinition,
    Vantage,
)
from tests.strategies import fleets

FOLDER = Path(__file__).parent / "fleets"
EXAMPLE = (FOLDER / "example.yaml").read_text()
FORM = FleetYaml()

EXAMPLE_FLEET = Fleet(
    regions=(Region("us-east"), Region("eu-west"), Region("ap-south")),
    vantages=(Vantage("us-1", "us-east"), Vantage("eu-1", "eu-west"), Vantage("ap-1", "ap-south")),
    services=(
        Service(
            name="checkout",
            checks=(
                Check(
                    name="api",
                    type=CheckType.HTTP,
                    interval_seconds=2.0,
                    path="/health",
                    expect=Expectation(latency_seconds=0.5),
                ),
            ),
            instances=(Instance("checkout-us-1", "us-east", "10.0.0.1", 8080),),
            switches=(
                SwitchDefinition(
                    name="recommendations",
                    type="bool",
                    normal=True,
                    degraded=False,
                    owner="growth",
                    description="Related products on the cart page",
                ),
            ),
            catalog=Catalog("checkout", ("dc1",)),
        ),
    ),
    groups=(
        Group("checkout", ("checkout",), ("us-east", "eu-west", "ap-south"), Policy(hold_down_seconds=5.0)),
    ),
    playbooks=(
        Playbook(
            "flash-sale", ({"degrade": "checkout/recommendations", "reason": "shed load", "for": "2h"},)
        ),
    ),
)


def test_the_example_of_the_design_is_understood():
    """The example of the design is read completely, and exported in canonical form."""
    assert FORM.read(EXAMPLE) == EXAMPLE_FLEET
    assert FORM.write(EXAMPLE_FLEET) == (FOLDER / "exported.yaml").read_text()


@given(fleets())
def test_an_export_says_the_same_when_it_is_applied(fleet: Fleet):
    """Exporting, applying and exporting again gives equal bytes and an empty diff."""
    exported = FORM.write(fleet)
    applied = FORM.read(exported)

    assert applied == fleet
    assert FORM.write(applied) == exported
    assert diff(fleet, applied) == ()


@given(fleets(adopted=True))
def test_an_export_leaves_out_what_a_catalog_contributed(fleet: Fleet):
    """Adopted instances are not exported: the next apply would make them the file's own."""
    exported = FORM.read(FORM.write(fleet))

    assert [one for service in exported.services for one in service.instances] == [
        one for service in fleet.services for one in service.instances if one.source is Source.FILE
    ]


def test_anchors_are_followed():
    """A list of checks that is written once serves several services."""
    fleet = FORM.read(
        """\
        apiVersion: controlplane/v1
        services:
          - {name: cart, checks: &http [{name: api, type: http}]}
          - {name: checkout, checks: *http}
        """
    )

    assert fleet.service("cart").checks == fleet.service("checkout").checks == (Check("api", CheckType.HTTP),)


def test_bytes_and_a_byte_order_mark_are_read():
    """A file may arrive as bytes, and begin with what some editors put there."""
    assert FORM.read(b"\xef\xbb\xbf" + EXAMPLE.encode()) == EXAMPLE_FLEET


# The transcript has a block per broken file: `#` its name; `=` the whole file, or `<` what is replaced in the
# example by `>`, or `+` what is added at its end, with `\n` for a line break; `!` each mistake, in order.
BLOCKS = (FOLDER / "broken.txt").read_text().strip().split("\n\n")


def broken_file(block: str) -> str:
    """The file that a block of the transcript describes."""
    text = EXAMPLE
    for old, new in re.findall(r"^< (.*)\n> ?(.*)$", block, re.MULTILINE):
        assert text.count(unescaped(old)) == 1, f"{old!r} does not stand in the example exactly once"
        text = text.replace(unescaped(old), unescaped(new))
    for whole in re.findall(r"^= ?(.*)$", block, re.MULTILINE):
        text = unescaped(whole)
    return text + "".join(f"{unescaped(end)}\n" for end in re.findall(r"^\+ (.*)$", block, re.MULTILINE))


def unescaped(text: str) -> str:
    return text.replace("\\n", "\n")


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[0].removeprefix("# ") for block in BLOCKS])
def test_a_broken_file_is_told_by_line_and_path(block: str):
    """Every mistake is told at once: its line, its path, what is wrong and what is allowed."""
    with pytest.raises(FleetFileError) as failure:
        FORM.read(broken_file(block))

    assert str(failure.value).splitlines() == re.findall(r"^! (.*)$", block, re.MULTILINE)


def list_of_regions(number: int) -> str:
    return "apiVersion: controlplane/v1\nregions:\n" + "".join(f"- {{name: r{n}}}\n" for n in range(number))


HOSTILE = {
    "binary": (b"\x80\x02}q\x00.", "line 1: the byte 0x80 is not UTF-8; allowed: text in UTF-8"),
    "a NUL": ("a:\nb: \x00\n", "line 2: the character U+0000 is not text; allowed: printable text in UTF-8"),
    "half a pair": (
        "a: \ud800",
        "line 1: the character U+D800 is not text; allowed: printable text in UTF-8",
    ),
    "too large": (
        "#" * (FILE_BYTES_MAX + 1),
        "line 1: a file of 4,194,305 bytes; allowed: at most 4,194,304",
    ),
    "nested": (
        "a: " + "[" * 100_000,
        "line 1: nested too deeply; allowed: at most 24 levels, anchors followed",
    ),
    "an anchor bomb": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
        "line 6: more than 500,000 values; allowed: at most 500,000, anchors followed",
    ),
    "a chain of anchors": (
        "a0: &a0 [[[[x]]]]\n" + "".join(f"a{n}: &a{n} [[[[*a{n - 1}]]]]\n" for n in range(1, 60)),
        "line 6: nested too deeply; allowed: at most 24 levels, anchors followed",
    ),
    "too many regions": (list_of_regions(101), "line 2: regions: 101 entries; allowed: at most 100"),
    "a large value": (
        EXAMPLE.replace("type: bool, normal: true", f"type: json, normal: [{'x, ' * 2_000}x]"),
        "line 12: services[0].switches[0].normal: a value of 10,005 bytes; allowed: at most 4,096",
    ),
}


@pytest.mark.parametrize(("text", "told"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_early(text: str | bytes, told: str):
    """What would cost memory or a stack is refused by its size, without being built."""
    with pytest.raises(FleetFileError) as failure:
        FORM.read(text)

    assert str(failure.value) == told


def test_a_fleet_has_a_largest_number_of_instances():
    """Instances are counted over all services."""
    half = INSTANCES_MAX // 2 + 1
    text = list_of_regions(1) + "services:\n"
    for service in ("cart", "checkout"):
        text += f"- name: {service}\n  instances:\n"
        text += "".join(f"  - {{id: {service}-{n}, region: r0, address: a, port: 1}}\n" for n in range(half))

    with pytest.raises(
        FleetFileError, match=r"line 4: services: 20,002 instances in all; allowed: at most 20,000"
    ):
        FORM.read(text)


def test_reading_ends_after_many_mistakes():
    """A file that is wrong everywhere is not read to its end."""
    text = list_of_regions(1) + "vantages:\n" + "- {name: A, region: b}\n" * 100

    with pytest.raises(FleetFileError) as failure:
        FORM.read(text)

    assert len(failure.value.problems) == PROBLEMS_MAX
    assert str(failure.value).endswith(f"reading stopped after {PROBLEMS_MAX} mistakes")


@given(st.data())
def test_whatever_bytes_come_nothing_else_is_raised(data: st.DataObject):
    """A file with any part of it replaced by anything is a fleet, or is told to be none."""
    raw = EXAMPLE.encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 60)))
    noise = st.text("{}[]:,-&*!|>'\"%@`#? \n\t0aé~.", max_size=12).map(str.encode) | st.binary(max_size=8)
    try:
        fleet = FORM.read(raw[:start] + data.draw(noise) + raw[end:])
    except FleetFileError:
        return
    assert FORM.read(FORM.write(fleet)) == fleet
