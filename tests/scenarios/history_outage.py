"""What history keeps of health while PostgreSQL is away and processes are killed, told as facts."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, groupby
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from tests.fixtures.servers import ServerProcess
from tests.scenarios.plane import Plane
from tests.scenarios.scene import Scene
from tests.scenarios.targets import Mood
from tests.scenarios.waiting import eventually, now

SERVICE = "checkout"
VICTIMS = ("prober-1", "control")
BEFORE_KILL_SECONDS_MAX = 3.0
"""Less than a lost region takes to be seen, so that there is something to be told after each kill."""
FILL_UP_SECONDS_MAX = 120.0
"""Uploads are tried again after 30 s at most."""
POLL_SECONDS = 0.2

Seen = tuple[str, str]
"""An instance, and its health from then on."""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A change of health as PostgreSQL has it."""

    boot: str
    sequence: int
    instance: str
    before: str
    after: str


@dataclass(slots=True)
class Outage:
    """What was seen while PostgreSQL was away, and what history has of it."""

    seen: list[Seen]
    """In the order in which the prober's reports told it."""
    kills: Counter[str] = field(default_factory=Counter)
    spool_bytes_max: int = 0
    return_to_complete_seconds: float = 0.0
    rows: Sequence[TurnRow] = ()

    def contradictions(self) -> list[str]:
        """Where history is not what was seen; empty when nothing is missing and nothing is there twice."""
        return [*self._numbers(), *self._chains(), *self._healths()]

    def _numbers(self) -> Iterator[str]:
        """The changes that one start of a prober wrote are numbered from 1 without a gap."""
        for boot, rows in self._boots().items():
            numbers = [row.sequence for row in rows]
            if numbers != [*range(1, len(numbers) + 1)]:
                yield f"boot {boot} has the numbers {numbers}"

    def _chains(self) -> Iterator[str]:
        """Within one start each change begins where the one before ended."""
        for boot, rows in self._boots().items():
            for instance, turns in _by_instance(rows).items():
                afters = ["unknown", *(turn.after for turn in turns)]
                if [turn.before for turn in turns] != afters[:-1]:
                    yield f"boot {boot}: {instance} went {turns}"

    def _healths(self) -> Iterator[str]:
        """Told over all starts, each instance was up and down exactly as often as it was seen to be."""
        told = {name: [turn.after for turn in turns] for name, turns in _by_instance(self.rows).items()}
        for instance in {name for name, _ in self.seen}:
            was = [health for name, health in self.seen if name == instance]
            is_told = [health for health, _ in groupby(told.get(instance, ())) if health != "unknown"]
            if [health for health, _ in groupby(is_told)] != was:
                yield f"{instance} was seen {was}, history has {is_told}"

    def _boots(self) -> Mapping[str, list[TurnRow]]:
        boots: dict[str, list[TurnRow]] = {}
        for row in self.rows:
            boots.setdefault(row.boot, []).append(row)
        return boots


async def lose_postgres(scene: Scene, postgres: ServerProcess[Any], seconds: float, random: Random) -> Outage:
    """Kill PostgreSQL, then lose regions and kill a process in each, for so long; start it again."""
    outage = Outage([])
    regions = [*dict.fromkeys(target.region for target in scene.targets.all)]
    for region in regions:
        await _seen(scene, region, "up", outage)
    postgres.kill()
    ends = now() + seconds
    for region, victim in zip(cycle(regions), cycle(VICTIMS), strict=False):
        await _lose_and_regain(scene, region, victim, outage, random)
        outage.spool_bytes_max = max(outage.spool_bytes_max, spooled_bytes(scene.plane))
        if now() >= ends:
            break
    await postgres.start()
    returned = now()

    async def filled_up() -> list[str]:
        outage.rows = await _read(scene.plane.runtime.database)
        return outage.contradictions()

    with suppress(AssertionError):  # the caller sees what is left of it
        await eventually(filled_up, lambda found: not found, seconds=FILL_UP_SECONDS_MAX, pause=POLL_SECONDS)
    outage.return_to_complete_seconds = now() - returned
    return outage


async def _lose_and_regain(scene: Scene, region: str, victim: str, outage: Outage, random: Random) -> None:
    """Lose a region, kill a process before that is seen, and wait until it is; then the region recovers."""
    for mood, health in ((Mood.DOWN, "down"), (Mood.UP, "up")):
        scene.targets.be(mood, region=region)
        if mood is Mood.DOWN:
            await asyncio.sleep(random.uniform(0, BEFORE_KILL_SECONDS_MAX))
            outage.kills[victim] += scene.plane.signal(victim, signal.SIGKILL)
        await _seen(scene, region, health, outage)


async def _seen(scene: Scene, region: str, health: str, outage: Outage) -> None:
    """Wait until the prober has told of every instance of a region that it is like this."""
    members = [target.id for target in scene.targets.all if target.region == region]
    await eventually(
        lambda: scene.sight.cell(SERVICE, region), lambda cell: getattr(cell, health) == len(members)
    )
    outage.seen += [(member, health) for member in members]


def spooled_bytes(plane: Plane) -> int:
    """What the spools of a plane take on disk."""
    files = (path for folder in plane.data_dir.rglob("spool") for path in folder.rglob("*"))
    return sum(_bytes(path) for path in files)


def _bytes(path: Path) -> int:
    with suppress(FileNotFoundError):  # it was uploaded meanwhile
        return path.stat().st_size
    return 0


async def _read(database_url: str) -> list[TurnRow]:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        answer = await connection.execute(
            "SELECT boot, sequence, instance, before, after FROM health_transitions ORDER BY at, sequence"
        )
        return [TurnRow(*row) async for row in answer]


def _by_instance(rows: Sequence[TurnRow]) -> Mapping[str, list[TurnRow]]:
    turns: dict[str, list[TurnRow]] = {}
    for row in rows:
        turns.setdefault(row.instance, []).append(row)
    return turns
