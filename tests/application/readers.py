"""A prober that listens to readers, all of it fake: what they say follows the documents as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from controlplane.application.confirm_listening import Listening
from controlplane.application.probing import Prober
from controlplane.application.probing_lag import TICK_SECONDS
from controlplane.contract.documents import DocumentKind, checksum
from controlplane.contract.keys import Keys
from controlplane.domain.acknowledgement import AckClass
from controlplane.domain.confirmation import Tally
from controlplane.domain.fleet import Check, CheckType, Definitions, Fleet, Group, Instance, Region, Service
from controlplane.domain.outcome import Outcome, Reason, Verdict
from tests.fakes.clock import FakeClock
from tests.fakes.probes import FakeProbe, FakeTicker
from tests.fakes.store import FakeStore

KEYS = Keys()
FAILOVER, SWITCHES = DocumentKind.FAILOVER, DocumentKind.SWITCHES
TITLE = "failover/checkout"
SELDOM = Check("api", CheckType.HTTP, interval_seconds=20.0, timeout_seconds=0.5, rise=2, fall=3)
"""So seldom that whatever is heard soon was heard by a burst."""
OFTEN = Check("api", CheckType.HTTP, interval_seconds=1.0, timeout_seconds=0.5, rise=2, fall=3)
REGIONS = ("us-east", "eu-west")


def fleet_of(size: int = 2, *checks: Check, revision: int = 1) -> Definitions:
    """One service with so many instances in each of two regions, and its group."""
    instances = tuple(
        Instance(f"{region}-{number}", region, "10.0.0.1", 8000 + number)
        for region in REGIONS
        for number in range(size)
    )
    service = Service("checkout", checks or (SELDOM,), instances)
    regions = tuple(map(Region, REGIONS))
    group = Group("checkout", ("checkout",), REGIONS)
    return Definitions(revision, Fleet(regions=regions, services=(service,), groups=(group,)))


def document(revision: int, text: str = "") -> bytes:
    """What stands in Consul, as far as acknowledgements go."""
    return b'{"revision":%d,"text":"%s"}' % (revision, text.encode())


def says(
    raw: bytes | None, revision: int = 0, *, more: str = "state=ok;src=live", kind: DocumentKind = FAILOVER
) -> Outcome:
    """A healthy answer of a reader that holds these bytes."""
    held = f'{kind}.checkout={revision};sum="{checksum(raw)}";{more}' if raw else f"{kind}.checkout=0;{more}"
    return Outcome(Verdict.SUCCESS, Reason.OK, status=200, applied=held)


class ReadersRig:
    """Prober, listening and Consul."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.probe = FakeProbe()
        self.consul = FakeStore(clock=self.clock)
        probes = dict.fromkeys(CheckType, self.probe)
        self.listening = Listening(probes=probes, store=self.consul.client(), keys=KEYS, clock=self.clock)
        self.prober = Prober(probes=probes, clock=self.clock, listener=self.listening)
        self.announced: list[float] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tick and listen."""
        listening = self.listening.run(announce=lambda: self.announced.append(self.clock.monotonic()))
        async with FakeTicker()(TICK_SECONDS, self.prober.tick), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(listening)
            yield
            task.cancel()

    @asynccontextmanager
    async def steady(self, definitions: Definitions) -> AsyncIterator[None]:
        """Everybody was heard once, and holds revision 1."""
        self.publish(document(1))
        self.say(says(document(1), 1))
        self.prober.adopt(definitions)
        async with self.running():
            await asyncio.sleep(max(check.interval_seconds for check in definitions.fleet.services[0].checks))
            await asyncio.sleep(1)
            assert self.counts() == {"confirmed": len(definitions.fleet.services[0].instances)}
            self.probe.started.clear()
            yield

    def publish(self, raw: bytes, kind: DocumentKind = FAILOVER) -> None:
        """Write the document."""
        self.consul.edit(KEYS.document(kind, "checkout"), raw)

    def say(self, outcome: Outcome, *names: str) -> None:
        """Let these instances, or regions, or all, answer so from now on."""
        self.probe.outcomes.update(dict.fromkeys(names or REGIONS, outcome))

    def apply_after(self, seconds: float, raw: bytes, revision: int, *names: str) -> None:
        """Let them apply a document in a while."""
        asyncio.get_running_loop().call_later(seconds, self.say, says(raw, revision), *names)

    def tally(self, title: str = TITLE) -> Tally:
        """What would be reported of one document."""
        return self.listening.tallies()[title]

    def counts(self, title: str = TITLE) -> Mapping[str, int]:
        """Instances by class."""
        tally = self.tally(title)
        return {
            ack.value: count
            for ack in AckClass
            if (count := sum(counts.get(ack, 0) for counts in tally.regions.values()))
        }
