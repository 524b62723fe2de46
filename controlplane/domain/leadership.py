"""Owns the pure part of the lease: when a follower may take over, and when a leader must not decide.

Safety never rests on this file: every transaction checks `term`. It only keeps the peace.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from controlplane.contract.documents import canonical

SILENCE_SECONDS = 4.0
"""How long one ModifyIndex must stand before a follower takes over."""
READ_GAP_SECONDS_MAX = 1.0
"""Reads further apart than this could have missed Consul's own absence."""
RENEWAL_SECONDS_MAX = 2.0
"""A leader whose last successful renewal was sent longer ago decides nothing."""


class LeaderRecordError(ValueError):
    """These bytes are not a leader record; the text says why."""


@dataclass(frozen=True, slots=True)
class LeaderRecord:
    """The value of the `leader` key."""

    holder: str
    """Random per process start; empty after a clean release."""
    term: int
    api: str
    """Address of the leader's API."""
    beat: int = 0
    """Rises with every renewal, because Consul does not touch a key whose bytes are equal."""
    log_bytes: int = 0
    """Size of `log/` as the leader last read it, so that every replica knows when it is full."""

    @property
    def vacant(self) -> bool:
        """Whether the last holder let go, so that anybody may take over at once."""
        return not self.holder

    def renewed(self, log_bytes: int = 0) -> "LeaderRecord":
        """The record to renew the lease with."""
        return replace(self, beat=self.beat + 1, log_bytes=log_bytes)

    def released(self) -> "LeaderRecord":
        """The record to let go with."""
        return replace(self, holder="", api="", beat=self.beat + 1)

    def to_bytes(self) -> bytes:
        """Canonical JSON, as it stands in Consul."""
        return canonical(asdict(self))


def parse_leader(raw: bytes) -> LeaderRecord:
    """Read the value of the `leader` key.

    Raises:
        LeaderRecordError: not JSON, or a field missing or of the wrong type.
    """
    try:
        fields: dict[str, Any] = json.loads(raw)
        return LeaderRecord(
            holder=str(fields["holder"]),
            term=int(fields["term"]),
            api=str(fields["api"]),
            beat=int(fields["beat"]),
            log_bytes=int(fields.get("log_bytes", 0)),
        )
    except (ArithmeticError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LeaderRecordError(f"leader: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class SilenceRun:
    """An unbroken run of successful reads that showed one ModifyIndex; times are monotonic seconds."""

    modify_index: int
    began: float
    """When the first read of the run was answered: the index certainly stood from then on."""
    last: float
    """When the latest read was answered."""
    covered: float = 0.0
    """Seconds from `began` to the sending of the latest read."""

    @property
    def is_silence(self) -> bool:
        """Whether the leader may be taken to be gone."""
        return self.covered >= SILENCE_SECONDS


def listen(run: SilenceRun | None, *, modify_index: int, sent: float, answered: float) -> SilenceRun:
    """Take in one successful read of `leader`. After a failed read, pass None: the run starts again."""
    broken = run is None or run.modify_index != modify_index or answered - run.last > READ_GAP_SECONDS_MAX
    if run is None or broken:
        return SilenceRun(modify_index, began=answered, last=answered)
    return replace(run, last=answered, covered=sent - run.began)


def may_decide(renewed_seconds: float) -> bool:
    """Whether a leader may decide, by the age of its last successful renewal, counted from its sending."""
    return renewed_seconds <= RENEWAL_SECONDS_MAX


def deposed(*, holder: str, term: int, found: LeaderRecord | None, found_term: int) -> str | None:
    """Why the leader `holder` of `term` must step down, by what it reads; None while it leads.

    A lower term means that Consul went back in time: step down and take over anew above the known one.
    """
    if found_term != term:
        return f"the term is {found_term}, this leader's is {term}"
    if found is None:
        return "the leader key is gone"
    if found.holder != holder:
        return f"{found.holder or 'nobody'} holds the lease"
    return None
