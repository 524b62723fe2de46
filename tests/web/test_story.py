"""How history is told: entries of changes and non-decisions, and the fields that changed."""

import pytest

from controlplane.application.history_views import EntryView, EvaluationView
from controlplane.console.story import DIFFERENCES_MAX, VALUE_CHARACTERS_MAX, differences, story, told
from tests.web.pictures import AS_OF, HISTORY, change

EVALUATION = EvaluationView(
    position=3,
    kind="failover",
    name="catalog",
    at="2026-01-12T09:28:40.000Z",
    outcome="stay",
    code="no_target",
    reason="us-east down from 2 of 3 vantages; not moved: no other region passes its gates",
    before="evaluating",
    state="blocked",
    trace_id=None,
    inputs={},
)


def flips(**switches: tuple[str, str]):
    """A change of switches, each from a state to another."""
    return change(
        9,
        kind="switches",
        change_kind="flip",
        before={name: {"state": was, "value": True} for name, (was, _) in switches.items()},
        after={name: {"state": now, "value": False} for name, (_, now) in switches.items()},
    )


def test_a_move_names_where_from_and_where_to():
    """An entry says what moved, from where to where, by whom, and links to its page."""
    entry = told(HISTORY[1], as_of=AS_OF)

    assert (entry.subject, entry.title, entry.by) == ("catalog", "us-east → eu-west", "alice")
    assert (entry.mark.shape, entry.mark.word) == ("moving", "manual")
    assert entry.address == "/changes/failover/catalog/6"


def test_what_moves_nothing_is_no_move():
    """A first document, and one that stays where it is, are told without an arrow."""
    assert (told(HISTORY[2], as_of=AS_OF).title, told(HISTORY[2], as_of=AS_OF).mark.shape) == (
        "us-east",
        "up",
    )


def test_what_another_program_wrote_is_told_as_far_as_it_goes():
    """An entry without contents has a title without an arrow, and says what it is."""
    entry = told(change(4, change_kind="unreadable", before=None, after=None), as_of=AS_OF)

    assert (entry.subject, entry.title, entry.mark.word) == ("checkout", "", "unreadable")
    assert entry.mark.shape == "unknown"


def test_an_entry_is_one_thing_or_the_other():
    """What is neither a change nor an evaluation is a mistake of ours."""
    with pytest.raises(ValueError, match="a change or an evaluation"):
        story([EntryView("2026-01-12T09:28:40.000Z")], as_of=AS_OF)


def test_a_flip_names_its_switch_and_its_states():
    """One switch is the subject; several are named, and no more than fit."""
    one = told(flips(recommendations=("normal", "degraded")), as_of=AS_OF)
    many = told(flips(**{f"s{n}": ("degraded", "normal") for n in range(5)}), as_of=AS_OF)

    assert (one.subject, one.title) == ("checkout/recommendations", "normal → degraded")
    assert one.mark.shape == "degraded"
    assert (many.subject, many.title) == ("checkout", "s0, s1, s2 and 2 more")
    assert many.mark.shape == "up"


def test_a_non_decision_is_an_entry():
    """Why nothing moved stands beside the moves, with the state it left and the one it came to."""
    (entry,) = story([EntryView(EVALUATION.at, evaluation=EVALUATION)], as_of=AS_OF)

    assert (entry.subject, entry.title, entry.mark.word) == ("catalog", "evaluating → blocked", "blocked")
    assert (entry.revision, entry.address) == (None, "/changes/evaluations/3")


def test_differences_are_fields_and_no_more():
    """Nested fields are told by their path; what every document says of itself is not told."""
    before = {"schema": "x/1", "revision": 1, "active": "a", "weights": {"a": 100, "b": 0}}
    after = {"schema": "x/1", "revision": 2, "active": "b", "weights": {"a": 100, "b": 100}, "previous": "a"}

    assert [(one.what, one.was, one.will) for one in differences(before, after)] == [
        ("active", "a", "b"),
        ("weights.b", "0", "100"),
        ("previous", "nothing", "a"),
    ]
    assert differences(None, None) == ()


def test_differences_are_bounded():
    """A huge document does not make a huge page."""
    found = differences(None, {f"field{n}": "x" * 10_000 for n in range(DIFFERENCES_MAX + 50)})

    assert len(found) == DIFFERENCES_MAX
    assert len(found[0].will) == VALUE_CHARACTERS_MAX
