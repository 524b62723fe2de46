"""Owns the parts of a replica that keep history, and what they are plugged into."""

from collections.abc import Callable
from functools import cached_property

from controlplane.application.doors import History
from controlplane.application.history_evaluations import EvaluationKeeper
from controlplane.application.history_ingest import HistoryIngest
from controlplane.application.history_reading import Timelines
from controlplane.application.history_stories import Stories
from controlplane.application.history_upkeep import HistoryHousekeeping
from controlplane.application.world import Ports, Traits


class HistoryParts:
    """Each is made when it is first asked for. `leading` answers whether this replica leads."""

    def __init__(self, ports: Ports, traits: Traits, *, leading: Callable[[], bool]) -> None:
        self._ports = ports
        self._traits = traits
        self._leading = leading

    @property
    def running(self) -> tuple[EvaluationKeeper, HistoryHousekeeping]:
        """What is to be run."""
        return self.evaluations, self.housekeeping

    @cached_property
    def evaluations(self) -> EvaluationKeeper:
        """Why nothing was moved."""
        history = self._ports.history
        return EvaluationKeeper(
            history.evaluation_spool, history.evaluations, self._ports.clock, self._leading
        )

    @cached_property
    def housekeeping(self) -> HistoryHousekeeping:
        """That there is room for what comes, a sum of what was, and an end."""
        return HistoryHousekeeping(
            self._ports.history.upkeep,
            self._ports.clock,
            self._ports.ticker,
            self._leading,
            self._traits.retention,
        )

    @cached_property
    def door(self) -> History:
        """What the API is given."""
        history = self._ports.history
        return History(
            ingest=HistoryIngest(history.probes, self._ports.clock, self._traits.retention),
            timelines=Timelines(history.reader),
            stories=Stories(self._ports.journal, history.evaluations),
        )
