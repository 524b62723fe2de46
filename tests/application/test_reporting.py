"""Reports on a Consul in memory: when they are written, what they say, and what happens while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controlplane.application.ports import Put
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.application.reporting import BEAT_SECONDS, DEBOUNCE_SECONDS, Reporter
from controlplane.contract.keys import Keys
from controlplane.domain.report import CellCounts, VantageReport, member_set, parse_report
from tests.application.probers import API, EAST, WEST, ProberRig, definitions
from tests.fakes.probes import BROKEN, HANGING, NO_DESCRIPTORS, FakeTicker
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.looptime

KEYS = Keys()
SETTLED_SECONDS = 10.0


class Rig(ProberRig):
    """A prober that reports to a Consul in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.consul = FakeStore()
        self.reporter = Reporter(
            prober=self.prober,
            store=self.consul.client(),
            keys=KEYS,
            vantage="us-1",
            name="prober-1",
            boot="boot-1",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tick and report."""
        async with FakeTicker()(TICK_SECONDS, self.prober.tick), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.reporter.run())
            yield
            task.cancel()

    def reports(self) -> list[VantageReport]:
        """Everything that was written, in order."""
        puts = [operation for operations, _ in self.consul.evaluated for operation in operations]
        assert all(isinstance(put, Put) and put.key == "controlplane/vantage/us-1/prober-1" for put in puts)
        return [parse_report("us-1", "prober-1", put.value) for put in puts if isinstance(put, Put)]


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_a_report_says_who_sees_what(rig: Rig):
    """A report carries boot, members, revision, counts and the failing ids."""
    rig.probe.outcomes["us-east-1"] = BROKEN
    rig.prober.adopt(definitions(9))
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)

    report = rig.reports()[-1]
    assert (report.boot, report.members, report.registry) == ("boot-1", member_set(["prober-1"]), 9)
    assert report.cells == {EAST: CellCounts(up=1, down=1), WEST: CellCounts(up=2)}
    assert report.failing == ("us-east-1",)
    assert not report.trust.sees_all_down


async def test_a_quiet_prober_reports_every_beat(rig: Rig):
    """Without changes there is one report every two seconds, and each has a higher `seq`."""
    async with rig.running():
        await asyncio.sleep(10 * BEAT_SECONDS + 0.1)

    reports = rig.reports()
    assert len(reports) == 11
    assert [report.seq for report in reports] == list(range(1, 12))


async def test_a_change_is_reported_at_once(rig: Rig):
    """A change is in Consul as soon as the debounce is over, without waiting for the beat."""
    rig.prober.adopt(definitions(east=1, west=0))
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)
        rig.prober.adopt(definitions(2, east=1, west=0))
        await asyncio.sleep(DEBOUNCE_SECONDS + 0.001)
        assert rig.reports()[-1].registry == 2


async def test_changes_of_one_moment_are_one_report(rig: Rig):
    """Five hundred instances that fall within 20 ms make one report, not five hundred."""
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)
        before = len(rig.reports())
        for _ in range(500):
            rig.prober.changed.set()
            await asyncio.sleep(DEBOUNCE_SECONDS / 1000)
        await asyncio.sleep(DEBOUNCE_SECONDS)
        assert len(rig.reports()) == before + 1


async def test_faults_are_told_once(rig: Rig):
    """The faults of ours in all reports add up to those that happened."""
    rig.probe.outcomes["us-east"] = NO_DESCRIPTORS
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)
        rig.probe.outcomes.clear()
        await asyncio.sleep(SETTLED_SECONDS)

    told = sum(report.trust.faults_of_ours for report in rig.reports())
    assert told == rig.prober.faults.total() > 0


async def test_evidence_that_grows_old_is_reported(rig: Rig):
    """Where nothing usable is heard any more, reports turn to unknown without anything happening."""
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)
        rig.probe.outcomes |= {"us-east": NO_DESCRIPTORS, "eu-west": NO_DESCRIPTORS}
        await asyncio.sleep(SETTLED_SECONDS)

    assert rig.reports()[-1].cells == {EAST: CellCounts(unknown=2), WEST: CellCounts(unknown=2)}


@pytest.mark.parametrize("trouble", ["away", "frozen"])
async def test_probing_goes_on_without_consul(rig: Rig, trouble: str):
    """Without Consul probing goes on, at most one report waits, and the next beat says everything."""
    rig.prober.adopt(definitions())
    async with rig.running():
        await asyncio.sleep(SETTLED_SECONDS)
        said = len(rig.reports())
        rig.consul.go_away() if trouble == "away" else rig.consul.freeze()
        probed = rig.probe.started.total()
        rig.probe.outcomes |= {"us-east": HANGING, "us-east-0": NO_DESCRIPTORS}
        await asyncio.sleep(30)

        assert rig.probe.started.total() == pytest.approx(probed + 4 * 30 / API.interval_seconds, abs=4)
        assert len(rig.consul.inflight) <= 1
        assert len(rig.reports()) == said

        rig.consul.come_back() if trouble == "away" else rig.consul.thaw()
        await asyncio.sleep(2 * BEAT_SECONDS)
        assert rig.reports()[-1].cells[EAST] == CellCounts(down=1, unknown=1)
        sequence = [report.seq for report in rig.reports()]
        assert sequence == sorted(set(sequence))
        told = sum(report.trust.faults_of_ours for report in rig.reports())
        assert told >= 30


async def test_a_report_that_is_not_confirmed_is_said_once(rig: Rig, caplog: pytest.LogCaptureFixture):
    """An outage of Consul is one line in the log when it begins and one when it ends."""
    async with rig.running():
        rig.consul.go_away()
        await asyncio.sleep(60)
        rig.consul.come_back()
        with caplog.at_level("INFO"):
            await asyncio.sleep(10)

    lines = [record.message for record in caplog.records if record.name.endswith("reporting")]
    assert lines == ["report is not confirmed", "reports are confirmed again"]
