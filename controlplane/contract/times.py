"""Owns how times are written: RFC 3339 in UTC with milliseconds and a `Z`."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """`2026-01-12T09:31:07.412Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_milliseconds(moment: datetime) -> datetime:
    """The moment as precisely as it is written: what was written equals what is read."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def parse_rfc3339(text: str) -> datetime:
    """The moment that `text` names.

    Raises:
        ValueError: no such time, or no time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from error
