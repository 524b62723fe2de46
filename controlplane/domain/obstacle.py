"""Owns the one value for whatever keeps the automation from moving a group: a code, a sentence, an end."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Flag(StrEnum):
    """What an obstacle is shown as beside a group's state; people may still act under each of them."""

    FROZEN = "frozen"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason not to move. `code` is stable and for programs, `text` is a sentence without a full stop."""

    code: str
    text: str
    flag: Flag | None = None
    until: datetime | None = None
    """When it ends by itself; None where no time is known."""
