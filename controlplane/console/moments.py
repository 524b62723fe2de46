"""Owns how moments are shown: the time of day where it is today's, the date where it is not, always UTC."""

from dataclasses import dataclass

from controlplane.contract.times import parse_rfc3339


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
