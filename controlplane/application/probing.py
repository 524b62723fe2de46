"""Owns the prober: starts what is due, takes outcomes in, and knows what it sees and how far to trust itself.

Everything here is a plain function on the event loop's thread. The tick starts probes, a probe calls back
with its outcome, and whoever writes the report looks at `sight()`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from controlplane.application.confirm_listening import Deaf, Listener
from controlplane.application.history_recording import EVIDENCE_TOO_OLD, REDEFINED, NoRecorder, Recorder
from controlplane.application.ports import Clock, Probe
from controlplane.application.probing_fleet import WatchedCheck, WatchedFleet
from controlplane.application.probing_lag import LoopLag, tolerated_seconds
from controlplane.domain.due import Timetable
from controlplane.domain.fleet import CheckType, Definitions, Fleet
from controlplane.domain.outcome import Outcome, Reason, Verdict
from controlplane.domain.report import CellCounts, CellKey, SelfTrust

REGION_PROBES_IN_FLIGHT_MAX = 512
"""A region whose targets all hang occupies timeout / interval places per check: 512 places hold 2,000
instances at 5 s and 1 s. What is beyond is skipped, and said."""
FAULT_LOG_SECONDS = 10.0
"""Faults of ours come in thousands: they are logged together, at most this often."""

_NOT_STARTED = Outcome(Verdict.FAULT_OF_OURS, Reason.OUR_LIMIT)
_SPOILED_BY_A_STALL = frozenset(
    {Reason.SLOW, Reason.TIMEOUT, Reason.CONNECT_TIMEOUT, Reason.TLS_HANDSHAKE, Reason.CLOSED}
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a prober sees at one moment."""

    registry: int
    cells: Mapping[CellKey, CellCounts]
    failing: tuple[str, ...]

    @property
    def all_down(self) -> bool:
        """Whether something is down, and nothing up, wherever it looks."""
        total = sum(self.cells.values(), CellCounts())
        return total.down > 0 and total.up + total.degraded == 0


class Prober:
    """Probes every instance of the definitions by their checks; one per process."""

    def __init__(
        self,
        *,
        probes: Mapping[CheckType, Probe],
        clock: Clock,
        region_probes_in_flight_max: int = REGION_PROBES_IN_FLIGHT_MAX,
        recorder: Recorder | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.changed = asyncio.Event()
        """Set when `sight()` has changed; cleared by whoever reports it."""
        self.started = 0
        """Probes started since the process began."""
        self.faults: Counter[Reason] = Counter()
        """Probes since then that failed by our own fault, or were not even started."""
        self._probes = probes
        self._clock = clock
        self._places = region_probes_in_flight_max
        self._recorder = recorder or NoRecorder()
        self._listener = listener or Deaf()
        self._lag = LoopLag(clock=clock)
        self._registry = 0
        self._fleet = WatchedFleet(Fleet())
        self._timetable: Timetable[WatchedCheck] = Timetable()
        self._in_flight: Counter[str] = Counter()
        self._told = 0
        """How many of them `take_trust` has told of."""
        self._logged: Counter[Reason] = Counter()
        self._logged_at = float("-inf")

    def adopt(self, definitions: Definitions) -> None:
        """Probe by these definitions from now on; what is known of what stays the same is kept."""
        now = self._clock.monotonic()
        self._fleet = WatchedFleet(definitions.fleet, self._fleet, now=now)
        self._timetable = Timetable()
        for watched in self._fleet.checks():
            self._timetable.add(
                watched, key=watched.key, interval_seconds=watched.check.interval_seconds, now=now
            )
        self._registry = definitions.revision
        self._recorder.surveyed(self._fleet.instances(), REDEFINED)
        self._listener.adopt(definitions)
        self.changed.set()

    def tick(self) -> None:
        """Start what is due. Called every few milliseconds; a late call starts each check once."""
        self._lag.tick()
        now = self._clock.monotonic()
        for watched in self._timetable.due(now):
            self._start(watched, now)

    def age(self) -> None:
        """Stop believing evidence that is too old. Called now and then: it looks at every instance."""
        now = self._clock.monotonic()
        if self._fleet.age(now=now):
            self._recorder.surveyed(self._fleet.instances(), EVIDENCE_TOO_OLD)
            self.changed.set()
        if now - self._logged_at >= FAULT_LOG_SECONDS:
            self._log_faults(now)

    def sight(self) -> Sight:
        """What is seen now."""
        return Sight(self._registry, self._fleet.cells(), self._fleet.failing())

    def take_trust(self, sight: Sight) -> SelfTrust:
        """What the prober says of itself since this was last asked."""
        faults, self._told = self.faults.total() - self._told, self.faults.total()
        return SelfTrust(self._lag.take_worst(), faults, sight.all_down)

    def _log_faults(self, now: float) -> None:
        faults = self.faults - self._logged
        self._logged, self._logged_at = self.faults.copy(), now
        if faults:
            logger.warning("probes failed by faults of our own", extra={"faults": dict(faults)})

    def _start(self, watched: WatchedCheck, now: float) -> None:
        region = watched.owner.cell.region
        if self._in_flight[region] >= self._places:
            self.faults[Reason.OUR_LIMIT] += 1
            self._recorder.heard(watched, _NOT_STARTED, started=now, now=now)
            return
        self._in_flight[region] += 1
        self.started += 1
        probe = self._probes[watched.check.type]
        probe.start(watched.owner.instance, watched.check, partial(self._settle, watched, region, now))

    def _settle(self, watched: WatchedCheck, region: str, started: float, outcome: Outcome) -> None:
        self._in_flight[region] -= 1
        if outcome.reason in _SPOILED_BY_A_STALL:
            outcome = self._doubted(outcome, watched, started)
        now = self._clock.monotonic()
        self._recorder.heard(watched, outcome, started=started, now=now)
        self._listener.hear(watched.owner.instance, watched.check, outcome, started)
        if outcome.verdict is Verdict.FAULT_OF_OURS:
            self.faults[outcome.reason] += 1
        elif watched.settle(outcome, now=now):
            self._recorder.turned(watched, outcome)
            self.changed.set()

    def _doubted(self, outcome: Outcome, watched: WatchedCheck, started: float) -> Outcome:
        """The outcome, unless our own loop stood still so long that slowness may be ours."""
        stalled = self._lag.stalled_seconds(since=started)
        if stalled <= tolerated_seconds(watched.check.timeout_seconds):
            return outcome
        return replace(
            outcome,
            verdict=Verdict.FAULT_OF_OURS,
            reason=Reason.OUR_LATENESS,
            detail=f"our own loop stood still for {stalled:.3f} s: {outcome.detail}",
        )
