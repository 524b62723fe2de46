"""The prober on fakes in virtual time: what it starts, sees, keeps, and how it doubts itself."""

import asyncio
from dataclasses import replace

import pytest

from controlplane.application.probing import REGION_PROBES_IN_FLIGHT_MAX
from controlplane.domain.fleet import Check, CheckType, Fleet, Layer
from controlplane.domain.outcome import Reason
from controlplane.domain.report import CellCounts
from tests.application.probers import API, EAST, WEST, ProberRig, definitions
from tests.fakes.probes import BROKEN, HANGING, NO_DESCRIPTORS, SLOW, UP

pytestmark = pytest.mark.looptime


@pytest.fixture
def rig() -> ProberRig:
    return ProberRig()


async def test_nothing_is_seen_before_definitions(rig: ProberRig):
    """Without definitions a prober ticks, and sees an empty fleet of revision 0."""
    await rig.run(1)

    sight = rig.prober.sight()
    assert (sight.registry, sight.cells, sight.failing, sight.all_down) == (0, {}, (), False)


async def test_every_instance_is_counted_from_the_start(rig: ProberRig):
    """An instance that was not heard of yet is unknown, and up after `rise` answers."""
    rig.prober.adopt(definitions(7))
    assert rig.prober.sight().registry == 7
    assert rig.cells == {EAST: CellCounts(unknown=2), WEST: CellCounts(unknown=2)}

    await rig.run(API.rise * API.interval_seconds + 0.1)
    assert rig.cells == {EAST: CellCounts(up=2), WEST: CellCounts(up=2)}


async def test_every_instance_is_probed_once_per_interval(rig: ProberRig):
    """In ten intervals, every instance is probed ten times."""
    rig.prober.adopt(definitions(east=40, west=60))
    await rig.run(10.005)

    assert len(rig.probe.started) == 100
    assert set(rig.probe.started.values()) <= {9, 10, 11}
    assert rig.prober.started == rig.probe.started.total()


async def test_a_lost_region_is_seen(rig: ProberRig):
    """Instances that fail `fall` times are down, named in order, and the change is announced."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    rig.prober.changed.clear()
    rig.probe.outcomes["us-east"] = BROKEN

    await rig.run(1.5)
    assert not rig.prober.changed.is_set()

    await rig.run(2)
    assert rig.prober.changed.is_set()
    assert rig.cells == {EAST: CellCounts(down=2), WEST: CellCounts(up=2)}
    assert rig.prober.sight().failing == ("us-east-0", "us-east-1")
    assert not rig.prober.sight().all_down


async def test_everything_down_is_said(rig: ProberRig):
    """A prober that finds nothing up says so of itself."""
    rig.probe.outcomes |= {"us-east": BROKEN, "eu-west": HANGING}
    rig.prober.adopt(definitions())
    await rig.run(5)

    sight = rig.prober.sight()
    assert sight.all_down
    assert rig.prober.take_trust(sight).sees_all_down


async def test_slow_instances_are_degraded(rig: ProberRig):
    """Latency degrades an instance and never takes it down."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    rig.probe.outcomes["us-east-1"] = SLOW
    await rig.run(5)

    assert rig.cells[EAST] == CellCounts(up=1, degraded=1)


async def test_a_lower_layer_degrades(rig: ProberRig):
    """A failing infrastructure check beside a healthy application check degrades the instance."""
    ping = Check("ping", CheckType.TCP, Layer.INFRASTRUCTURE, interval_seconds=1.0, timeout_seconds=0.5)
    rig.prober.adopt(definitions(east=1, west=0, checks=(API, ping)))
    await rig.run(3)
    assert rig.cells[EAST] == CellCounts(up=1)

    rig.probe.outcomes["ping"] = BROKEN
    await rig.run(5)
    assert rig.cells[EAST] == CellCounts(degraded=1)


async def test_faults_of_ours_are_counted_and_do_not_count_against_anybody(rig: ProberRig):
    """An instance that only we fail to probe stays as it was, and is unknown when that was too long ago."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    rig.prober.take_trust(rig.prober.sight())
    rig.probe.outcomes["us-east"] = NO_DESCRIPTORS

    await rig.run(4)
    rig.prober.age()
    assert rig.cells[EAST] == CellCounts(up=2)
    assert rig.prober.take_trust(rig.prober.sight()).faults_of_ours == rig.prober.faults.total() > 6
    assert rig.prober.take_trust(rig.prober.sight()).faults_of_ours == 0

    rig.prober.changed.clear()
    await rig.run(2)
    rig.prober.age()
    assert rig.cells == {EAST: CellCounts(unknown=2), WEST: CellCounts(up=2)}
    assert rig.prober.changed.is_set()

    rig.probe.outcomes.clear()
    await rig.run(3)
    assert rig.cells[EAST] == CellCounts(up=2)


async def test_age_changes_nothing_while_there_is_news(rig: ProberRig):
    """Looking at the age of evidence announces no change where there is none."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    rig.prober.changed.clear()
    rig.prober.age()
    assert not rig.prober.changed.is_set()


