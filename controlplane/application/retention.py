"""Owns how long history is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many days history is kept."""

    raw_days: int = 30
    hourly_days: int = 400
    """Of health changes and evaluations, too."""
    daily_days: int = 3650
