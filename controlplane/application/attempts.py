"""Owns how often somebody may try to log in: per name, and per source address, in memory of a fixed size.

Each is a bucket that leaks (GCRA): one number per key, the moment at which it will be empty again. An attempt
is counted when it begins, so that many at once are no more than many in a row; one that succeeds is given
back. Whoever has logged in from an address before has a bucket of their own there: strangers elsewhere cannot
lock them out.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from controlplane.application.ports import Clock

BUCKETS_MAX = 10_000
"""Of each kind; beyond it those that were used longest ago are forgotten."""
IPV6_PREFIX_BITS = 64
"""What one subscriber is given: its addresses count as one source."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many at once, and one more every so often."""

    burst: int
    seconds_each: float


PER_NAME = Allowance(burst=10, seconds_each=30.0)
PER_SOURCE = Allowance(burst=30, seconds_each=2.0)


class Attempts:
    """Counts attempts of names and sources."""

    def __init__(self, clock: Clock, *, buckets_max: int = BUCKETS_MAX) -> None:
        self._clock = clock
        self._buckets_max = buckets_max
        self._names = _Buckets(PER_NAME, buckets_max)
        self._sources = _Buckets(PER_SOURCE, buckets_max)
        self._at_home: OrderedDict[str, None] = OrderedDict()

    def begin(self, name: str, source: str) -> float:
        """Count an attempt and answer 0; or answer how many seconds to wait, and count nothing."""
        now, place = self._clock.monotonic(), _place(source)
        key = self._key(name, place)
        wait = max(self._names.wait(key, now), self._sources.wait(place, now))
        if not wait:
            self._names.add(key, now)
            self._sources.add(place, now)
        return wait

    def succeed(self, name: str, source: str) -> None:
        """The attempt that began was the right one: it counts no more, nor do those before it."""
        place = _place(source)
        self._names.clear(self._key(name, place))
        self._sources.give_back(place)
        _remember(self._at_home, f"{name} {place}", None, self._buckets_max)

    def _key(self, name: str, place: str) -> str:
        own = f"{name} {place}"
        return own if own in self._at_home else name


class _Buckets:
    """When each bucket will be empty again, in seconds of the monotonic clock."""

    def __init__(self, allowance: Allowance, buckets_max: int) -> None:
        self._allowance = allowance
        self._buckets_max = buckets_max
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until there is room for one more; 0 where there is."""
        each, burst = self._allowance.seconds_each, self._allowance.burst
        return max(self._empty_at.get(key, now) - now - each * (burst - 1), 0.0)

    def add(self, key: str, now: float) -> None:
        """Pour one in."""
        level = max(self._empty_at.get(key, now), now)
        _remember(self._empty_at, key, level + self._allowance.seconds_each, self._buckets_max)

    def give_back(self, key: str) -> None:
        """Take one out."""
        if key in self._empty_at:
            self._empty_at[key] -= self._allowance.seconds_each

    def clear(self, key: str) -> None:
        """Empty it."""
        self._empty_at.pop(key, None)


def _remember(kept: OrderedDict[str, T], key: str, value: T, size_max: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > size_max:
        kept.popitem(last=False)


def _place(source: str) -> str:
    """The source as it is counted: an address of IPv4, a network of IPv6, anything else as it is."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX_BITS), strict=False))
    return str(address)
