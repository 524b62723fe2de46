"""Owns which changes of health are still to be written down: each one, once, whatever brought it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from controlplane.application.ports import Clock
from controlplane.application.probing_fleet import Watched, WatchedCheck
from controlplane.domain.history_records import HealthTurn
from controlplane.domain.history_time import milliseconds_of
from controlplane.domain.instance_health import Health
from controlplane.domain.outcome import Outcome

NOT_PROBED = "not_probed_any_more"
"""Why nothing is known of an instance that has left the definitions."""


class Turns:
    """Compares health with what was said of it last; before anything was said, that is unknown."""

    def __init__(self, *, clock: Clock) -> None:
        self.waiting = asyncio.Event()
        """Set with each change; cleared by whoever writes."""
        self._clock = clock
        self._turns: list[HealthTurn] = []
        self._instances: dict[tuple[str, str], Watched] = {}
        """Who is under watch: a late outcome of a former definition is nobody's."""
        self._said: dict[tuple[str, str], HealthTurn] = {}
        """The last that was said of each instance of which anything is known."""

    def note(self, watched: WatchedCheck, outcome: Outcome) -> None:
        """An outcome may have changed the health of its instance."""
        if self._instances.get(_key(watched.owner)) is watched.owner:
            self._compare(watched.owner, outcome.reason, watched.check.name, outcome.detail)

    def survey(self, instances: Iterable[Watched], reason: str) -> None:
        """These are all instances; those that are known and not among them are gone."""
        self._instances = {_key(watched): watched for watched in instances}
        for watched in self._instances.values():
            self._compare(watched, reason)
        for key in sorted(self._said.keys() - self._instances.keys()):
            said = self._said[key]
            self._say(
                replace(said, before=said.after, after=Health.UNKNOWN, reason=NOT_PROBED, check="", detail="")
            )

    def unwritten(self) -> Sequence[HealthTurn]:
        """What is to be written, in the order in which it happened."""
        return tuple(self._turns)

    def written(self, count: int) -> None:
        """So many of them are on disk now."""
        del self._turns[:count]

    def _compare(self, watched: Watched, reason: str, check: str = "", detail: str = "") -> None:
        said = self._said.get(_key(watched))
        before = said.after if said else Health.UNKNOWN
        if watched.health == before:
            return
        turn = HealthTurn(
            service=watched.cell.service,
            region=watched.cell.region,
            instance=watched.instance.id,
            at_ms=0,
            before=before,
            after=watched.health,
            reason=reason,
            check=check,
            detail=detail,
        )
        self._say(turn)

    def _say(self, turn: HealthTurn) -> None:
        key = turn.service, turn.instance
        if turn.after == Health.UNKNOWN:
            self._said.pop(key)
        else:
            self._said[key] = turn
        self._turns.append(replace(turn, at_ms=milliseconds_of(self._clock.now())))
        self.waiting.set()


def _key(watched: Watched) -> tuple[str, str]:
    return watched.cell.service, watched.instance.id
