"""Owns how a prober reports: its sight goes to Consul when it changes and every two seconds, never faster.

One report is under way at a time. When Consul does not confirm one, the next beat brings the next, which says
everything the lost one said: nothing queues, and probing goes on meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from controlplane.application.ports import Store, StoreError
from controlplane.application.probing import Prober
from controlplane.contract.keys import Keys
from controlplane.domain.confirmation import Tally
from controlplane.domain.report import SelfTrust, VantageReport, member_set

BEAT_SECONDS = 2.0
"""A report that has not changed for three beats does not vote any more."""
DEBOUNCE_SECONDS = 0.02
"""How long a change waits for others of the same moment."""

logger = logging.getLogger(__name__)


class Reporter:
    """Writes one prober's report under `vantage/<vantage>/<prober>`."""

    def __init__(
        self,
        *,
        prober: Prober,
        store: Store,
        keys: Keys,
        vantage: str,
        name: str,
        boot: str,
        tallies: Callable[[], Mapping[str, Tally]] = dict,
    ) -> None:
        """`name` is the prober's among those of its vantage; `boot` is random per process.

        `tallies` says what readers acknowledge, by document.
        """
        self._prober = prober
        self._tallies = tallies
        self._store = store
        self._key = keys.vantage(vantage, name)
        self._vantage = vantage
        self._name = name
        self._boot = boot
        self._seq = 0
        self._unsaid = SelfTrust()
        self._away = False

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            self._prober.changed.clear()
            if await self.report():
                await self._change_or_beat()
            else:
                await asyncio.sleep(BEAT_SECONDS)
            self._prober.age()

    async def report(self) -> bool:
        """Write one report; answers whether Consul confirmed it."""
        report = self._next()
        try:
            await self._store.put(self._key, report.to_bytes())
        except StoreError as error:
            self._unsaid = report.trust
            if not self._away:
                logger.warning("report is not confirmed", extra={"key": self._key, "error": str(error)})
            self._away = True
            return False
        self._unsaid = SelfTrust()
        if self._away:
            logger.info("reports are confirmed again", extra={"key": self._key, "seq": report.seq})
        self._away = False
        return True

    async def _change_or_beat(self) -> None:
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await self._prober.changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(DEBOUNCE_SECONDS)

    def _next(self) -> VantageReport:
        self._seq += 1
        sight = self._prober.sight()
        return VantageReport(
            vantage=self._vantage,
            prober=self._name,
            boot=self._boot,
            seq=self._seq,
            members=member_set([self._name]),
            registry=sight.registry,
            cells=sight.cells,
            failing=sight.failing,
            acks=self._tallies(),
            trust=_sum(self._unsaid, self._prober.take_trust(sight)),
        )


def _sum(unsaid: SelfTrust, latest: SelfTrust) -> SelfTrust:
    """What is to be said when the former report may not have arrived."""
    return SelfTrust(
        loop_lag_seconds=max(unsaid.loop_lag_seconds, latest.loop_lag_seconds),
        faults_of_ours=unsaid.faults_of_ours + latest.faults_of_ours,
        sees_all_down=latest.sees_all_down,
    )
