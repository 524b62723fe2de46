"""Owns the number of the next revision: one above everything ever seen, and never the end of numbers."""

from collections.abc import Iterable, Mapping

from controlplane.contract.keys import REVISION_LIMIT

ACKNOWLEDGED_AHEAD_MAX = 10_000
"""An acknowledgement this far above what was published is an alarm, not a number to start from."""


class RevisionError(ValueError):
    """There is no next revision; the text says why."""


def next_revision(known: Iterable[int]) -> int:
    """1 + the highest of the revisions known: document, log, memory, file, copies, history, acknowledgements.

    Raises:
        RevisionError: the numbers are used up.
    """
    revision = 1 + max(known, default=0)
    if revision >= REVISION_LIMIT:
        raise RevisionError(
            f"revision {revision} is not below {REVISION_LIMIT}: somebody wrote a huge number"
        )
    return revision


def acknowledged_revision(applied: Mapping[str, int], published: int) -> int:
    """The highest revision that at least two instances say they have applied; 0 where there is none.

    `applied` holds the revision per instance. It is advice from the network: what is
    `ACKNOWLEDGED_AHEAD_MAX` or more above `published` does not count.
    """
    plausible = sorted(
        revision for revision in applied.values() if revision < published + ACKNOWLEDGED_AHEAD_MAX
    )
    return plausible[-2] if len(plausible) > 1 else 0
