"""Owns how fine history is looked at, and where its minutes, hours and days begin: on those of UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MINUTE_SECONDS = 60
HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Resolution(StrEnum):
    """What one point of a timeline stands for."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def minutes(self) -> int:
        """How long a point of it lasts; what is raw lies in blocks of a minute."""
        return _MINUTES[self]


_MINUTES: Mapping[Resolution, int] = {
    Resolution.RAW: 1,
    Resolution.MINUTE: 1,
    Resolution.HOUR: HOUR_MINUTES,
    Resolution.DAY: DAY_MINUTES,
}


def minute_of(moment: datetime) -> int:
    """Whole minutes from 1970 to a moment."""
    return (moment - _EPOCH) // timedelta(minutes=1)


def milliseconds_of(moment: datetime) -> int:
    """Whole milliseconds from 1970 to a moment."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_of(minute: int, *, milliseconds: int = 0) -> datetime:
    """The beginning of a minute, or so much later."""
    return _EPOCH + timedelta(minutes=minute, milliseconds=milliseconds)


def floor_to(minute: int, resolution: Resolution) -> int:
    """The minute in which the hour or day of a minute begins."""
    return minute - minute % resolution.minutes
