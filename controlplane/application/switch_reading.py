"""Owns reading a switch document with its log: what stands there, and whether it was published last."""

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.application.logbook import Logged, read_log
from controlplane.application.numbering import Numbering
from controlplane.application.ports import Store
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchDocument
from controlplane.domain.switch_drift import Drift, Published, judge

SWITCHES = DocumentKind.SWITCHES
READS_MAX = 4
"""Document and log are two requests: what does not fit is read again, a publication may lie between."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A switch document and its log, read consistently."""

    service: str
    raw: bytes | None
    """None: there is no such key."""
    index: int
    standing: SwitchDocument | None
    """What stands there, where it can be read."""
    drift: Drift | None
    logged: tuple[Logged, ...]

    @property
    def document(self) -> SwitchDocument | None:
        """What stands there, where it is what was published last."""
        return None if self.drift else self.standing

    @property
    def revisions(self) -> list[int]:
        """Every revision that the store has of it."""
        standing = [self.standing.revision] if self.standing else []
        return [*standing, *(one.revision for one in self.logged)]


@dataclass(slots=True)
class SwitchReader:
    """Reads switch documents; what is in force is remembered in `numbering`."""

    store: Store
    keys: Keys
    numbering: Numbering

    async def read(self, service: str) -> Reading:
        """The document of a service.

        Raises:
            StoreUnavailable: no answer in time.
        """
        reading = await self._read_once(service)
        for _ in range(READS_MAX - 1):
            former = reading
            if reading.drift is None:
                break
            reading = await self._read_once(service)
            if (reading.raw, reading.index) == (former.raw, former.index):
                break
        if reading.document:
            self.numbering.see_revision(SWITCHES, service, reading.document.revision)
        return reading

    async def _read_once(self, service: str) -> Reading:
        entry = await self.store.get(self.keys.document(SWITCHES, service), consistent=True)
        logged = await read_log(self.store, self.keys, SWITCHES, service)
        raw = entry.value if entry else None
        published = Published(_sums(logged), self.numbering.known(SWITCHES, service))
        judgement = judge(service, raw, published)
        index = entry.modify_index if entry else 0
        return Reading(service, raw, index, judgement.standing, judgement.drift, logged)


def _sums(logged: tuple[Logged, ...]) -> Mapping[int, str]:
    return {one.revision: one.published.sha256 for one in logged if one.published}
