"""Owns how times are written: RFC 3339 in UTC with milliseconds and a `Z`."""

import re
from datetime import UTC, datetime

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_ZONE = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_RFC3339 = re.compile(f"{_DATE}T{_TIME}{_ZONE}")


def rfc3339(moment: datetime) -> str:
    """`2026-01-12T09:31:07.412Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_milliseconds(moment: datetime) -> datetime:
    """The moment as precisely as it is written: what was written equals what is read."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def parse_rfc3339(text: str) -> datetime:
    """The moment that `text` names, to the microsecond; strict, for readers in any language read the same.

    Raises:
        ValueError: no such time, or written in another way.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no RFC 3339 time with a zone")
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from error
