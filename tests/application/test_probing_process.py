"""The life of a prober process on fakes: all its parts together, and its end."""

import asyncio
import gc

import pytest

from controlplane.application.probing_definitions import DefinitionsFollower
from controlplane.application.probing_process import run_prober
from controlplane.application.reporting import Reporter
from controlplane.contract.keys import Keys
from controlplane.domain.report import CellCounts, parse_report
from tests.application.probers import EAST, WEST, ProberRig, definitions
from tests.fakes.probes import BROKEN, FakeControlApi, FakeTicker
from tests.fakes.registry import FakeDefinitionsCache
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime

KEYS = Keys()


async def test_from_definitions_to_report():
    """A prober that is started fetches, probes and reports; cancelled, it leaves nothing behind."""
    rig, consul, control = ProberRig(), FakeStore(), FakeControlApi(definitions(3))
    rig.probe.outcomes["us-east"] = BROKEN
    store, threshold = consul.client(), gc.get_threshold()
    prober = asyncio.get_running_loop().create_task(
        run_prober(
            prober=rig.prober,
            definitions=DefinitionsFollower(
                store=store, keys=KEYS, source=control, cache=FakeDefinitionsCache(), adopt=rig.prober.adopt
            ),
            reporter=Reporter(
                prober=rig.prober, store=store, keys=KEYS, vantage="us-1", name="prober-1", boot="boot-1"
            ),
            ticker=FakeTicker(),
        )
    )
    await asyncio.sleep(5)
    entry = consul.peek(KEYS.vantage("us-1", "prober-1"))
    assert entry is not None
    report = parse_report("us-1", "prober-1", entry.value)
    assert report.cells == {EAST: CellCounts(down=2), WEST: CellCounts(up=2)}
    assert report.registry == 3

    prober.cancel()
    with pytest.raises(asyncio.CancelledError):
        await prober
    started = rig.probe.started.total()
    await asyncio.sleep(5)
    assert rig.probe.started.total() == started
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert gc.get_threshold() == threshold
