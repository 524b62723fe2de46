"""Owns the events of a control process: what a reader may follow, from where on, and when it must look anew.

One ring serves everybody. A reader is a place in it, so that whoever reads slowly costs nothing and keeps
nobody waiting; one that the ring has passed by is told to look anew, for what it missed is not guessed.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from controlplane.application.ports import Clock
from controlplane.contract.times import rfc3339

RING_EVENTS_MAX = 2_048
"""How far a reader may fall behind, and how far back one that returns is served."""
BATCH_EVENTS_MAX = 64
SEQUENCE_DIGITS_MAX = 15
READERS_MAX = 256
"""Two hundred people, and some programs; each also holds a connection."""


class EventKind(StrEnum):
    """What may be followed. Kinds are part of the interface: they are never renamed."""

    DOCUMENT = "document"
    GROUP = "group"
    CONFIRMATION = "confirmation"
    HEALTH = "health"
    VANTAGE = "vantage"
    RESTRAINT = "restraint"
    LEADER = "leader"
    DEPENDENCY = "dependency"
    REGISTRY = "registry"
    ALARM = "alarm"
    RESET = "reset"
    """Events may be missing before this one: look anew at everything."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something is now otherwise than it was. Equal to itself alone, so that it is encoded once for all."""

    id: str
    """`<holder of the replica>-<sequence>`."""
    sequence: int
    kind: EventKind
    name: str
    """Of what it is about, among those of its kind."""
    data: Mapping[str, Any]
    """How it is now, as JSON; empty: it is no more."""
    at: str
    """RFC 3339; when this replica noticed."""


class TooManyReaders(Exception):
    """This replica serves as many readers as it may."""


@dataclass(slots=True)
class EventHub:
    """Keeps the latest events, and the places of its readers; `origin` is the holder of this replica."""

    origin: str
    clock: Clock
    readers: "set[EventReader]" = field(default_factory=set)
    closed: bool = False
    _sequence: int = 0
    _ring: deque[Event] = field(default_factory=lambda: deque(maxlen=RING_EVENTS_MAX))

    def publish(self, kind: EventKind, name: str, data: Mapping[str, Any]) -> None:
        """Tell everybody; waits for nobody."""
        self._sequence += 1
        self._ring.append(self._event(kind, name, data))
        self._wake()

    def forget(self) -> None:
        """From here on events may be missing: every place before this one is worth nothing any more."""
        self._ring.clear()
        self._sequence += 1
        self._wake()

    def close(self) -> None:
        """The process ends: so do all readers."""
        self.closed = True
        self._wake()

    def open(self, after: str | None, kinds: Collection[EventKind]) -> "EventReader":
        """A reader from a place on, or from now on; of some kinds, or, where none is named, of all.

        Raises:
            TooManyReaders: another one has to end first.
        """
        if len(self.readers) >= READERS_MAX:
            raise TooManyReaders(f"{READERS_MAX} readers are served by this replica, no more")
        place = self.place if after is None else self._place_of(after)
        reader = EventReader(self, frozenset(kinds), None if self.since(place) is None else place)
        self.readers.add(reader)
        return reader

    @property
    def place(self) -> int:
        """Where a reader stands that has everything."""
        return self._sequence

    def since(self, place: int | None) -> Iterator[Event] | None:
        """The events after a place; None where they cannot all be told."""
        missed = -1 if place is None else self._sequence - place
        if not 0 <= missed <= len(self._ring):
            return None
        return (self._ring[-back] for back in range(missed, 0, -1))

    def identifier(self, place: int) -> str:
        """The id of the event before a place, by which one comes back to it."""
        return f"{self.origin}-{place}"

    def reset(self) -> Event:
        """What is told to a reader that may have missed something, and goes on from now."""
        return self._event(EventKind.RESET, "", {})

    def _event(self, kind: EventKind, name: str, data: Mapping[str, Any]) -> Event:
        identifier, at = self.identifier(self._sequence), rfc3339(self.clock.now())
        return Event(identifier, self._sequence, kind, name, data, at)

    def _place_of(self, identifier: str) -> int | None:
        origin, _, sequence = identifier.rpartition("-")
        known = origin == self.origin and sequence.isascii() and sequence.isdigit()
        return int(sequence) if known and len(sequence) <= SEQUENCE_DIGITS_MAX else None

    def _wake(self) -> None:
        for reader in self.readers:
            reader.wake()


class EventReader:
    """One reader's place, for the length of a `with` block.

    Whoever comes back to a place that cannot be told is told `reset` and goes on from now. Whoever falls
    behind while reading is told `reset` and ends.
    """

    def __init__(self, hub: EventHub, kinds: frozenset[EventKind], place: int | None) -> None:
        self._hub = hub
        self._kinds = kinds
        self._place = place
        self._is_new = True
        self._fell_behind = False
        self._news = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hub.readers.discard(self)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._fell_behind or self._hub.closed

    @property
    def last_id(self) -> str | None:
        """What to come back with; None before a `reset`."""
        return None if self._place is None else self._hub.identifier(self._place)

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    async def read(self, wait_seconds: float) -> Sequence[Event]:
        """The next events, at most `BATCH_EVENTS_MAX`; none where none came in time."""
        self._news.clear()
        events = self._next()
        if events or self.ended:
            return events
        try:
            async with asyncio.timeout(wait_seconds):
                await self._news.wait()
        except TimeoutError:
            return ()
        return self._next()

    def _next(self) -> Sequence[Event]:
        coming = self._hub.since(self._place)
        if coming is None:
            return [self._reset()]
        self._is_new = False
        events: list[Event] = []
        for event in coming:
            self._place = event.sequence
            if not self._kinds or event.kind in self._kinds:
                events.append(event)
            if len(events) == BATCH_EVENTS_MAX:
                break
        return events

    def _reset(self) -> Event:
        self._fell_behind = not self._is_new
        self._is_new, self._place = False, self._hub.place
        return self._hub.reset()
