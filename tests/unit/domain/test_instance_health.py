"""Health of checks and instances: when it changes, when it does not, and when it is not known any more."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.domain.fleet import Check, CheckType, Layer
from controlplane.domain.instance_health import (
    EVIDENCE_AGE_BEATS_MAX,
    TRANSITIONS,
    CheckHealth,
    Health,
    advance,
    combine,
    count,
    health_at,
    patience_seconds,
)
from controlplane.domain.outcome import Outcome, Reason, Verdict
from controlplane.domain.report import CellCounts

GOOD = Outcome(Verdict.SUCCESS, Reason.OK)
SLOW = Outcome(Verdict.SUCCESS, Reason.SLOW)
BAD = Outcome(Verdict.FAILURE, Reason.STATUS)
OURS = Outcome(Verdict.FAULT_OF_OURS, Reason.OUR_DESCRIPTORS)
LETTERS = {"g": GOOD, "s": SLOW, "b": BAD, "o": OURS}

APPLICATION, MIDDLEWARE, INFRASTRUCTURE = Layer.APPLICATION, Layer.MIDDLEWARE, Layer.INFRASTRUCTURE
UNKNOWN, UP, DEGRADED, DOWN = Health.UNKNOWN, Health.UP, Health.DEGRADED, Health.DOWN


def check(*, rise: int = 2, fall: int = 3, interval: float = 1.0, timeout: float = 0.5) -> Check:
    return Check(
        "api", CheckType.HTTP, rise=rise, fall=fall, interval_seconds=interval, timeout_seconds=timeout
    )


def after(outcomes: str, asked: Check | None = None) -> CheckHealth:
    """The state after these outcomes, one per second."""
    state = CheckHealth()
    for second, letter in enumerate(outcomes):
        state = advance(state, LETTERS[letter], asked or check(), now=float(second))
    return state


@pytest.mark.parametrize(
    ("outcomes", "health"),
    [
        ("", UNKNOWN),
        ("g", UNKNOWN),
        ("gg", UP),
        ("gs", DEGRADED),
        ("sg", DEGRADED),
        ("ss", DEGRADED),
        ("bb", UNKNOWN),
        ("bbb", DOWN),
        ("gbgbgb", UNKNOWN),
        ("ggbb", UP),
        ("ggbbg", UP),
        ("ggbbb", DOWN),
        ("ggss", UP),
        ("ggsss", DEGRADED),
        ("ggsbs", DEGRADED),
        ("ggssbb", DEGRADED),
        ("ggssbbb", DOWN),
        ("ssg", DEGRADED),
        ("ssgg", UP),
        ("ssbb", DEGRADED),
        ("ssbbb", DOWN),
        ("bbbg", DOWN),
        ("bbbgg", UP),
        ("bbbgs", DEGRADED),
        ("bbbss", DEGRADED),
        ("bbbgbgbg", DOWN),
    ],
)
def test_stories(outcomes: str, health: Health):
    """Good, slow and bad outcomes in a row lead where a reader of the table expects."""
    assert after(outcomes).health is health


def test_the_table_knows_every_health():
    """From every health there is a way to a better and a worse one, and no way to where one already is."""
    assert TRANSITIONS.keys() == set(Health)
    for health, transitions in TRANSITIONS.items():
        assert transitions
        assert health not in {transition.to for transition in transitions}
        assert UNKNOWN not in {transition.to for transition in transitions}


@given(st.text(alphabet="gsbo", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_faults_of_ours_change_nothing(outcomes: str, rise: int, fall: int):
    """With and without faults of ours between them, the same outcomes give the same health."""
    asked = check(rise=rise, fall=fall, interval=100.0)
    without = outcomes.replace("o", "")
    assert after(outcomes, asked).health is after(without, asked).health


def runs(outcomes: str, letters: str) -> int:
    """How many outcomes at the end are among these."""
    return sum(1 for _ in itertools.takewhile(letters.__contains__, reversed(outcomes)))


@given(st.text(alphabet="gsb", min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_health_changes_only_by_agreement(outcomes: str, rise: int, fall: int):
    """Every change of health is backed by enough outcomes in a row, and enough of them always change it."""
    asked = check(rise=rise, fall=fall, interval=100.0)
    before, now = after(outcomes[:-1], asked).health, after(outcomes, asked).health
    if now is DOWN:
        assert before is DOWN or runs(outcomes, "b") >= fall
    if now is UP:
        assert before is UP or runs(outcomes, "g") >= rise
    if now is DEGRADED and before is not DEGRADED:
        assert runs(outcomes, "sb") >= fall if before is UP else runs(outcomes, "gs") >= rise
    if runs(outcomes, "b") >= fall:
        assert now is DOWN
    if runs(outcomes, "g") >= rise:
        assert now is UP


def test_old_evidence_is_unknown():
    """A check whose last usable outcome is older than three beats is unknown, and not a moment earlier."""
    asked = check(interval=5.0, timeout=1.0)
    patience = EVIDENCE_AGE_BEATS_MAX * 6.0
    state = advance(advance(CheckHealth(), GOOD, asked, now=0.0), GOOD, asked, now=5.0)

    assert patience_seconds(asked) == patience
    assert health_at(state, asked, now=5.0 + patience) is UP
    assert health_at(state, asked, now=5.1 + patience) is UNKNOWN
    assert health_at(CheckHealth(), asked, now=0.0) is UNKNOWN


def test_faults_of_ours_do_not_keep_evidence_young():
    """An instance that only we fail to probe becomes unknown, neither up nor down."""
    asked = check()
    state = after("gg")
    for second in range(2, 60):
        state = advance(state, OURS, asked, now=float(second))
    assert state.health is UP
    assert health_at(state, asked, now=60.0) is UNKNOWN


@pytest.mark.parametrize(("outcome", "health"), [(GOOD, UNKNOWN), (BAD, UNKNOWN)])
def test_evidence_starts_from_nothing_after_a_gap(outcome: Outcome, health: Health):
    """What was known before a long silence is not revived by one outcome after it."""
    state = advance(after("gggggg"), outcome, check(), now=1000.0)
    assert state.health is health
    assert (state.good + state.failing) == 1


@pytest.mark.parametrize(
    ("checks", "health"),
    [
        ([], UNKNOWN),
        ([(APPLICATION, UP)], UP),
        ([(APPLICATION, UNKNOWN)], UNKNOWN),
        ([(APPLICATION, DEGRADED)], DEGRADED),
        ([(APPLICATION, DOWN)], DOWN),
        ([(APPLICATION, UP), (APPLICATION, DOWN)], DOWN),
        ([(APPLICATION, UP), (APPLICATION, UNKNOWN)], UNKNOWN),
        ([(APPLICATION, DOWN), (APPLICATION, UNKNOWN)], DOWN),
        ([(APPLICATION, UNKNOWN), (APPLICATION, DEGRADED)], UNKNOWN),
        ([(APPLICATION, UP), (MIDDLEWARE, DOWN)], DEGRADED),
        ([(APPLICATION, UP), (INFRASTRUCTURE, DEGRADED)], DEGRADED),
        ([(APPLICATION, UP), (MIDDLEWARE, UNKNOWN)], UP),
        ([(APPLICATION, DOWN), (MIDDLEWARE, UP)], DOWN),
        ([(APPLICATION, UNKNOWN), (MIDDLEWARE, DOWN)], UNKNOWN),
        ([(MIDDLEWARE, DOWN), (INFRASTRUCTURE, UP)], DOWN),
        ([(MIDDLEWARE, UP), (INFRASTRUCTURE, DOWN)], DEGRADED),
        ([(INFRASTRUCTURE, DOWN)], DOWN),
        ([(INFRASTRUCTURE, UP)], UP),
    ],
)
def test_an_instance_is_what_its_outermost_checks_say(checks: list[tuple[Layer, Health]], health: Health):
    """The outermost layer present decides; what lies below it can only degrade."""
    assert combine(checks) is health


@given(st.lists(st.tuples(st.sampled_from(Layer), st.sampled_from(Health)), max_size=6))
def test_the_order_of_checks_makes_no_difference(checks: list[tuple[Layer, Health]]):
    """Checks are a set of facts, whatever order the fleet file lists them in."""
    assert combine(checks) is combine(checks[::-1])


@given(st.lists(st.sampled_from(Health)))
def test_every_instance_is_counted_once(instances: list[Health]):
    """The counts of a cell add up to its instances."""
    counts = count(instances)
    assert counts.total == len(instances)
    assert counts == CellCounts(
        up=instances.count(UP),
        degraded=instances.count(DEGRADED),
        down=instances.count(DOWN),
        unknown=instances.count(UNKNOWN),
    )
