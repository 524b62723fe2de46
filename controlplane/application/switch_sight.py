"""Owns what this replica knows of the switches: each document as it was last sound, and what is wrong now."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.application.mirror import StoreMirror
from controlplane.application.numbering import Numbering
from controlplane.application.ports import Clock, StoreError
from controlplane.application.switch_reading import SWITCHES, Reading, SwitchReader
from controlplane.application.switch_telling import way_out
from controlplane.contract.switches import SwitchChange, SwitchDocument
from controlplane.contract.times import rfc3339
from controlplane.domain.switch_drift import Drift, DriftCode
from controlplane.domain.switch_expiry import first_end

LOOK_EVERY_SECONDS = 1.0
"""At the latest: the mirror wakes it as soon as there is something new."""
RETRY_SECONDS = 0.25

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A document that was published and is in force, with the index to publish under."""

    document: SwitchDocument
    index: int
    first_end: datetime | None
    """When something of it runs out first."""


@dataclass(frozen=True, slots=True)
class SeenDrift:
    """What is wrong with a document, and since when this replica knows it (RFC 3339)."""

    drift: Drift
    since: str


@dataclass(slots=True)
class SwitchSight:
    """Judges every switch document that the mirror shows, once for each of its states."""

    reader: SwitchReader
    mirror: StoreMirror
    numbering: Numbering
    clock: Clock
    on_change: Callable[[], None] = lambda: None
    ready: bool = False
    """Whether all documents of this store have been judged once."""
    known: dict[str, Known] = field(default_factory=dict)
    """By service; what was last sound stays known while something is wrong."""
    drifts: dict[str, SeenDrift] = field(default_factory=dict)
    changes: dict[str, dict[str, SwitchChange]] = field(default_factory=dict)
    """Service → switch → its last change, as far back as the log reaches."""
    _judged: dict[str, tuple[bytes | None, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """Keep looking, for as long as the process lives."""
        while True:
            self.mirror.switches_changed.clear()
            pause = LOOK_EVERY_SECONDS
            try:
                await self.look()
            except StoreError as error:
                logger.warning("switches are as last known", extra={"error": str(error)})
                pause = RETRY_SECONDS
            await self._sleep(pause)

    async def look(self) -> None:
        """Judge what is new, once.

        Raises:
            StoreError: Consul does not answer.
        """
        shown = self.mirror.switch_documents()
        if shown is None:
            self.ready = False
            return
        for service in sorted({*shown, *self._judged, *self.numbering.names(SWITCHES)}):
            entry = shown.get(service)
            state = (entry.value, entry.modify_index) if entry else (None, 0)
            if self._judged.get(service) != state:
                self.take(await self.reader.read(service))
        self.ready = True

    def take(self, reading: Reading) -> None:
        """Learn from a reading; one that is older than what is known already teaches nothing."""
        known = self.known.get(reading.service)
        if known and reading.document and reading.document.revision < known.document.revision:
            return
        self._judged[reading.service] = (reading.raw, reading.index)
        for one in reading.logged:
            if one.published:
                before, after = one.published.before or {}, one.published.after
                self._remember(reading.service, one.published.change, {*before, *after})
        if reading.drift:
            self._mark(reading.service, reading.drift)
            return
        self.drifts.pop(reading.service, None)
        if reading.document:
            self._know(reading.document, reading.index)

    def note(self, document: SwitchDocument, index: int, changed: Iterable[str]) -> None:
        """Learn what this replica has just published."""
        service = document.service
        self.numbering.see_revision(SWITCHES, service, document.revision)
        self._know(document, index)
        self.drifts.pop(service, None)
        self._judged[service] = (document.to_bytes(), index)
        self._remember(service, document.change, changed)

    def look_again(self, service: str) -> None:
        """Judge a document anew, because more is known about it now."""
        self._judged.pop(service, None)
        self.mirror.switches_changed.set()

    @property
    def documents(self) -> Mapping[str, SwitchDocument]:
        """What is in force, by service."""
        return {service: known.document for service, known in self.known.items()}

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at."""
        return tuple(_alarm(service, seen.drift) for service, seen in sorted(self.drifts.items()))

    def _know(self, document: SwitchDocument, index: int) -> None:
        self.known[document.service] = Known(document, index, first_end(document.switches))
        self.on_change()

    def _remember(self, service: str, change: object, switches: Iterable[str]) -> None:
        if isinstance(change, SwitchChange):
            self.changes.setdefault(service, {}).update(dict.fromkeys(switches, change))

    def _mark(self, service: str, drift: Drift) -> None:
        seen = self.drifts.get(service)
        if seen is None or seen.drift != drift:
            logger.error(
                "switches drifted", extra={"service": service, "code": drift.code, "text": drift.text}
            )
            self.drifts[service] = SeenDrift(drift, rfc3339(self.clock.now()))
            self.on_change()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.mirror.switches_changed.wait()
        except TimeoutError:
            return


def _alarm(service: str, drift: Drift) -> str:
    past = " were changed past the control plane" if drift.code is DriftCode.FOREIGN_EDIT else ""
    return f"the switches of {service}{past}: {drift.text}; {way_out(service, drift)}"
