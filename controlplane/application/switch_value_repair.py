"""Owns that the plain values of switches say what the documents say, whoever changed them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from controlplane.application.leadership import Tenure
from controlplane.application.ports import CheckIndex, Clock, DeleteCompare, Entry, Get, Operation, Put, Store
from controlplane.application.switch_automation import SwitchAutomation
from controlplane.application.switch_reading import SWITCHES
from controlplane.application.switch_sight import Known, SwitchSight
from controlplane.application.switch_values import VALUES_PER_TRANSACTION_MAX, pieces, plain_values
from controlplane.contract.keys import Keys
from controlplane.domain.freeze import is_tilted

COMPARE_EVERY_SECONDS = 30.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SwitchValueRepair:
    """Compares every value with its document, and writes under the document's index."""

    store: Store
    keys: Keys
    clock: Clock
    sight: SwitchSight
    automation: SwitchAutomation
    _compared_at: float = -inf

    async def repair(self, tenure: Tenure) -> None:
        """Compare and put right, if it is time to.

        Raises:
            StoreError: Consul does not answer.
        """
        early = self.clock.monotonic() - self._compared_at < COMPARE_EVERY_SECONDS
        if early or is_tilted(self.store.clock_offset_seconds()):
            return
        listing = await self.store.list(self.keys.switch_values, consistent=True)
        found = {entry.key: entry for entry in listing.entries}
        for service in self.automation.unhindered(self.sight.known):
            await self._repair(self.sight.known[service], found, tenure)
        self._compared_at = self.clock.monotonic()

    async def _repair(self, known: Known, found: Mapping[str, Entry], tenure: Tenure) -> None:
        wanted = plain_values(self.keys, known.document, self.clock.now())
        wrong = {key: value for key, value in wanted.items() if _value(found.get(key)) != value}
        prefix = self.keys.switch_value(known.document.service, "")
        left = [entry for key, entry in found.items() if key.startswith(prefix) and key not in wanted]
        for piece in pieces(tuple(wrong.items())):
            await self._write(known, [Put(key, value) for key, value in piece], tenure)
        for start in range(0, len(left), VALUES_PER_TRANSACTION_MAX):
            some = left[start : start + VALUES_PER_TRANSACTION_MAX]
            await self._write(known, [DeleteCompare(entry.key, entry.modify_index) for entry in some], tenure)

    async def _write(self, known: Known, writes: Sequence[Operation], tenure: Tenure) -> None:
        service = known.document.service
        logger.warning(
            "plain values repaired", extra={"service": service, "keys": [write.key for write in writes]}
        )
        await self.store.transact(
            [
                Get(self.keys.store(tenure.identity)),
                CheckIndex(self.keys.term, tenure.term_index),
                CheckIndex(self.keys.document(SWITCHES, service), known.index),
                *writes,
            ]
        )


def _value(entry: Entry | None) -> bytes | None:
    return entry.value if entry else None
