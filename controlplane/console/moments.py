"""Owns how moments are shown: the time of day where it is today's, the date where it is not, always UTC."""

from dataclasses import dataclass

from controlplane.contract.times import parse_rfc3339

MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment for people, and for programs."""

    shown: str
    exact: str | None
    """RFC 3339; None where the text names no moment."""


def moment(text: str, *, as_of: str) -> Moment:
    """What stands on the page for an RFC 3339 text; a text that names no moment is shown as it is."""
    try:
        there, here = parse_rfc3339(text), parse_rfc3339(as_of)
    except ValueError:
        return Moment(text, None)
    same_day = there.date() == here.date()
    return Moment(f"{there:%H:%M:%S}" if same_day else f"{there:%Y-%m-%d %H:%M}", text)


def left(text: str, *, as_of: str) -> str:
    """How long it is until a moment: `1 h 59 min`; empty where the text names none."""
    try:
        seconds = (parse_rfc3339(text) - parse_rfc3339(as_of)).total_seconds()
    except ValueError:
        return ""
    return span(max(0, round(seconds)))


def span(seconds: int) -> str:
    """A length of time in its two largest units."""
    parts = (
        (seconds // DAY_SECONDS, "d"),
        (seconds % DAY_SECONDS // HOUR_SECONDS, "h"),
        (seconds % HOUR_SECONDS // MINUTE_SECONDS, "min"),
        (seconds % MINUTE_SECONDS, "s"),
    )
    first = next((place for place, (count, _unit) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
