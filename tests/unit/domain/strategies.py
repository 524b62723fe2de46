"""What Hypothesis may come up with for the decision core."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from controlplane.domain.budget import AutomaticMove, Budget, Cause
from controlplane.domain.report import CellCounts
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.worlds import EPOCH

HEALTHS = ("up", "degraded", "down", "unknown", "maintenance")


def cell_counts(most: int = 6) -> st.SearchStrategy[CellCounts]:
    """Any counts of a small cell."""
    return st.builds(CellCounts, **{health: st.integers(0, most) for health in HEALTHS})


def counts_of(size: int) -> st.SearchStrategy[CellCounts]:
    """Any counts that add up to a size."""
    healths = st.lists(st.sampled_from(HEALTHS), min_size=size, max_size=size)
    return healths.map(lambda found: CellCounts(**{health: found.count(health) for health in HEALTHS}))


def vantage_words() -> st.SearchStrategy[str]:
    """What a vantage may say of a region, or leave unsaid."""
    return st.sampled_from(["up", "degraded", "failing", "abstains", "silent"])


def names() -> st.SearchStrategy[str]:
    """Names of groups and regions."""
    return st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)


def moments() -> st.SearchStrategy[datetime]:
    """Times as the store keeps them, to the millisecond."""
    return st.integers(0, 10**9).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))


def restraints() -> st.SearchStrategy[Restraints]:
    """Any restraints."""
    one = st.builds(Restraint, moments(), st.text(), st.text())
    named = st.dictionaries(names(), one, max_size=3)
    return st.builds(Restraints, st.none() | one, named, named)


def budgets() -> st.SearchStrategy[Budget]:
    """Any ring of moves."""
    numbers = st.integers(1, 10**6)
    move = st.builds(
        AutomaticMove, names(), numbers, moments(), numbers, names(), names(), st.sampled_from(Cause)
    )
    return st.lists(move, max_size=5).map(lambda moves: Budget(tuple(moves)))


def happenings() -> st.SearchStrategy[tuple[str, int, int]]:
    """Something that happens, a region and a vantage (or a group) that it may happen to."""
    dangers = ["kill", "kill", "kill", "break one service", "darken", "lie", "silence", "lag"]
    relief = ["heal", "heal all", "speak", "be honest", "catch up", "lead", "find Consul", "resume"]
    people = ["pause", "maintain", "move by hand", "depose", "lose Consul"]
    patience = ["wait", "wait", "wait", "wait long"]
    what = st.sampled_from([*dangers, *relief, *people, *patience])
    return st.tuples(what, st.integers(0, 2), st.integers(0, 2))
