"""Owns the answers to acts, and to their rehearsal."""

from typing import Literal

from controlplane.api.schemas.base import Answer


class GateAnswer(Answer):
    """One condition on a move."""

    name: str
    """What an override names."""
    ok: bool
    """Whether it holds."""
    text: str
    """What was compared with what."""


class PlanAnswer(Answer):
    """What a move would do; nothing was written."""

    group: str
    """Name of the group."""
    source: str | None
    """The region that is active now."""
    target: str
    """The region that would be."""
    revision: int | None
    """Of the document it was planned from: send it as `If-Match` with the move."""
    gates: list[GateAnswer]
    """Conditions on the move; each may be overridden by name."""
    warnings: list[str]
    """What to think about before."""
    refusals: list[str]
    """Why it cannot be done at all; no override helps."""
    plan_hash: str
    """Equal for equal plans from equal inputs."""


class DoneAnswer(Answer):
    """It is in force."""

    outcome: Literal["done"] = "done"
    """Always `done`."""
    change_id: str
    """Identifies the change in document, log and history."""
    text: str
    """What was done."""
    revision: int | None
    """Of the document that was published; null where the act published none."""


class UnknownAnswer(Answer):
    """It was sent and may still take effect; it is being settled."""

    outcome: Literal["unknown"] = "unknown"
    """Always `unknown`."""
    change_id: str | None
    """Look for it in the history; null where the answer of the leader was lost with it."""
    text: str
    """What was sent and what is not known."""
