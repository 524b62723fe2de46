"""`controlplane switch`: what is shown, what is sent, and what is said of it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controlplane.application.results import Refused, Unknown
from controlplane.application.switch_requests import DriftPolicy, DriftRequest, FlipRequest, UndoRequest
from controlplane.domain.switches import Flip, Given, Verb
from tests.cli.conftest import Command
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors
from tests.web.pictures import HISTORY

PLACE = "checkout/recommendations"
REASON = ("--reason", "INC-4821 shed load")
COLUMNS = 80


def asked(fakes: FakeDoors) -> Flip:
    """The flip that the application was asked for."""
    request = fakes.switches.asked[-1]
    assert isinstance(request, FlipRequest)
    return request.flip


def test_the_list_shows_every_switch_and_what_is_wrong(controlplane: Command):
    """Per service its revision, its alarms, and each switch with its share, end and regions."""
    ended = controlplane("switch", "list")

    assert ended.code == 0
    assert (
        ended.out
        == """\
checkout: revision 42
  switch           state     value
  recommendations  degraded  false  25% of the units; until
                                    2026-01-12T11:31:07.000Z
  search-depth     normal    3      eu-west: degraded 1; waiting: normal 5
                                    instead of 3 holds once it is restored

payments: revision 7
ALARM since 2026-01-12T09:30:00.000Z: its bytes are not those of revision 7
  (foreign_edit)
UNSETTLED: a publication got no answer from Consul and may still take effect
  switch  state   value
  new-ui  normal  true

search: no document yet
"""
    )
    assert max(map(len, ended.out.splitlines())) <= COLUMNS


def test_one_switch_is_shown_with_its_author(controlplane: Command):
    """Who changed it last, when and why, beside what is declared."""
    assert (
        controlplane("switch", "show", PLACE).out
        == """\
checkout/recommendations: degraded, false
  25% of the units; until 2026-01-12T11:31:07.000Z
  bool, normal true, degraded false
  non-core, growth, Related products on the cart page
  flip by alice at 2026-01-12T09:31:07.412Z: INC-4821 shed recommendation load
