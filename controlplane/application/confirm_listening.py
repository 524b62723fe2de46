"""Owns the listening to readers in a prober: documents and outcomes in, bursts and tallies out."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from controlplane.application.confirm_bursting import Burst
from controlplane.application.confirm_hearing import Acknowledgements
from controlplane.application.confirm_watching import DocumentWatch
from controlplane.application.ports import Clock, Probe, Store
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.domain.confirmation import Tally
from controlplane.domain.fleet import Check, CheckType, Definitions, Instance
from controlplane.domain.outcome import Outcome

ANNOUNCE_SECONDS_MIN = 0.1
"""Readers confirm one after the other: they are reported together, at most so often."""


class Listener(Protocol):
    """Who is told what the probes of the timetable bring."""

    def adopt(self, definitions: Definitions) -> None:
        """Listen to the instances of these definitions from now on."""

    def hear(self, instance: Instance, check: Check, outcome: Outcome, started: float) -> None:
        """Take in what a probe brought that was started at this monotonic moment."""


class Deaf:
    """For whom no reader is of interest."""

    def adopt(self, definitions: Definitions) -> None:
        """Forget it."""

    def hear(self, instance: Instance, check: Check, outcome: Outcome, started: float) -> None:
        """Forget it."""


class Listening:
    """Hears which documents readers have applied; one per prober process."""

    def __init__(
        self,
        *,
        probes: Mapping[CheckType, Probe],
        store: Store,
        keys: Keys,
        clock: Clock,
    ) -> None:
        self._acknowledgements = Acknowledgements(clock=clock)
        self._burst = Burst(probes=probes, acknowledgements=self._acknowledgements, clock=clock)
        self._watch = DocumentWatch(store=store, keys=keys, take=self._read)

    async def run(self, *, announce: Callable[[], None]) -> None:
        """Listen until cancelled; `announce` is called when the tallies have changed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run(), name="documents")
            tasks.create_task(self._burst.run(), name="burst")
            tasks.create_task(self._tell(announce), name="tallies")

    def adopt(self, definitions: Definitions) -> None:
        """Listen to the instances of these definitions from now on."""
        self._acknowledgements.adopt(definitions)

    def hear(self, instance: Instance, check: Check, outcome: Outcome, started: float) -> None:
        """Take in what a probe of the timetable brought that was started at this monotonic moment."""
        self._acknowledgements.hear(instance, check, outcome, started)

    def tallies(self) -> Mapping[str, Tally]:
        """What is to be reported."""
        return self._acknowledgements.tallies()

    def _read(self, kind: DocumentKind, documents: Mapping[str, bytes]) -> None:
        for published in self._acknowledgements.read(kind, documents):
            self._burst.begin(published)

    async def _tell(self, announce: Callable[[], None]) -> None:
        while True:
            await self._acknowledgements.changed.wait()
            self._acknowledgements.changed.clear()
            announce()
            await asyncio.sleep(ANNOUNCE_SECONDS_MIN)
