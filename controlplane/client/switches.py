"""Owns what a switch document is worth to one reader: in its region, and by its own clock."""

from datetime import UTC, datetime
from types import NoneType
from typing import Any

from controlplane.client.clock import Clock
from controlplane.contract.switches import Switch, SwitchDocument, SwitchType, effective_value

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_PYTHON_TYPES: dict[SwitchType, tuple[type, ...]] = {
    SwitchType.BOOL: (bool,),
    SwitchType.INT: (int,),
    SwitchType.FLOAT: (float, int),
    SwitchType.STRING: (str,),
    SwitchType.JSON: (dict, list, str, bool, int, float, NoneType),
}


def is_of(kind: SwitchType, value: Any) -> bool:
    """Whether a service's default is of a switch's type."""
    return isinstance(value, _PYTHON_TYPES[kind]) and (
        not isinstance(value, bool) or kind in (SwitchType.BOOL, SwitchType.JSON)
    )


class SwitchesInForce:
    """A switch document as this reader sees it.

    An expiry that was once seen to have passed has passed for as long as the document is in force, even if
    the clock steps back.
    """

    __slots__ = ("_clock", "_expiries", "_passed", "_region", "_untold", "document")

    def __init__(self, document: SwitchDocument, *, region: str | None, clock: Clock) -> None:
        self.document = document
        self._region = region
        self._clock = clock
        entries = document.switches.items()
        self._expiries = {name: moments for name, entry in entries if (moments := self._moments(entry))}
        self._passed: set[datetime] = set()
        self._untold = {(moment, name) for name, moments in self._expiries.items() for moment in moments}
        self.expire()

    @property
    def revision(self) -> int:
        """Of the document."""
        return self.document.revision

    def get(self, switch: str) -> Switch | None:
        """The entry of a switch; None where the document has none."""
        return self.document.switches.get(switch)

    def value(self, switch: str, unit: str | None) -> Any:
        """What a switch is worth now.

        Raises:
            KeyError: the document has no such switch.
        """
        expiries = self._expiries.get(switch)
        now = self._now(expiries) if expiries else _ANY_TIME
        return effective_value(self.document, switch, region=self._region, unit=unit, now=now)

    def next_expiry(self) -> datetime | None:
        """When `expire` has something to tell next; None: never."""
        return min(self._untold)[0] if self._untold else None

    def expire(self) -> tuple[str, ...]:
        """The switches with an expiry that has passed since this was last asked; asked by one thread."""
        now = self._clock.now()
        due = {(moment, name) for moment, name in self._untold if moment <= now}
        self._untold -= due
        self._passed.update(moment for moment, _ in due)
        return tuple(sorted({name for _, name in due}))

    def changes_since(self, former: "SwitchesInForce | None") -> tuple[str, ...]:
        """The switches whose entry is another than it was, those that came and those that went."""
        before, after = former.document.switches if former else {}, self.document.switches
        return tuple(
            sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        )

    def _moments(self, entry: Switch) -> tuple[datetime, ...]:
        override = entry.regions.get(self._region) if self._region is not None else None
        both = (entry.expires_at, override.expires_at if override else None)
        return tuple(sorted(moment for moment in both if moment is not None))

    def _now(self, expiries: tuple[datetime, ...]) -> datetime:
        """The time, but not before any of these expiries that was once seen to have passed."""
        now = self._clock.now()
        for moment in expiries:
            if moment <= now:
                self._passed.add(moment)
            elif moment in self._passed:
                now = moment
        return now
