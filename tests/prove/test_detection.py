"""How soon a lost region is seen, beside a region that is well and beside one that hangs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.prove.figures import spread_ms
from tests.scenarios.plane import Plane
from tests.scenarios.scene import Scene, playing
from tests.scenarios.targets import Mood, listening
from tests.scenarios.waiting import eventually, now

pytestmark = [pytest.mark.services, pytest.mark.prove]

HANGING_INSTANCES = 200
RUNS = 10
DETECTION_SECONDS_MAX = 3.5
"""Three failures a second apart, the report, and a look at it."""


async def detection_seconds(scene: Scene) -> float:
    """From the loss of a region to a report in Consul that counts all of it as down; then it recovers."""
    began = now()
    scene.targets.be(Mood.DOWN, region="us-east")
    await scene.seen_down("checkout", "us-east")
    seen = now()
    scene.targets.be(Mood.UP, region="us-east")
    await eventually(lambda: scene.sight.cell("checkout", "us-east"), lambda cell: not cell.down)
    return seen - began


async def test_hanging_targets_delay_no_detection_elsewhere(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A lost region is seen as soon while 200 instances of another one hang as while they are well."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=postgres_url)
    instances = {"us-east": 2, "eu-west": 2, "ap-south": HANGING_INSTANCES}
    async with listening(instances) as targets, playing(plane, targets) as scene:
        well = [await detection_seconds(scene) for _ in range(RUNS)]
        targets.be(Mood.HANGING, region="ap-south")
        await scene.seen_down("checkout", "ap-south")
        hanging = [await detection_seconds(scene) for _ in range(RUNS)]
    record_property("beside 200 that are well", spread_ms(well))
    record_property("beside 200 that hang", spread_ms(hanging))

    assert max(hanging) < DETECTION_SECONDS_MAX
