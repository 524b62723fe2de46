"""Owns the three answers to every act that writes: done, refused, unknown; and what a person asks for.

"Unknown" is not "refused": the request was sent and may still take effect. Whoever shows it says so.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Done:
    """It is in force."""

    change_id: str
    text: str
    revision: int | None = None
    """Of the document that was published; None where the act published none."""
    index: int | None = None
    """ModifyIndex that everything written with it shares in Consul."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing has changed. `code` is stable and for programs, `text` says why and what is allowed."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent and may still take effect; it is settled in the background."""

    change_id: str
    text: str


Result = Done | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Act:
    """What every act of a person carries."""

    by: str
    reason: str
    trace_id: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """Move a group to a region."""

    act: Act
    group: str
    target: str
    expected_revision: int | None = None
    """`If-Match`: the revision that the person was looking at."""
    overrides: tuple[str, ...] = ()
    """Names of the gates that may fail."""


@dataclass(frozen=True, slots=True)
class GroupDriftRequest:
    """Say which is right where a group's document is not what was published."""

    act: Act
    group: str
    policy: str
    """`adopt` what stands there, or `enforce` what was published last."""


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """Restrain the automation of the fleet, a group, or put a region into maintenance."""

    act: Act
    scope: str
    """`fleet`, `group` or `region`."""
    name: str | None
    """Of the group or region; None for the fleet."""
    until: datetime


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """End a restraint before its time."""

    act: Act
    scope: str
    name: str | None
