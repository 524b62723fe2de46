"""A whole control plane on fakes and virtual time: replicas, a prober that says what a test wants, people."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.adapters.relay import HttpRelay
from controlplane.application.leadership import Tenure
from controlplane.application.mirror import whole_number
from controlplane.application.ports import Floors, StoreError, Token
from controlplane.application.replica import Replica
from controlplane.application.results import Act, MoveRequest, PauseRequest, ResumeRequest
from controlplane.application.world import Ports, Traits
from controlplane.contract.documents import FailoverDocument, parse_failover
from controlplane.contract.keys import Keys
from controlplane.domain.report import CellCounts, CellKey, VantageReport, member_set
from tests.fakes.catalog import FakeCatalog
from tests.fakes.clock import FakeClock, FakeIdentifiers
from tests.fakes.history import FakeEvaluations, FakeHistory, history_ports
from tests.fakes.journal import FakeJournal
from tests.fakes.people import FakeHasher, FakeSigner, FakeUsers
from tests.fakes.probes import FakeTicker
from tests.fakes.registry import FakeDefinitionsCache, FakeRegistry
from tests.fakes.store import FakeStore, FakeStoreClient
from tests.fakes.tokens import FakeTokens

KEYS = Keys()
DOCUMENT = KEYS.document("failover", "checkout")
REGIONS = ("us-east", "eu-west", "ap-south")
FLEET = """
apiVersion: controlplane/v1
regions: [{name: us-east}, {name: eu-west}, {name: ap-south}]
services:
  - name: checkout
    checks: [{name: api, type: http, path: /health, interval: 1s, timeout: 500ms}]
    instances:
      - {id: us-1, region: us-east, address: 10.0.0.1, port: 80}
      - {id: us-2, region: us-east, address: 10.0.0.2, port: 80}
      - {id: eu-1, region: eu-west, address: 10.0.1.1, port: 80}
      - {id: eu-2, region: eu-west, address: 10.0.1.2, port: 80}
      - {id: ap-1, region: ap-south, address: 10.0.2.1, port: 80}
      - {id: ap-2, region: ap-south, address: 10.0.2.2, port: 80}
groups:
  - {name: checkout, services: [checkout], regions: [us-east, eu-west, ap-south],
     policy: {hold_down: 2s, dwell: 60s}}
