"""Owns which stretch of time a page shows: in its address, relative to now or fixed, as people type it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.datastructures import QueryParams

from controlplane.console.refusals import PageRefused
from controlplane.console.texts import gettext as _
from controlplane.domain.history_time import Resolution

PRESETS = ("1h", "6h", "24h", "7d", "30d")
"""Back from now."""
SPAN_MAX = timedelta(days=400)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_RELATIVE = re.compile(r"now(?:-([1-9][0-9]{0,4})([mhdw]))?")
_MINUTES_UP_TO = timedelta(hours=12)
_HOURS_UP_TO = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Range:
    """From when to when."""

    first: datetime
    last: datetime
    """The end, which does not belong to it."""
    typed_first: str
    """As it stands in the address, so that a relative range stays relative."""
    typed_last: str

    @property
    def resolution(self) -> Resolution:
        """What one point stands for, so that a drawing has some hundreds of them."""
        length = self.last - self.first
        if length <= _MINUTES_UP_TO:
            return Resolution.MINUTE
        return Resolution.HOUR if length <= _HOURS_UP_TO else Resolution.DAY


def range_of(asked: QueryParams, now: datetime, *, default: str = "1h") -> Range:
    """The range that `from` and `to` name: `now-6h`, or a moment in ISO 8601, in UTC where it names no zone.

    Raises:
        PageRefused: they cannot be read, or make no range.
    """
    typed_first, typed_last = asked.get("from") or f"now-{default}", asked.get("to") or "now"
    first, last = _moment(typed_first, now, "from"), _moment(typed_last, now, "to")
    if not timedelta() < last - first <= SPAN_MAX:
        text = _("“from” lies before “to”, by %(days)d days at most.") % {"days": SPAN_MAX.days}
        raise PageRefused(422, _("Not a stretch of time"), text)
    return Range(first, last, typed_first, typed_last)


def _moment(text: str, now: datetime, name: str) -> datetime:
    relative = _RELATIVE.fullmatch(text)
    if relative:
        count, unit = relative.groups()
        return now - int(count) * _UNITS[unit] if count else now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        allowed = _("“now”, “now-6h” (m, h, d, w), or a moment like 2026-01-12T09:30 are.")
        said = _("“%(name)s” is no moment; %(allowed)s") % {"name": name, "allowed": allowed}
        raise PageRefused(422, _("Not a moment"), said) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
