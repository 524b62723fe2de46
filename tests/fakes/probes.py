"""Fakes of the ports `Probe`, `Ticker` and `DefinitionsSource`; time is the event loop's."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controlplane.application.ports import ControlUnavailable
from controlplane.domain.fleet import Check, Definitions, Fleet, Instance
from controlplane.domain.outcome import Outcome, Reason, Verdict

UP = Outcome(Verdict.SUCCESS, Reason.OK, status=200)
SLOW = Outcome(Verdict.SUCCESS, Reason.SLOW, status=200)
BROKEN = Outcome(Verdict.FAILURE, Reason.STATUS, status=500)
HANGING = Outcome(Verdict.FAILURE, Reason.TIMEOUT)
NO_DESCRIPTORS = Outcome(Verdict.FAULT_OF_OURS, Reason.OUR_DESCRIPTORS)

ANSWER_SECONDS = 0.001

logger = logging.getLogger(__name__)


class FakeProbe:
    """Instances answer as `outcomes` says by instance id, check name or region; else they are `UP`."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.started: Counter[str] = Counter()
        """Probes by instance id."""
        self.regions: Counter[str] = Counter()
        """Probes by region."""
        self.in_flight = 0

    def start(self, instance: Instance, check: Check, done: Callable[[Outcome], None]) -> None:
        self.started[instance.id] += 1
        self.regions[instance.region] += 1
        self.in_flight += 1
        names = (instance.id, check.name, instance.region)
        outcome = next((self.outcomes[name] for name in names if name in self.outcomes), UP)
        seconds = check.timeout_seconds if outcome is HANGING else ANSWER_SECONDS

        def end() -> None:
            self.in_flight -= 1
            done(outcome)

        asyncio.get_running_loop().call_later(seconds, end)

    async def __call__(self, instance: Instance, check: Check) -> Outcome:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.start(instance, check, answer.set_result)
        return await answer


class FakeTicker:
    """Ticks by the event loop's time, which `looptime` makes virtual."""

    @asynccontextmanager
    async def __call__(self, seconds: float, call: Callable[[], None]) -> AsyncIterator[None]:
        async def tick() -> None:
            while True:
                try:
                    call()
                except Exception:
                    logger.exception("the tick failed")
                await asyncio.sleep(seconds)

        task = asyncio.get_running_loop().create_task(tick())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


class FakeControlApi:
    """The control plane's side of `DefinitionsSource`: what it would answer now."""

    def __init__(self, definitions: Definitions | None = None) -> None:
        self.definitions = definitions or Definitions(0, Fleet())
        self.away = False
        self.asked: list[int] = []
        """The revision that each request already knew."""

    async def fetch(self, known_revision: int) -> Definitions | None:
        self.asked.append(known_revision)
        if self.away:
            raise ControlUnavailable("connection refused")
        return None if known_revision == self.definitions.revision else self.definitions