"""


def fleet_of(services: int) -> str:
    """This many copies of the service and its group, named `checkout-1` and so on."""
    head, service, group = re.split(r"services:\n|groups:\n", FLEET)
    names = [f"checkout-{number}" for number in range(1, services + 1)]
    copies = [service.replace("checkout", name).replace("id: ", f"id: {name}-") for name in names]
    groups = [group.replace("checkout", name) for name in names]
    return f"{head}services:\n{''.join(copies)}groups:\n{''.join(groups)}"


DOWN, UP = CellCounts(down=2), CellCounts(up=2)


class FakeCache:
    """Keeps in memory what a file would keep: tokens, or floors."""

    def __init__(self, empty):
        self.saved = empty

    def load(self):
        return self.saved

    def save(self, value):
        self.saved = value


class World:
    """The outside of any number of replicas."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.server = FakeStore(clock=self.clock)
        self.registry = FakeRegistry()
        self.journal = FakeJournal()
        self.history = FakeHistory()
        self.evaluations = FakeEvaluations()
        self.tokens = FakeTokens()
        self.users = FakeUsers()
        self.catalog = FakeCatalog()
        self.identifiers = FakeIdentifiers()
        self.floors = FakeCache(Floors())
        self.health = dict.fromkeys(REGIONS, UP)
        self.services = ["checkout"]
        self.clients: list[FakeStoreClient] = []

    def ports(self) -> Ports:
        """What one more replica is given: a connection of its own to everything."""
        client = self.server.client(clock=self.clock)
        self.clients.append(client)
        return Ports(
            store=client,
            log_store=client,
            catalog=self.catalog,
            registry=self.registry,
            journal=self.journal,
            tokens=self.tokens,
            users=self.users,
            fleet_format=FleetYaml(),
            definitions_cache=FakeDefinitionsCache(),
            token_cache=FakeCache(()),
            user_cache=FakeCache(()),
            password_hasher=FakeHasher(),
            signer=FakeSigner(),
            floors=self.floors,
            history=history_ports(self.history, self.evaluations),
            ticker=FakeTicker(),
            relay=HttpRelay(),
            clock=self.clock,
            identifiers=self.identifiers,
        )

    def replica(self) -> Replica:
        token = Token("local", "admin", "0" * 64)
        return Replica(self.ports(), Traits(api="http://here", keys=KEYS, local_tokens=(token,)))

    @asynccontextmanager
    async def running(self, *replicas: Replica) -> AsyncIterator[list[asyncio.Task[None]]]:
        """These replicas, until the end of the block."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(replica.run()) for replica in replicas]
            try:
                yield tasks
            finally:
                for task in tasks:
                    task.cancel()

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[Replica]:
        """One replica that leads, a prober, the fleet applied and everything up."""
        replica = self.replica()
        async with self.running(replica), asyncio.TaskGroup() as group:
            probing = group.create_task(self.probe())
            try:
                await self.until(lambda: replica.leadership.tenure)
                await replica.doors.registry.apply(FLEET, by="alice", dry_run=False)
                await self.until(self.published)
                await asyncio.sleep(5)
                yield replica
            finally:
                probing.cancel()

    async def probe(self) -> None:
        """Report what `health` says, every second."""
        client = self.server.client(clock=self.clock)
        seq = 0
        while True:
            seq += 1
            with suppress(StoreError):
                await client.put(KEYS.vantage("local", "prober-1"), self.report(seq).to_bytes())
            await asyncio.sleep(1)

    def report(self, seq: int) -> VantageReport:
        entry = self.server.peek(KEYS.registry)
        return VantageReport(
            vantage="local",
            prober="prober-1",
            boot="boot-1",
            seq=seq,
            members=member_set(["prober-1"]),
            registry=max(whole_number(entry), 0),
            cells={
                CellKey(service, region): counts
                for service in self.services
                for region, counts in self.health.items()
            },
        )

    async def until(self, condition, seconds: float = 30) -> None:
        """Wait until something holds, in virtual time."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for is anything at all
                await asyncio.sleep(0.05)

    def value(self, key: str) -> bytes | None:
        """What stands under a key."""
        entry = self.server.peek(key)
        return entry.value if entry else None

    def published(self) -> bool:
        """Whether the group has a document."""
        return self.value(DOCUMENT) is not None

    def document(self) -> FailoverDocument:
        """What services read."""
        return parse_failover(self.value(DOCUMENT) or b"")

    def active(self) -> str | None:
        """The region that services read."""
        return self.document().active

    def log_revisions(self) -> list[int]:
        prefix = KEYS.document_log("failover", "checkout")
        return [
            int(key.removeprefix(prefix))
            for key in sorted(self.server.data.entries)
            if key.startswith(prefix)
        ]


def act(reason: str = "INC-1 test", *, key: str | None = None) -> Act:
    return Act(by="alice", reason=reason, trace_id="f" * 32, idempotency_key=key)


def move(target: str, **more) -> MoveRequest:
    request = MoveRequest(act=act(), group="checkout", target=target)
    return replace(request, **more)


def pause(world: World, seconds: float, scope: str = "fleet", name: str | None = None) -> PauseRequest:
    return PauseRequest(
        act=act(), scope=scope, name=name, until=world.clock.now() + timedelta(seconds=seconds)
    )


def resume(scope: str = "fleet", name: str | None = None) -> ResumeRequest:
    return ResumeRequest(act=act(), scope=scope, name=name)


def tenure(replica: Replica) -> Tenure:
    """The leadership that a replica holds."""
    assert replica.leadership.tenure is not None
    return replica.leadership.tenure
