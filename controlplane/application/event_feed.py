"""Owns what events are made of: a picture is drawn when something stirred, and compared with the former one.

While nobody reads, nothing is drawn; whoever comes back afterwards is told to look anew.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from controlplane.application.event_facts import Facts, differences, facts
from controlplane.application.events import EventHub, EventKind, EventReader
from controlplane.application.ports import Clock
from controlplane.application.views import StatusView
from controlplane.contract.switches import SwitchDocument

GATHER_SECONDS = 0.02
"""What is changed together is told together."""
DRAWN_APART_SECONDS = 0.05
REST_PER_PICTURE = 20
"""A picture of 2,000 instances takes about 5 ms: at most a twentieth of a core goes into pictures."""
LOOK_EVERY_SECONDS = 1.0
"""For what stirs nothing: contact that is lost, a word that has become too old."""
LINGER_SECONDS = 30.0
"""After the last reader left; longer than one waits before it comes back."""


@dataclass(slots=True)
class EventFeed:
    """Tells readers what changed. `wake` is called by whatever may have changed something."""

    hub: EventHub
    clock: Clock
    status: Callable[[], StatusView]
    switch_documents: Callable[[], Mapping[str, SwitchDocument]]
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _known: Facts | None = None
    """What readers have been told; None while there are none."""
    _read_at: float = 0.0
    """Monotonic seconds at which somebody last read."""

    async def run(self) -> None:
        """Keep looking, for as long as the process lives."""
        while True:
            await self._stir()
            started = self.clock.monotonic()
            self.look()
            took = self.clock.monotonic() - started
            await asyncio.sleep(max(DRAWN_APART_SECONDS, REST_PER_PICTURE * took))

    def open(self, after: str | None, kinds: Collection[EventKind]) -> EventReader:
        """A reader from a place on, or from now on; of some kinds, or, where none is named, of all.

        Raises:
            TooManyReaders: another one has to end first.
        """
        reader = self.hub.open(after, kinds)
        self._read_at = self.clock.monotonic()
        if self._known is None:
            self._known = self._draw()
        return reader

    def close(self) -> None:
        """The process ends: so do all readers."""
        self.hub.close()

    def wake(self) -> None:
        """Something may have changed."""
        self._stirred.set()

    def look(self) -> None:
        """Tell what changed since the last look, or forget it where nobody reads any more."""
        if self._known is None:
            return
        now = self.clock.monotonic()
        if self.hub.readers:
            self._read_at = now
        elif now - self._read_at > LINGER_SECONDS:
            self._known = None
            self.hub.forget()
            return
        former, self._known = self._known, self._draw()
        for kind, name, data in differences(former, self._known):
            self.hub.publish(kind, name, data)

    def _draw(self) -> Facts:
        return facts(self.status(), self.switch_documents())

    async def _stir(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await self._stirred.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER_SECONDS)
        self._stirred.clear()