"""
    )


def test_what_is_shown_to_people_is_there_for_programs(controlplane: Command):
    """`--json` prints what the API answers."""
    whole = json.loads(controlplane("switch", "list", "--json").out)
    service = json.loads(controlplane("switch", "show", "checkout", "--json").out)
    one = json.loads(controlplane("switch", "show", PLACE, "--json").out)

    assert whole["services"][0] == service
    assert service["switches"][0] == one
    assert controlplane("switch", "show", "payments").out.startswith("payments: revision 7\nALARM since")


def test_a_fleet_without_switches_says_so(controlplane: Command, fakes: FakeDoors):
    """An empty list names the place to declare one."""
    fakes.switches.picture = FakeDoors().switches.picture

    assert controlplane("switch", "list").out == "no service has switches: declare them in the fleet file\n"


@pytest.mark.parametrize(
    ("name", "words"), [("nothing", "no switches"), ("checkout/nothing", "no switch nothing")]
)
def test_what_is_not_there_is_said_with_what_is(controlplane: Command, name: str, words: str):
    """An unknown name is exit code 1, with the known ones."""
    ended = controlplane("switch", "show", name)

    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err


def test_a_flip_is_done_and_said(controlplane: Command, fakes: FakeDoors):
    """Done is one sentence and exit code 0; the request carried everything that was typed."""
    words = ("--for", "2h", "--region", "eu-west", "--region", "us-east", "--if-match", "42")
    ended = controlplane("switch", "degrade", PLACE, *REASON, "--value", "true", *words)

    assert (ended.code, ended.out, ended.err) == (0, "done: checkout/recommendations is degraded\n", "")
    (request,) = fakes.switches.asked
    assert isinstance(request, FlipRequest)
    assert (request.act.by, request.act.reason, request.expected_revision) == ("a-admin", REASON[1], 42)
    assert request.act.idempotency_key
    flip = request.flip
    assert (flip.verb, flip.regions, flip.value) == (
        Verb.DEGRADE,
        ("eu-west", "us-east"),
        Given(value=True),
    )
    assert flip.expires_at
    assert flip.expires_at - EPOCH >= timedelta(hours=2)


@pytest.mark.parametrize(
    ("words", "flip"),
    [
        (("degrade", PLACE, "--percent", "25"), Flip("recommendations", Verb.DEGRADE, percent=25)),
        (("restore", PLACE), Flip("recommendations", Verb.RESTORE)),
        (("restore", PLACE, "--region", "eu-west"), Flip("recommendations", Verb.RESTORE, ("eu-west",))),
        (
            ("force", PLACE, "--until", "2026-01-20T10:00:00Z"),
            Flip("recommendations", Verb.FORCE, expires_at=EPOCH.replace(day=20, hour=10, minute=0)),
        ),
    ],
)
def test_each_verb_asks_for_what_was_typed(
    controlplane: Command, fakes: FakeDoors, words: tuple[str, ...], flip: Flip
):
    """What was not typed is not sent."""
    assert controlplane("switch", *words, *REASON).code == 0
    assert asked(fakes) == flip


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("3", 3),
        ("2.5", 2.5),
        ("fast", "fast"),
        ('"3"', "3"),
        ("null", None),
        ('{"a":1}', {"a": 1}),
        ("NaN", "NaN"),
    ],
)
def test_a_value_is_json_or_a_bare_text(controlplane: Command, fakes: FakeDoors, typed: str, value: Any):
    """What reads as JSON is sent as such, everything else as a text."""
    assert controlplane("switch", "degrade", PLACE, *REASON, "--value", typed).code == 0
    assert asked(fakes).value == Given(value)


def test_undo_adopt_and_enforce_name_a_service(controlplane: Command, fakes: FakeDoors):
    """Service, revision, decision and reason arrive as they were typed."""
    for words in (
        ("undo", "checkout", "--revision", "42", "--if-match", "43"),
        ("adopt", "payments"),
        ("enforce", "payments"),
    ):
        assert controlplane("switch", *words, *REASON).code == 0

    undo, adopt, enforce = fakes.switches.asked
    assert isinstance(undo, UndoRequest)
    assert (undo.service, undo.revision, undo.expected_revision) == ("checkout", 42, 43)
    assert isinstance(adopt, DriftRequest)
    assert isinstance(enforce, DriftRequest)
    assert (adopt.policy, enforce.policy) == (DriftPolicy.ADOPT, DriftPolicy.ENFORCE)
    assert (adopt.service, adopt.act.reason) == ("payments", REASON[1])


def test_a_refusal_and_an_unknown_outcome_are_exit_code_1(controlplane: Command, fakes: FakeDoors):
    """Refused is said with its reason, unknown with what to do about it."""
    fakes.switches.result = Refused("switch_changed", "recommendations was changed meanwhile by bob")
    refused = controlplane("switch", "restore", PLACE, *REASON)
    fakes.switches.result = Unknown("c-1", "no answer from Consul")
    unknown = controlplane("switch", "restore", PLACE, *REASON, "--json")

    assert (refused.code, refused.err) == (1, "recommendations was changed meanwhile by bob\n")
    assert (unknown.code, json.loads(unknown.out)["outcome"]) == (1, "unknown")


@pytest.mark.parametrize(
    "words",
    [
        ("degrade", PLACE),
        ("degrade", "checkout", *REASON),
        ("degrade", "checkout/", *REASON),
        ("degrade", "a/b/c", *REASON),
        ("degrade", PLACE, *REASON, "--percent", "0"),
        ("restore", PLACE, *REASON, "--for", "1h"),
        ("undo", "checkout", *REASON),
        ("show", "../status"),
    ],
    ids=" ".join,
)
def test_a_mistake_in_the_command_is_exit_code_2(
    controlplane: Command, fakes: FakeDoors, words: tuple[str, ...]
):
    """What cannot be meant is not sent."""
    ended = controlplane("switch", *words)

    assert (ended.code, ended.out) == (2, "")
    assert "Error:" in ended.err
    assert fakes.switches.asked == []


def test_history_names_the_switches_that_changed(controlplane: Command, fakes: FakeDoors):
    """A row of switches says what became of each; one whose entry told nothing says nothing."""
    degraded, normal = {"state": "degraded", "value": False}, {"state": "normal", "value": True}
    row = replace(
        HISTORY[0],
        kind="switches",
        change_kind="flip",
        by="alice",
        reason="INC-1",
        revision=43,
        before={"recs": normal, "old": normal},
        after={"recs": degraded},
    )
    fakes.queries.history = [row, replace(row, position=1, revision=42, before=None, after=None)]

    said = " ".join(controlplane("history", "--kind", "switches").out.split())

    assert "switches/checkout revision 43 → recs degraded false, old dropped flip by alice: INC-1" in said
    assert "switches/checkout revision 42 flip by alice" in said
