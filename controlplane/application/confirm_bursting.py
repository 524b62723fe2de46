"""Owns the burst after a publication: who has not confirmed is asked again soon, beside the timetable.

A burst looks for good news only. Its outcomes never count towards `rise` or `fall`: these count beats of the
timetable, and five questions in four seconds must not make an instance down, or up, five beats early. So a
failure in a burst only ends it for that instance; whether somebody is offline is the timetable's to say. Who
failed last, or never says anything, is not asked: a region that hangs would hold up everybody else.
"""

import asyncio
import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.application.confirm_hearing import Acknowledgements
from controlplane.application.ports import Clock, Probe
from controlplane.domain.acknowledgement import DocumentId, InForce
from controlplane.domain.fleet import Check, CheckType, Instance
from controlplane.domain.outcome import Outcome, Verdict

AFTER_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)
"""When an instance is asked, since the publication was seen."""
JITTER_SHARE = 0.2
"""Each of these moments comes later by up to this share."""
GAP_SECONDS_MIN = 0.1
"""Between two questions to one instance, where bounds held the first one up."""
PROBES_IN_FLIGHT_MAX = 64
PROBES_PER_TURN_MAX = 5
TURN_SECONDS = 0.01
"""Five probes a turn are at most 500 a second."""


@dataclass(slots=True, eq=False)
class Question:
    """One instance that is to be asked about one document."""

    document: InForce
    instance: Instance
    check: Check
    seen_at: float
    asked: int = 0
    """How many times it was."""
    failed: bool = False


class Burst:
    """Asks again until an instance confirms, or was asked six times."""

    def __init__(
        self, *, probes: Mapping[CheckType, Probe], acknowledgements: Acknowledgements, clock: Clock
    ) -> None:
        self.started = 0
        """Probes started since the process began."""
        self._probes = probes
        self._acknowledgements = acknowledgements
        self._clock = clock
        self._due: list[tuple[float, int, Question]] = []
        self._order = 0
        self._seen_at: dict[DocumentId, float] = {}
        self._in_flight = 0
        self._woken = asyncio.Event()

    def begin(self, document: InForce) -> None:
        """The document was published: ask everybody who has not confirmed it; a former burst for it ends."""
        now = self._clock.monotonic()
        self._seen_at[document.id] = now
        for reader in self._acknowledgements.unconfirmed(document):
            check = reader.speaks_by
            if check is not None:
                self._plan(Question(document, reader.instance, check, seen_at=now), now)
        self._woken.set()

    async def run(self) -> None:
        """Ask what is due, for as long as the process lives."""
        while True:
            self._woken.clear()
            now = self._clock.monotonic()
            self._turn(now)
            wait = max(self._due[0][0] - now, TURN_SECONDS) if self._due else None
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _turn(self, now: float) -> None:
        started = 0
        while self._due and self._due[0][0] <= now:
            if started == PROBES_PER_TURN_MAX or self._in_flight == PROBES_IN_FLIGHT_MAX:
                return
            _, _, question = heapq.heappop(self._due)
            if self._is_open(question):
                started += 1
                self._ask(question, now)

    def _is_open(self, question: Question) -> bool:
        if question.failed or self._seen_at[question.document.id] != question.seen_at:
            return False
        return self._acknowledgements.awaited(question.document, question.instance.id) is not None

    def _plan(self, question: Question, now: float) -> None:
        after = AFTER_SECONDS[question.asked]
        late = random.uniform(0.0, JITTER_SHARE * after)  # noqa: S311 - spreads load, keeps no secret
        soonest = now + GAP_SECONDS_MIN if question.asked else now
        self._order += 1  # ties are settled by age
        heapq.heappush(self._due, (max(question.seen_at + after + late, soonest), self._order, question))

    def _ask(self, question: Question, now: float) -> None:
        question.asked += 1
        self.started += 1
        self._in_flight += 1
        if question.asked < len(AFTER_SECONDS):
            self._plan(question, now)

        def done(outcome: Outcome) -> None:
            self._in_flight -= 1
            question.failed = outcome.verdict is Verdict.FAILURE and outcome.applied is None
            if not question.failed:
                self._acknowledgements.hear(question.instance, question.check, outcome, now)

        self._probes[question.check.type].start(question.instance, question.check, done)
