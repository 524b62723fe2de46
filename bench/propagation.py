"""From commit to reader: a publication and a reader's blocking query, beside a bare PUT and the same query.

The clock runs from before the write is sent until a reader that waits on the key has its answer. Both cases
alternate in one run, on one Consul, with documents of the same size.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import httpx

from bench._consul import private_consul
from bench._harness import Row, options, present, quantile
from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint, Deadlines
from controlplane.application.founding import found
from controlplane.application.ports import CheckIndex, Committed, CompareAndSet, Store
from controlplane.application.publication import Guard, Publication, operations
from controlplane.contract.documents import (
    Change,
    ChangeKind,
    DocumentKind,
    FailoverDocument,
    FailoverState,
    canonical,
)
from controlplane.contract.keys import Keys
from controlplane.contract.log_entries import LogEntry, digest

RUNS = 5
SAMPLES = 400
"""Of each case, in each run."""
PARK_SECONDS = 0.003
"""From asking to writing: a blocking query is waiting at Consul by then."""
WAIT = "30s"
TIMEOUT_SECONDS = 40
GROUP = "checkout"
IDENTITY = "01JBENCH"
EXPLANATION = {"evidence": [f"vantage-{number}: down, 0 of 15 up, since 5.2 s" for number in range(20)]}
P99_RATIO_MAX = 2.0

CASES = ("publication", "bare PUT")


class Way(Protocol):
    """A way of writing a document that a reader waits on."""

    @property
    def key(self) -> str:
        """What the reader waits on."""

    async def publish(self) -> None:
        """Write the next revision."""


@dataclass(slots=True)
class Publishing:
    """Publishes one failover document again and again, as the leader does for an automatic move."""

    store: Store
    keys: Keys = field(default_factory=Keys)
    revision: int = 0
    document_index: int = 0
    budget_index: int = 0
    guards: tuple[Guard, ...] = ()

    @property
    def key(self) -> str:
        """What the reader waits on."""
        return self.keys.document(DocumentKind.FAILOVER, GROUP)

    async def found(self) -> None:
        """Make the store a store, and learn the indexes that every publication checks."""
        await found(self.store, self.keys, identity=IDENTITY, pause=b"{}", budget=b"{}")
        checked = (self.keys.term, self.keys.pause, self.keys.registry)
        checks = [CheckIndex(key, await self._index(key)) for key in checked]
        self.guards = tuple(Guard(check, "moved", f"{check.key} moved") for check in checks)
        self.budget_index = await self._index(self.keys.budget)

    async def publish(self) -> None:
        """Commit the next revision."""
        publication = self._next()
        outcome = await self.store.transact(operations(publication, self.keys, IDENTITY))
        assert isinstance(outcome, Committed), outcome
        self.revision, self.document_index, self.budget_index = (
            publication.revision,
            outcome.index,
            outcome.index,
        )

    def _next(self) -> Publication:
        content = document(self.revision + 1)
        raw = content.to_bytes()
        budget = canonical({"moves": [{"group": GROUP, "revision": content.revision}]})
        spend = Guard(CompareAndSet(self.keys.budget, budget, self.budget_index), "budget", "budget moved")
        return Publication(
            kind=DocumentKind.FAILOVER,
            name=GROUP,
            revision=content.revision,
            document=raw,
            document_index=self.document_index,
            change_id=content.change.id,
            log_entry=log_entry(content, raw),
            scalars=((self.keys.failover_value(GROUP), (content.active or "").encode()),),
            guards=(*self.guards, spend),
        )

    async def _index(self, key: str) -> int:
        entry = await self.store.get(key, consistent=True)
        assert entry is not None, key
        return entry.modify_index


@dataclass(slots=True)
class BarePut:
    """Writes documents of the same size by plain PUT, checking nothing."""

    http: httpx.AsyncClient
    key: str = "bench/bare"
    revision: int = 0

    async def publish(self) -> None:
        """Write the next revision."""
        self.revision += 1
        answer = await self.http.put(f"/v1/kv/{self.key}", content=document(self.revision).to_bytes())
        answer.raise_for_status()


def document(revision: int) -> FailoverDocument:
    """A document as an automatic move publishes it; the active region alternates."""
    active, previous = ("eu-west", "us-east") if revision % 2 else ("us-east", "eu-west")
    return FailoverDocument(
        group=GROUP,
        revision=revision,
        term=1,
        state=FailoverState.ACTIVE,
        home="dc1",
        active=active,
        weights={active: 100, previous: 0},
        previous=previous,
        change=Change(
            id=f"{revision:026}",
            kind=ChangeKind.AUTOMATIC,
            by="controlplane",
            reason=f"{previous} down from 3 of 3 vantages for 5.2 s",
            at="2026-01-12T09:31:07.412Z",
        ),
    )


def log_entry(content: FailoverDocument, raw: bytes) -> bytes:
    """The log entry that rides in the same transaction."""
    return LogEntry(
        kind=DocumentKind.FAILOVER,
        name=GROUP,
        revision=content.revision,
        term=content.term,
        change=content.change,
        before={"active": content.previous},
        after={"active": content.active},
        explanation=EXPLANATION,
        sha256=digest(raw),
        trace_id=None,
    ).to_bytes()


async def wake(reader: httpx.AsyncClient, way: Way, index: int) -> tuple[float, int]:
    """Milliseconds from before the write until a waiting reader has it, and the index to wait on next."""
    async with asyncio.TaskGroup() as tasks:
        answer = tasks.create_task(read(reader, way.key, index))
        await asyncio.sleep(PARK_SECONDS)
        assert not answer.done(), "the reader did not wait"
        started = time.perf_counter()
        tasks.create_task(way.publish())
        woken = await answer
        elapsed = time.perf_counter() - started
    return elapsed * 1000, woken


async def read(reader: httpx.AsyncClient, key: str, index: int) -> int:
    """Read a key as a service does, waiting for a change after `index`; answers the next one."""
    asked = {"index": str(index), "wait": WAIT} if index else {}
    answer = await reader.get(f"/v1/kv/{key}", params=asked)
    answer.raise_for_status()
    return int(answer.headers["X-Consul-Index"])


async def one_run(address: str) -> dict[str, list[float]]:
    """Milliseconds of each sample, by case."""
    url = f"http://{address}"
    endpoint, deadlines = ConsulEndpoint(address=address), Deadlines(write_seconds=TIMEOUT_SECONDS)
    async with (
        httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as writer,
        httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as reader,
        aclosing(ConsulStore(endpoint, clock=SystemClock(), deadlines=deadlines)) as store,
    ):
        publishing = Publishing(store)
        await publishing.found()
        return await alternate(reader, dict(zip(CASES, (publishing, BarePut(writer)), strict=True)))


async def alternate(reader: httpx.AsyncClient, ways: Mapping[str, Way]) -> dict[str, list[float]]:
    """Measure each way in turn; before that, each writes once, which opens the connections."""
    indexes = {}
    for case, way in ways.items():
        await way.publish()
        indexes[case] = await read(reader, way.key, 0)
    samples: dict[str, list[float]] = {case: [] for case in ways}
    for _ in range(SAMPLES):
        for case, way in ways.items():
            elapsed, indexes[case] = await wake(reader, way, indexes[case])
            samples[case].append(elapsed)
    return samples


def rows(runs: list[dict[str, list[float]]]) -> list[Row]:
    """The median over the runs of each run's p50, p99 and maximum."""
    table: list[Row] = []
    for figure, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        ours, bare = (median(quantile(run[case], share) for run in runs) for case in CASES)
        table += [
            row(f"publication, {figure}", ours, len(runs), ratio=ours / bare),
            row(f"bare PUT, {figure}", bare, len(runs)),
        ]
    return table


def row(case: str, value: float, runs: int, *, ratio: float | None = None) -> Row:
    """A figure of this bench; with a ratio, one that was measured beside the bare PUT."""
    peer = None if ratio is None else CASES[1]
    return Row(bench="propagation", case=case, value=value, unit="ms", peer=peer, ratio=ratio, runs=runs)


def main() -> None:
    """Measure, print, and say whether the target is met."""
    json_file = options("commit to reader: a publication beside a bare PUT")
    runs = []
    for _ in range(RUNS):
        with private_consul() as address:
            runs.append(asyncio.run(one_run(address)))
    table = rows(runs)
    present(table, json_file)
    (p99,) = (figure.ratio for figure in table if figure.case == "publication, p99")
    verdict = "met" if p99 is not None and p99 <= P99_RATIO_MAX else "MISSED"
    print(f"target, p99 at most {P99_RATIO_MAX:g} times that of a bare PUT: {verdict}")


if __name__ == "__main__":
    main()
