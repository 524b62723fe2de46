"""The number of the next revision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.keys import REVISION_LIMIT
from controlplane.domain.revisions import (
    ACKNOWLEDGED_AHEAD_MAX,
    RevisionError,
    acknowledged_revision,
    next_revision,
)


@pytest.mark.parametrize(("known", "expected"), [([], 1), ([0], 1), ([17], 18), ([17, 42, 3], 43)])
def test_next_revision(known, expected):
    """The next revision is one above everything that is known."""
    assert next_revision(known) == expected


def test_numbers_end():
    """There is no revision at the limit: a document with a huge number has to be seen to by a person."""
    assert next_revision([REVISION_LIMIT - 2]) == REVISION_LIMIT - 1
    with pytest.raises(RevisionError, match="somebody wrote a huge number"):
        next_revision([REVISION_LIMIT - 1])


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ([], 0),
        ([20], 0),
        ([20, 20], 20),
        ([20, 19], 19),
        ([20, 19, 3], 19),
        ([17, 16], 16),
        ([17, 17 + ACKNOWLEDGED_AHEAD_MAX], 0),
        ([17, 16 + ACKNOWLEDGED_AHEAD_MAX, 16 + ACKNOWLEDGED_AHEAD_MAX], 16 + ACKNOWLEDGED_AHEAD_MAX),
        ([999_999_999_999] * 5, 0),
    ],
)
def test_acknowledgements(applied, expected):
    """One instance alone, and any number of absurd claims, push no revision up."""
    by_instance = {f"i-{number}": revision for number, revision in enumerate(applied)}

    assert acknowledged_revision(by_instance, published=17) == expected


@given(st.lists(st.integers(0, 10**6)), st.integers(0, 10**6))
def test_one_liar_changes_nothing_upward(applied, lie):
    """One more instance, whatever it claims, raises the number at most to what another one says."""
    honest = {f"i-{number}": revision for number, revision in enumerate(applied)}

    assert acknowledged_revision(honest | {"liar": lie}, 500_000) <= max(applied, default=0)
