"""Owns the walk: evidence in, one evaluation, one publication for each move; seen by all, done by the leader.

The effects of a move stand in one order, here and in the transaction that it ends in: the document first, for
services obey it; its log entry in the same transaction; history and the screen follow from the log.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controlplane.application.leadership import Leadership, Tenure
from controlplane.application.mirror import StoreMirror
from controlplane.application.moving import Basis, Mover
from controlplane.application.observing import Observer
from controlplane.application.ports import Clock, StoreError
from controlplane.contract.times import rfc3339
from controlplane.domain.decision import Evaluation, GroupMemory, Move, evaluate, wake_at
from controlplane.domain.revisions import RevisionError
from controlplane.domain.situation import Situation

CYCLE_SECONDS_MAX = 1.0
"""The longest time between two looks, whatever happens."""
RETRY_SECONDS = 0.1
"""After a move that was not done, so that a refusal never becomes a tight loop."""

BASIS_SECONDS_MAX = 1.0
"""Where Consul answers slowly, the groups of one evaluation do not all move by what it saw at its start."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ControlLoop:
    """Evaluates everywhere, so that every replica can show why; acts only while it leads."""

    mirror: StoreMirror
    observer: Observer
    leadership: Leadership
    mover: Mover
    clock: Clock
    on_evaluation: Callable[[Evaluation], None] = lambda _evaluation: None
    evaluation: Evaluation | None = None
    memory: Mapping[str, GroupMemory] = field(default_factory=dict)
    since: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Group → (state, since when in RFC 3339), as this replica saw it."""
    _entered: Tenure | None = None

    async def run(self) -> None:
        """Look and act, for as long as the process lives."""
        while True:
            self.mirror.changed.clear()
            try:
                pause = await self.cycle()
            except (StoreError, RevisionError) as error:
                logger.warning("the cycle broke off", extra={"error": str(error)})
                pause = RETRY_SECONDS
            await self._sleep(pause)

    async def cycle(self) -> float:
        """Look once, act on it, and say how many seconds may pass before the next look.

        Raises:
            StoreError: Consul did not answer; what is shown is as of now, nothing was done.
            RevisionError: a document has used up its numbers.
        """
        await self._enter_tenure()
        view = self.mirror.view()
        try:
            await self.observer.vouch(view)
        except StoreError:
            self._evaluate(self.observer.situation(view))
            raise
        evaluation = self._evaluate(self.observer.situation(view))
        tenure = self.leadership.tenure
        if tenure and any(isinstance(decision, Move) for decision in evaluation.decisions):
            return await self._act(tenure)
        return self._until(evaluation)

    async def _act(self, tenure: Tenure) -> float:
        """Decide once more from one consistent read, and carry out what still stands."""
        view = await self.mirror.refresh()
        await self.observer.vouch(view)
        situation = self.observer.situation(view)
        evaluation = self._evaluate(situation)
        if situation.budget is None:
            return CYCLE_SECONDS_MAX
        basis = Basis(view, situation, situation.budget, view.index(view.keys.budget))
        for decision in evaluation.decisions:
            if self.clock.monotonic() - situation.monotonic > BASIS_SECONDS_MAX:
                break
            if isinstance(decision, Move):
                await self.mover.move_automatically(decision, basis, tenure)
        await (
            self.mirror.refresh()
        )  # the copies follow one by one: a new budget beside old documents misleads
        return RETRY_SECONDS

    def _evaluate(self, situation: Situation) -> Evaluation:
        self.evaluation = evaluate(situation, self.memory)
        self.memory = self.evaluation.memory
        for decision in self.evaluation.decisions:
            if self.since.get(decision.group, ("", ""))[0] != decision.state:
                self.since[decision.group] = (decision.state, rfc3339(situation.now))
        self.on_evaluation(self.evaluation)
        return self.evaluation

    async def _enter_tenure(self) -> None:
        """A new leader reads everything it decides from after its own term began."""
        tenure = self.leadership.tenure
        if tenure and (self._entered is None or tenure.term_index != self._entered.term_index):
            await self.mirror.refresh()
            self._entered = tenure

    def _until(self, evaluation: Evaluation) -> float:
        wake = wake_at(evaluation)
        if wake is None:
            return CYCLE_SECONDS_MAX
        return min(max(wake - self.clock.monotonic(), 0.0), CYCLE_SECONDS_MAX)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.mirror.changed.wait()
        except TimeoutError:
            return
