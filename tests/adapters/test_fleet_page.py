"""docs/fleet-file.md says what the parser does."""

import re
from pathlib import Path

import pytest

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.application import fleet_checks, fleet_file, fleet_groups, fleet_services
from controlplane.application.fleet_checks import check_to_mapping
from controlplane.application.fleet_tree import FleetFileError
from controlplane.domain.fleet import Check, CheckType

PAGE = (Path(__file__).parents[2] / "docs/fleet-file.md").read_text()
TRANSCRIPT = (Path(__file__).parent / "fleets/broken.txt").read_text()
KEYS = {
    *fleet_file._KEYS,
    *fleet_services._KEYS,
    *fleet_services._INSTANCE_KEYS,
    *fleet_services._SWITCH_KEYS,
    *fleet_checks._KEYS,
    *(f"expect.{key}" for key in fleet_checks._EXPECT_KEYS),
    *fleet_groups._GROUP_KEYS,
    *fleet_groups._POLICY_KEYS,
    *fleet_groups._STEP_KEYS,
}


def fenced(language: str) -> list[str]:
    """The blocks of the page in one language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for spoken, text in blocks if spoken == language]


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_is_explained(key: str):
    """A key that a file may have stands on the page, in code."""
    assert re.search(rf"`[^`\n]*\b{re.escape(key)}\b[^`\n]*`", PAGE)


def test_the_example_is_a_fleet():
    """The example of the page can be applied as it stands."""
    (example,) = fenced("yaml")

    assert FleetYaml().read(example).service("checkout").catalog


def test_the_mistakes_shown_are_told():
    """Each message on the page is one that a broken file gets."""
    (shown,) = fenced("")

    assert set(shown.splitlines()) <= {line.removeprefix("! ") for line in TRANSCRIPT.splitlines()}


def test_the_defaults_on_the_page_are_the_defaults():
    """Stating every default of a check and of a policy changes nothing."""
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    wanted = {"layer", "interval", "timeout", "path", "keep_alive", "mode", "handover", "evidence", "dwell"}
    assert wanted <= rows.keys()
    stated = {
        key: ", ".join(f"{name}: {rows[name]}" for name in rows if name in keys)
        for key, keys in {"check": fleet_checks._KEYS, "policy": fleet_groups._POLICY_KEYS}.items()
    }
    fleet = FleetYaml().read(
        "apiVersion: controlplane/v1\nregions: [{name: a}]\n"
        f"services: [{{name: s, checks: [{{name: c, type: http, {stated['check']}}}]}}]\n"
        f"groups: [{{name: g, services: [s], regions: [a], policy: {{{stated['policy']}}}}}]\n"
    )

    assert check_to_mapping(fleet.service("s").checks[0]) == check_to_mapping(Check("c", CheckType.HTTP))
    assert fleet.group("g").policy == fleet_groups._DEFAULT


@pytest.mark.parametrize("word", ["grpc", "heartbeat", "metrics", "consul"])
def test_what_is_not_offered_is_refused_by_name(word: str):
    """A planned check type is refused in the words of the page."""
    with pytest.raises(FleetFileError, match=f'"{word}" is not offered by this version; allowed: http, tcp'):
        FleetYaml().read(
            f"apiVersion: controlplane/v1\nservices: [{{name: s, checks: [{{name: c, type: {word}}}]}}]"
        )
