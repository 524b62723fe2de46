"""What happens while PostgreSQL or Consul is away, stopped or frozen, told as facts for a test to judge."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from controlplane.contract.documents import FailoverDocument
from controlplane.domain.leadership import LeaderRecord
from tests.fixtures.servers import ServerProcess
from tests.scenarios.ledger import Ledger
from tests.scenarios.people import People
from tests.scenarios.scene import Scene
from tests.scenarios.targets import Mood
from tests.scenarios.waiting import eventually, now

HOLD_DOWN_SECONDS = 4
"""Of the group that is about to move when Consul goes."""
QUIET_SECONDS = HOLD_DOWN_SECONDS + 1.0
"""How long nothing may move after its return: long enough for everything that is old to have become due."""
MOVING_PEOPLE = 3
EAGER_SECONDS = 0.5
EAGER_SECONDS_MAX = 0.02
"""While Consul goes, people ask again almost at once, so that something is under way."""
PATIENT_SECONDS_MAX = 1.0


class How(StrEnum):
    """In which way a server is away."""

    STOPPED = "stopped"
    """Its connections are closed and new ones refused."""
    FROZEN = "frozen"
    """SIGSTOP: its connections stay open, new ones are taken by the kernel, and nobody answers."""


@asynccontextmanager
async def away(server: ServerProcess[Any], how: How) -> AsyncIterator[None]:
    """Without this server for a `with` block; it is ready again when the block is left."""
    if how is How.FROZEN:
        server.freeze()
    else:
        await server.stop()
    yield
    if how is How.FROZEN:
        server.thaw()
    else:
        server.launch()
    await server.ready()


@dataclass(frozen=True, slots=True)
class LateHistory:
    """A failover while PostgreSQL is away."""

    before: FailoverDocument
    after: FailoverDocument
    """What Consul held before PostgreSQL came back."""
    fault_to_move_seconds: float
    status: dict[str, Any]
    """What the API said at the end of it."""
    return_to_row_seconds: float
    ledger: Ledger


async def lose_region_without_postgres(
    scene: Scene, postgres: ServerProcess[Any], how: How, seconds: float
) -> LateHistory:
    """Take PostgreSQL away for so long, lose the active region meanwhile, and wait for the row."""
    before = await scene.sight.held("checkout")
    async with away(postgres, how):
        began = now()
        scene.targets.be(Mood.DOWN, region=before.active)
        await scene.moved("checkout", before)
        moved = now()
        await asyncio.sleep(began + seconds - moved)
        after, status = await scene.sight.held("checkout"), await scene.plane.status()
    returned = now()
    ledger = await scene.ledger()
    return LateHistory(before, after, moved - began, status, now() - returned, ledger)


@dataclass(frozen=True, slots=True)
class Silence:
    """An outage of Consul in the middle of a hold-down."""

    before: FailoverDocument
    leader: LeaderRecord
    people: People
    """They began to ask before it went."""
    status: dict[str, Any]
    """What the API said towards the end of it."""
    return_to_renewal_seconds: float
    leader_after: LeaderRecord
    """When all was over."""
    quiet: FailoverDocument
    """Long after the return, and before any prober had said a word."""
    status_quiet: dict[str, Any]
    after: FailoverDocument
    """When the probers had told that all is well."""
    ledger: Ledger

    @property
    def slowest_seconds(self) -> float:
        """The longest that anybody waited for an answer."""
        return max(answer.seconds for answer in self.people.answers)


async def silence_consul(scene: Scene, consul: ServerProcess[Any], how: How, seconds: float) -> Silence:
    """Take Consul away while `checkout` is about to leave its region, and let the region recover meanwhile.

    The prober is frozen from before the outage until long after it, so that what stands in Consul on its
    return is old: a region that is down. `catalog` is well all the time, and people ask for moves of it.
    """
    before, leader = await scene.sight.held("checkout"), await _leader(scene)
    scene.targets.be(Mood.DOWN, region=before.active, service="checkout")
    await scene.seen_down("checkout", before.active or "")
    scene.plane.signal("prober-1", signal.SIGSTOP)
    people = People(scene.plane, Random(0), ["catalog"], EAGER_SECONDS_MAX)
    async with _asking(people):
        await asyncio.sleep(EAGER_SECONDS)
        async with away(consul, how):
            await asyncio.sleep(EAGER_SECONDS)
            people.pause_seconds_max = PATIENT_SECONDS_MAX
            await asyncio.sleep(seconds - EAGER_SECONDS)
            status = await scene.plane.status()
            scene.targets.be(Mood.UP)
    returned = now()
    last = await _leader(scene)
    await eventually(lambda: _leader(scene), lambda record: record != last)
    renewed = now()
    await asyncio.sleep(QUIET_SECONDS)
    quiet, status_quiet = await scene.sight.held("checkout"), await scene.plane.status()
    scene.plane.signal("prober-1", signal.SIGCONT)
    await _released(scene)
    await scene.steady()
    return Silence(
        before=before,
        leader=leader,
        people=people,
        status=status,
        return_to_renewal_seconds=renewed - returned,
        leader_after=await _leader(scene),
        quiet=quiet,
        status_quiet=status_quiet,
        after=await scene.sight.held("checkout"),
        ledger=await scene.ledger(),
    )


@asynccontextmanager
async def _asking(people: People) -> AsyncIterator[None]:
    """People ask for moves and pauses for a `with` block, and hear the last answers after it."""
    async with asyncio.TaskGroup() as group:
        asking = [people.restrain(), *(people.move() for _ in range(MOVING_PEOPLE))]
        tasks = [group.create_task(one) for one in asking]
        yield
        for task in tasks:
            task.cancel()


async def _leader(scene: Scene) -> LeaderRecord:
    record = await scene.sight.leader()
    assert record is not None
    return record


async def _released(scene: Scene) -> None:
    """Lift a pause that was answered by “unknown” and took effect."""
    await eventually(
        lambda: scene.plane.resume("catalog", reason="the end"), lambda answer: answer.outcome == "done"
    )
