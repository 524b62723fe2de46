"""Owns what a person may ask of the switches of a service."""

from dataclasses import dataclass
from enum import StrEnum

from controlplane.application.results import Act
from controlplane.domain.switches import Flip


class DriftPolicy(StrEnum):
    """Which of the two is right where a document is not what was published last."""

    ADOPT = "adopt"
    """What stands there."""
    ENFORCE = "enforce"
    """What was published last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipRequest:
    """Degrade, restore or force a switch."""

    act: Act
    service: str
    flip: Flip
    expected_revision: int | None = None
    """`If-Match`: the revision that the person was looking at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """Take back what one revision changed."""

    act: Act
    service: str
    revision: int
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRequest:
    """Say which of the two is right."""

    act: Act
    service: str
    policy: DriftPolicy
