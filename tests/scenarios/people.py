"""People who ask for something all the time, and a comparison of what they heard with what was done."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.scenarios.ledger import Ledger
from tests.scenarios.plane import Answer, Plane

MOVE_TO = ("us-east", "eu-west")
OPEN = frozenset({"unknown", "ReadError", "ReadTimeout", "RemoteProtocolError", "WriteError"})
"""Outcomes that leave open whether it was done; every other one but `done` says that it was not."""


@dataclass(slots=True)
class People:
    """What they ask of one plane, and what they hear."""

    plane: Plane
    random: Random
    groups: Sequence[str]
    pause_seconds_max: float
    """Between an answer and the next question."""
    moves: list[Answer] = field(default_factory=list)
    restraints: list[Answer] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def answers(self) -> list[Answer]:
        """All of them."""
        return [*self.moves, *self.restraints]

    async def move(self) -> None:
        """Move groups there and back, for ever."""
        for number in self._numbers:
            group, target = self.random.choice(self.groups), self.random.choice(MOVE_TO)
            reason = f"move {number}"
            self.moves.append(await self.plane.move(group, target, reason=reason))
            await self._rest()

    async def restrain(self) -> None:
        """Pause the automation of a group, for ever."""
        for number in self._numbers:
            group = self.random.choice(self.groups)
            self.restraints.append(await self.plane.pause(group, reason=f"pause {number}"))
            await self._rest()

    def reasons(self, *outcomes: str) -> set[str]:
        """The reasons of moves that were answered like this."""
        return {answer.reason for answer in self.moves if answer.outcome in outcomes}

    def misled(self, ledger: Ledger) -> list[str]:
        """Who heard “done” where nothing was done, or that nothing was done where it was."""
        done, not_known = self.reasons("done"), self.reasons(*OPEN)
        refused = {answer.reason for answer in self.moves} - done - not_known
        return [
            *(f"{reason} was done and is not there" for reason in sorted(done - ledger.reasons)),
            *(f"{reason} was refused and is there" for reason in sorted(refused & ledger.reasons)),
        ]

    async def _rest(self) -> None:
        await asyncio.sleep(self.random.uniform(0, self.pause_seconds_max))