async def test_a_region_of_hanging_targets_delays_no_other():
    """Beside a region that hangs and has no place left, another one is probed as often as alone."""
    alone, beside = ProberRig(places=5), ProberRig(places=5)
    beside.probe.outcomes["us-east"] = HANGING
    alone.prober.adopt(definitions(east=0, west=20))
    beside.prober.adopt(definitions(east=200, west=20))
    await asyncio.gather(alone.run(20), beside.run(20))

    assert beside.probe.regions["eu-west"] == alone.probe.regions["eu-west"]
    assert beside.cells[WEST] == CellCounts(up=20)
    most = 5 * 20 / API.timeout_seconds
    assert beside.probe.regions["us-east"] <= most
    skipped = beside.prober.faults[Reason.OUR_LIMIT]
    assert skipped + beside.probe.regions["us-east"] == pytest.approx(200 * 20, rel=0.01)
    assert beside.probe.in_flight <= 5


async def test_places_hold_a_region_that_hangs_as_a_whole():
    """By default, 2,000 hanging instances at 5 s and 1 s are all found down."""
    rig = ProberRig(places=REGION_PROBES_IN_FLIGHT_MAX)
    rig.probe.outcomes["us-east"] = HANGING
    check = Check("api", CheckType.HTTP, interval_seconds=5.0, timeout_seconds=1.0)
    rig.prober.adopt(definitions(east=2000, west=0, checks=(check,)))
    await rig.run(4 * 5.0)

    assert rig.cells[EAST] == CellCounts(down=2000)


async def test_what_stays_the_same_keeps_its_health(rig: ProberRig):
    """New definitions touch the health of nothing that is asked the same question at the same place."""
    rig.probe.outcomes["us-east-0"] = BROKEN
    rig.prober.adopt(definitions())
    await rig.run(4)
    rig.prober.changed.clear()

    rig.prober.adopt(definitions(2, east=3, checks=(replace(API, interval_seconds=0.5, fall=5),)))
    assert rig.prober.changed.is_set()
    assert rig.prober.sight().registry == 2
    assert rig.cells == {EAST: CellCounts(up=1, down=1, unknown=1), WEST: CellCounts(up=2)}


@pytest.mark.parametrize("changed", [{"path": "/other"}, {"port": 9}, {"type": CheckType.TCP}])
async def test_another_question_starts_from_nothing(rig: ProberRig, changed: dict[str, object]):
    """What a check found says nothing about what it asks from now on."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    rig.prober.adopt(definitions(2, checks=(replace(API, **changed),)))  # type: ignore[arg-type]

    assert rig.cells[EAST] == CellCounts(unknown=2)


async def test_an_instance_that_moved_starts_from_nothing(rig: ProberRig):
    """An instance at another address is another process."""
    rig.prober.adopt(definitions())
    await rig.run(3)
    moved = definitions(2)
    (service,) = moved.fleet.services
    instances = (replace(service.instances[0], address="10.0.0.2"), *service.instances[1:])
    fleet = Fleet(regions=moved.fleet.regions, services=(replace(service, instances=instances),))
    rig.prober.adopt(replace(moved, fleet=fleet))

    assert rig.cells[EAST] == CellCounts(up=1, unknown=1)


async def test_what_is_gone_is_neither_probed_nor_counted(rig: ProberRig):
    """After an instance left the definitions, it is not probed any more, even if a probe was in flight."""
    rig.probe.outcomes["us-east"] = HANGING
    rig.prober.adopt(definitions(east=20))
    await rig.run(1)
    assert rig.probe.in_flight
    rig.prober.adopt(definitions(2, east=0))
    probed = rig.probe.regions["us-east"]
    await rig.run(5)

    assert rig.probe.regions["us-east"] == probed
    assert rig.cells == {WEST: CellCounts(up=2)}


async def test_a_probe_in_flight_counts_under_new_definitions(rig: ProberRig):
    """However often definitions change, what hangs is found down."""
    rig.probe.outcomes["us-east"] = HANGING
    for revision in range(1, 30):
        rig.prober.adopt(definitions(revision))
        await rig.run(0.2)

    assert rig.cells[EAST] == CellCounts(down=2)


async def test_a_stall_of_ours_is_not_the_targets(rig: ProberRig):
    """What seems to hang while our own loop stood still is a fault of ours, and the lag is reported."""
    rig.probe.outcomes["us-east"] = HANGING
    rig.prober.adopt(definitions(east=30))
    for _ in range(8):  # ticks for a while, then none while probes are in flight
        await rig.run(0.7)
        await asyncio.sleep(0.3)

    assert rig.prober.faults[Reason.OUR_LATENESS] > 0
    trust = rig.prober.take_trust(rig.prober.sight())
    assert trust.loop_lag_seconds == pytest.approx(0.3, abs=0.02)
    assert rig.prober.take_trust(rig.prober.sight()).loop_lag_seconds == pytest.approx(0.3, abs=0.02)
    await rig.run(0.1)
    rig.prober.take_trust(rig.prober.sight())
    await rig.run(0.1)
    assert rig.prober.take_trust(rig.prober.sight()).loop_lag_seconds < 0.02


async def test_a_refusal_during_a_stall_is_the_targets(rig: ProberRig):
    """A stall of ours excuses slowness, not a wrong answer."""
    rig.probe.outcomes |= {"us-east": BROKEN, "eu-west": UP}
    rig.prober.adopt(definitions())
    for _ in range(8):
        await rig.run(0.7)
        await asyncio.sleep(0.3)

    assert rig.cells == {EAST: CellCounts(down=2), WEST: CellCounts(up=2)}
    assert not rig.prober.faults
