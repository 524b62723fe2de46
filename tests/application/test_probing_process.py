"""The life of a prober process on fakes: all its parts together, and its end."""

import asyncio
import gc
from typing import Any

import pytest

from controlplane.application.probing import Prober
from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_process import run_prober
from controlplane.application.reporting import Reporter
from controlplane.contract.keys import Keys
from controlplane.domain.report import CellCounts, parse_report
from tests.application.probers import EAST, WEST, ProberRig, definitions
from tests.application.readers import ReadersRig, document, fleet_of, says
from tests.fakes.probes import BROKEN, FakeControlApi, FakeTicker
from tests.fakes.registry import FakeDefinitionsCache
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime

KEYS = Keys()


class Beside:
    """Something that works beside the probing, as history does."""

    def __init__(self) -> None:
        self.states: list[str] = []

    async def run(self) -> None:
        self.states.append("working")
        try:
            await asyncio.Event().wait()
        finally:
            self.states.append("ended")


def started(prober: Prober, consul: FakeStore, control: FakeControlApi, **more: Any) -> asyncio.Task[None]:
    """A prober process, under way."""
    store = consul.client()
    definitions = DefinitionsFollower(
        store=store, keys=KEYS, source=control, cache=FakeDefinitionsCache(), adopt=prober.adopt
    )
    reporter = Reporter(prober=prober, store=store, keys=KEYS, vantage="us-1", name="prober-1", boot="boot-1")
    process = run_prober(
        prober=prober, definitions=definitions, reporter=reporter, ticker=FakeTicker(), **more
    )
    return asyncio.get_running_loop().create_task(process)


async def test_from_definitions_to_report():
    """A prober that is started fetches, probes and reports; cancelled, it leaves nothing behind."""
    rig, consul, control = ProberRig(), FakeStore(), FakeControlApi(definitions(3))
    rig.probe.outcomes["us-east"] = BROKEN
    threshold = gc.get_threshold()
    prober = started(rig.prober, consul, control)
    await asyncio.sleep(5)
    entry = consul.peek(KEYS.vantage("us-1", "prober-1"))
    assert entry is not None
    report = parse_report("us-1", "prober-1", entry.value)
    assert report.cells == {EAST: CellCounts(down=2), WEST: CellCounts(up=2)}
    assert report.registry == 3

    prober.cancel()
    with pytest.raises(asyncio.CancelledError):
        await prober
    asked = rig.probe.started.total()
    await asyncio.sleep(5)
    assert rig.probe.started.total() == asked
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert gc.get_threshold() == threshold


async def test_what_works_beside_the_probing_ends_with_it():
    """Readers are listened to and history is written for as long as the prober runs, and no longer."""
    rig, beside = ReadersRig(), Beside()
    rig.publish(document(1))
    rig.say(says(document(1), 1))
    control = FakeControlApi(fleet_of(revision=3))
    prober = started(rig.prober, rig.consul, control, listening=rig.listening, history=[beside])
    await asyncio.sleep(25)
    assert beside.states == ["working"]
    assert rig.counts() == {"confirmed": 4}

    prober.cancel()
    with pytest.raises(asyncio.CancelledError):
        await prober
    assert beside.states == ["working", "ended"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
