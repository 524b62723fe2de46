"""Which losses move a group and which freeze it, told by real processes about a fleet of real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.scenarios.plane import Plane
from tests.scenarios.scene import Scene, playing
from tests.scenarios.targets import Mood, listening
from tests.scenarios.waiting import eventually, now

pytestmark = pytest.mark.services

HANGING_INSTANCES = 200
LONGER_THAN_A_HOLD_DOWN_SECONDS = 3.0
DETECTION_SECONDS_MAX = 10.0
"""Three failures a second apart and one timeout are 3.5 s; the rest is for a busy machine."""

Play = Callable[[Mapping[str, int]], AbstractAsyncContextManager[Scene]]


@pytest.fixture
def play(consul: ConsulAccess, postgres_url: str, tmp_path: Path) -> Play:
    """Begin a scene with so many instances per region."""

    @asynccontextmanager
    async def begun(instances: Mapping[str, int]) -> AsyncIterator[Scene]:
        plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=postgres_url)
        async with listening(instances) as targets, playing(plane, targets) as scene:
            yield scene

    return begun


async def held_back(scene: Scene, code: str) -> dict[str, Any]:
    """Wait until the automation would leave a region and says why it does not; the group then."""
    return await eventually(lambda: scene.plane.group("checkout"), lambda group: group["code"] == code)


async def test_a_primary_region_that_holds_most_of_the_fleet_is_left(play: Play) -> None:
    """Nine tenths of the fleet die with their region: that is one region lost, no panic, and it moves."""
    async with play({"us-east": 18, "eu-west": 1, "ap-south": 1}) as scene:
        before = await scene.sight.held("checkout")
        scene.targets.be(Mood.DOWN, region="us-east")
        after = await scene.moved("checkout", before)

        assert (before.active, after.active) == ("us-east", "eu-west")
        assert after.change.kind == "automatic"
        assert (await scene.ledger()).contradictions() == []


async def test_nothing_moves_while_everything_looks_down(play: Play) -> None:
    """Everything fails at once: nothing moves, the status says why, and what stays lost is left later."""
    async with play({"us-east": 2, "eu-west": 2, "ap-south": 2}) as scene:
        before = await scene.sight.held("checkout")
        scene.targets.be(Mood.DOWN)
        group = await held_back(scene, "all_down")

        assert "no other region is up" in group["reason"]
        assert group["flags"] == ["frozen"]
        await asyncio.sleep(LONGER_THAN_A_HOLD_DOWN_SECONDS)
        assert await scene.sight.held("checkout") == before

        scene.targets.be(Mood.UP, region="eu-west")
        scene.targets.be(Mood.UP, region="ap-south")
        assert (await scene.moved("checkout", before)).active == "eu-west"


async def test_nothing_moves_while_most_of_the_fleet_elsewhere_fails_too(play: Play) -> None:
    """The primary and most of the other instances fail at once: panic, though one region would be fit."""
    async with play({"us-east": 4, "eu-west": 4, "ap-south": 2}) as scene:
        before = await scene.sight.held("checkout")
        scene.targets.be(Mood.DOWN, region="us-east")
        scene.targets.be(Mood.DOWN, region="eu-west")
        group = await held_back(scene, "panic")

        assert group["flags"] == ["frozen"]
        assert "4 of 6 instances outside us-east are down: too much fails at once" in group["reason"]
        assert [region["region"] for region in group["regions"] if region["ready"]] == ["ap-south"]
        await asyncio.sleep(LONGER_THAN_A_HOLD_DOWN_SECONDS)
        assert await scene.sight.held("checkout") == before

        scene.targets.be(Mood.UP, region="eu-west")
        assert (await scene.moved("checkout", before)).active != "us-east"


async def test_a_region_of_hanging_targets_delays_no_detection_elsewhere(play: Play) -> None:
    """While 200 instances of one region take every probe and say nothing, another region is seen to die."""
    async with play({"us-east": 2, "eu-west": 2, "ap-south": HANGING_INSTANCES}) as scene:
        scene.targets.be(Mood.HANGING, region="ap-south")
        await scene.seen_down("checkout", "ap-south")
        began = now()
        scene.targets.be(Mood.DOWN, region="us-east")
        await scene.seen_down("checkout", "us-east")

        assert now() - began < DETECTION_SECONDS_MAX
        assert (await scene.sight.cell("checkout", "eu-west")).up == 2
