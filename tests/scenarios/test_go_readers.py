"""One flip, the demo's Python readers and readers in Go: all apply it, all are heard, none too many."""

from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.consul import ConsulAccess
from tests.prove.figures import spread_ms, spread_seconds
from tests.scenarios.go_readers import (
    JOINED,
    REFUSERS,
    SLEEPERS,
    Crowd,
    Stopwatch,
    all_confirmed,
    crowd,
    flip_all,
    switch_confirmations,
)
from tests.scenarios.plane import Plane
from tests.scenarios.readers import demo_fleet
from tests.scenarios.scene import running
from tests.scenarios.waiting import eventually, now

pytestmark = pytest.mark.services

DEMO_INSTANCES = 45
GO_READERS = 10
GO_READERS_SHORT = 6
FLIPS = 20
APPLIED_SECONDS_P95_MAX = 1.0
CONFIRMED_SECONDS_MAX = 5.0


@pytest.fixture
def plane(consul: ConsulAccess, postgres_url: str, tmp_path: Path) -> Plane:
    return Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=postgres_url)


async def heard(plane: Plane, instances: int) -> None:
    """Wait until everybody confirms the first switches."""
    await eventually(
        lambda: switch_confirmations(plane),
        lambda found: sum(one["confirmed"] for one in found.values()) == instances,
    )


async def only_the_well_confirm(plane: Plane, readers: Crowd, verb: str) -> None:
    """Flip while three refuse and two are frozen: each is named with what is wrong, and none counts."""
    readers.fall_ill()
    flipped = await flip_all(plane, verb)
    ill = {"nack": REFUSERS, "offline": SLEEPERS}
    found = await eventually(
        lambda: switch_confirmations(plane),
        lambda found: all(
            found[service]["revision"] == revision
            and found[service]["counts"] == well(found[service], ill if service == JOINED else {})
            for service, revision in flipped.items()
        ),
    )
    said = {one["instance"]: (one["ack"], one["text"]) for one in found[JOINED]["stragglers"]}
    assert said.keys() == {*readers.refusers, *readers.sleepers}
    assert {said[name][0] for name in readers.sleepers} == {"offline"}
    for name in readers.refusers:
        assert said[name][0] == "nack"
        assert f"refuses {flipped[JOINED]}" in said[name][1]
        assert "controlplane.switches/2" in said[name][1]


def well(found: Mapping[str, Any], ill: Mapping[str, int]) -> Mapping[str, int]:
    """The counts where all but the ill confirm."""
    return {**ill, "confirmed": found["instances"] - sum(ill.values())}


async def test_readers_in_go_count_like_all_others(
    plane: Plane, consul: ConsulAccess, go_example: Path, tmp_path: Path
):
    """A flip is confirmed by all instances, in Python and Go; who refuses it or is frozen never counts."""
    instances = DEMO_INSTANCES + GO_READERS_SHORT
    async with (
        demo_fleet(tmp_path / "fleet", consul) as fleet,
        crowd(go_example, consul, tmp_path / "go", size=GO_READERS_SHORT) as readers,
        running(plane),
    ):
        await plane.apply(readers.joined(fleet))
        await heard(plane, instances)
        assert await all_confirmed(plane, await flip_all(plane, "degrade")) == instances
        values = [await reader.value("recommendations", "true") for reader in readers.readers.values()]
        assert values == [False] * GO_READERS_SHORT

        await only_the_well_confirm(plane, readers, "restore")
        await readers.recover()
        assert await all_confirmed(plane, await flip_all(plane, "degrade")) == instances


@pytest.mark.prove
async def test_a_flip_reaches_every_reader_within_a_second(
    plane: Plane,
    consul: ConsulAccess,
    go_example: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    """A flip is in force in 45 Python and 10 Go readers within 1 s, and 55 of 55 confirm it within 5 s."""
    instances = DEMO_INSTANCES + GO_READERS
    applied: list[float] = []
    confirmed: list[float] = []
    async with (
        demo_fleet(tmp_path / "fleet", consul) as fleet,
        crowd(go_example, consul, tmp_path / "go", size=GO_READERS) as readers,
        running(plane),
    ):
        joined = readers.joined(fleet)
        await plane.apply(joined)
        await heard(plane, instances)
        watch = Stopwatch(yaml.safe_load(joined), readers)
        for number in range(FLIPS):
            began = now()
            flipped, seconds = await watch.flip(plane, "restore" if number % 2 else "degrade")
            assert len(seconds) == instances
            assert await all_confirmed(plane, flipped) == instances
            confirmed.append(now() - began)
            applied += seconds
        await only_the_well_confirm(plane, readers, "degrade")
        await readers.recover()
        assert await all_confirmed(plane, await flip_all(plane, "restore")) == instances
    p95 = sorted(applied)[ceil(0.95 * len(applied)) - 1]
    record_property("request to in force", f"{spread_ms(applied)}, p95 {p95 * 1000:.0f} ms")
    record_property("request to 55 of 55 confirmed", spread_seconds(confirmed))
    assert p95 <= APPLIED_SECONDS_P95_MAX
    assert max(confirmed) <= CONFIRMED_SECONDS_MAX
