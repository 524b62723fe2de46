"""What happens when processes are killed or asked to end in the middle of moves, told as facts."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from controlplane.contract.documents import FailoverDocument
from controlplane.domain.leadership import LeaderRecord
from tests.scenarios.ledger import Ledger
from tests.scenarios.people import People
from tests.scenarios.plane import Plane
from tests.scenarios.scene import Scene, is_calm
from tests.scenarios.targets import Mood
from tests.scenarios.waiting import PATIENCE_SECONDS, eventually, now

SERVICES = ("checkout", "catalog", "payments")
QUICK_CHECK = {"interval": "500ms", "timeout": "400ms", "rise": 2, "fall": 2}
QUICK_POLICY = {"hold_down": "500ms", "dwell": "1s", "max_automatic": "100 per 1m"}
"""Many moves in a short time, so that many of them are under way when something is killed."""

SUPERVISOR = "supervisor"
VICTIMS = ("control", "prober-1", SUPERVISOR)
FLAPPING_REGIONS = ("us-east", "eu-west")
INSTANCES = {"ap-south": 2, "us-east": 2, "eu-west": 2}
"""The region that never fails comes first, so that the automation moves there and never back: to and fro it
would go twice in ten minutes. People bring the groups back to where it flaps."""
DOWN_SECONDS = 3.0
UP_SECONDS = 2.0
PUBLICATION_SECONDS_MAX = 15.0
"""Long enough for a control process that was killed to lead again, after its own silence."""
AFTER_PUBLICATION_SECONDS_MAX = 0.1
ANY_TIME_SHARE = 0.4
PERSON_SECONDS_MAX = 0.6
START_SECONDS_MAX = 40.0
"""Until a killed process has been started again."""


@dataclass(frozen=True, slots=True)
class Survival:
    """What was found after many kills."""

    kills: dict[str, int]
    people: People
    ledger: Ledger
    disagreements: list[str]
    alarms: list[str]
    last_move: FailoverDocument
    """A region was lost after the last kill; this is what came of it."""


async def kill_again_and_again(
    scene: Scene, kills: int, random: Random, *, pause_seconds_max: float
) -> Survival:
    """Kill -9 supervisor, control and prober at random times, while regions flap and people move groups."""
    people = People(scene.plane, Random(random.random()), SERVICES, PERSON_SECONDS_MAX)
    killed = dict.fromkeys(VICTIMS, 0)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
    random.shuffle(victims)
    async with _meanwhile(scene, people):
        for victim in victims:
            await _moment(scene, random, pause_seconds_max)
            await _kill(scene.plane, victim)
            killed[victim] += 1
    scene.targets.be(Mood.UP)
    await scene.steady()
    before = await _brought(scene, scene.plane, SERVICES[0], FLAPPING_REGIONS[0])
    scene.targets.be(Mood.DOWN, region=before.active)
    last_move = await scene.moved(SERVICES[0], before)
    ledger = await scene.ledger()
    disagreements = await eventually(scene.disagreements, lambda found: not found, seconds=10)
    return Survival(killed, people, ledger, disagreements, (await scene.plane.status())["alarms"], last_move)


async def _brought(scene: Scene, leading: Plane, group: str, region: str) -> FailoverDocument:
    """The group where a person wants it to be, and all is well."""
    held = await scene.sight.held(group)
    if held.active != region:
        await eventually(
            lambda: leading.move(group, region, reason="back"), lambda answer: answer.outcome == "done"
        )
    await scene.steady()
    return await scene.sight.held(group)


@asynccontextmanager
async def _meanwhile(scene: Scene, people: People) -> AsyncIterator[None]:
    flapping = scene.targets.flap(FLAPPING_REGIONS, down_seconds=DOWN_SECONDS, up_seconds=UP_SECONDS)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(flapping), group.create_task(people.move())]
        yield
        for task in tasks:
            task.cancel()


async def _moment(scene: Scene, random: Random, pause_seconds_max: float) -> None:
    """Any time, whatever is under way; or right after a publication, when its row may not be written yet."""
    if random.random() < ANY_TIME_SHARE:
        await asyncio.sleep(random.uniform(0, pause_seconds_max))
        return
    before = await _revisions(scene)
    try:
        await eventually(
            lambda: _revisions(scene), lambda after: after != before, seconds=PUBLICATION_SECONDS_MAX
        )
    except AssertionError:
        return
    await asyncio.sleep(random.uniform(0, AFTER_PUBLICATION_SECONDS_MAX))


async def _revisions(scene: Scene) -> list[int | None]:
    documents = [await scene.sight.document(name) for name in SERVICES]
    return [document.revision if document else None for document in documents]


async def _kill(plane: Plane, victim: str) -> None:
    if victim == SUPERVISOR:
        await plane.kill()
        await plane.start()
        return
    async with asyncio.timeout(START_SECONDS_MAX):
        while not plane.signal(victim, signal.SIGKILL):  # noqa: ASYNC110 - it is just being started again
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Takeover:
    """One leader that was killed."""

    former: LeaderRecord
    next: LeaderRecord
    before: FailoverDocument
    after: FailoverDocument
    """The region was lost at the moment of the kill; this is the move that was due then."""
    kill_to_takeover_seconds: float
    kill_to_move_seconds: float


async def kill_leader(scene: Scene, planes: Sequence[Plane]) -> Takeover:
    """Kill -9 the control process that leads just as a region is lost; wait for the move, and for peace."""
    former = await scene.sight.leader()
    assert former is not None
    victim = next(plane for plane in planes if plane.api == former.api)
    before = await _brought(scene, victim, "checkout", "us-east")
    scene.targets.be(Mood.DOWN, region=before.active)
    killed = now()
    assert victim.signal("control", signal.SIGKILL)
    following = await eventually(
        scene.sight.leader, lambda record: record and record.holder not in ("", former.holder)
    )
    assert following is not None
    taken = now()
    after = await scene.moved("checkout", before)
    moved = now()
    scene.targets.be(Mood.UP)
    await _peace(planes)
    return Takeover(former, following, before, after, taken - killed, moved - killed)


async def _peace(planes: Sequence[Plane]) -> None:
    """Wait until each control process answers again, and whoever leads could act and has no reason to."""
    for plane in planes:
        await eventually(plane.ready, lambda answer: answer.status_code == 200, pause=0.1)
    for plane in planes:
        await eventually(
            plane.status, lambda status: not status["leader"]["ours"] or is_calm(status), pause=0.1
        )


@dataclass(frozen=True, slots=True)
class Farewell:
    """A leader that was asked to end while people moved groups as fast as they could."""

    exit_code: int
    stop_seconds: float
    left: list[str]
    """Command lines of processes that were left behind."""
    released: LeaderRecord | None
    """The key `leader`, when all had ended and before anybody else could take over."""
    people: People
    ledger: Ledger
    """At that moment, too: nobody else had a chance to write a row."""
    next: LeaderRecord | None
    release_to_takeover_seconds: float


async def part(scene: Scene, second: Plane, *, moves_before: int) -> Farewell:
    """End the leading plane by SIGTERM after so many moves, with the other one frozen until it has ended."""
    first = scene.plane
    people = People(first, Random(0), SERVICES, pause_seconds_max=0.01)
    async with asyncio.TaskGroup() as group:
        moving = group.create_task(people.move())
        await _until_moved(people, moves_before)
        second.signal("control", signal.SIGSTOP)
        began = now()
        exit_code = await first.stop()
        stopped = now()
        moving.cancel()
    scene.plane = second
    released, ledger, left = await scene.sight.leader(), await scene.ledger(), first.processes()
    thawed = now()
    second.signal("control", signal.SIGCONT)
    following = await eventually(scene.sight.leader, lambda record: record and record.holder)
    return Farewell(exit_code, stopped - began, left, released, people, ledger, following, now() - thawed)


async def _until_moved(people: People, moves: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(people.reasons("done")) < moves:  # noqa: ASYNC110 - what people hear sets no event
            await asyncio.sleep(0.01)
