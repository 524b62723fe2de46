"""What becomes of switches and their readers while all else is killed, edited or set back, told as facts."""

import asyncio
import subprocess
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from controlplane.client import Client
from controlplane.contract.documents import DocumentKind
from controlplane.contract.keys import Keys
from controlplane.contract.switches import SwitchDocument, SwitchState, parse_switches
from tests.fixtures.servers import ServerProcess
from tests.scenarios.consul_sight import ConsulSight
from tests.scenarios.plane import Plane
from tests.scenarios.waiting import eventually, now

SERVICE = "checkout"
FLEET = """
apiVersion: controlplane/v1
regions: [{name: us-east}]
services:
  - name: checkout
    switches:
      - {name: recs, type: bool, normal: true, degraded: false}
      - {name: depth, type: int, normal: 3, degraded: 1}
"""
READERS = 10
POLL_SECONDS = 0.02


class CountingTransport(httpx.AsyncHTTPTransport):
    """Notes when each request is sent."""

    def __init__(self) -> None:
        super().__init__(limits=httpx.Limits(max_connections=None))
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times.append(now())
        return await super().handle_async_request(request)


@dataclass(slots=True)
class Reader:
    """A service's client, and everything that it ever served."""

    client: Client
    transport: CountingTransport
    served: list[tuple[float, bool, int]] = field(default_factory=list)
    """When, what `recs` was worth from then on, and at which revision; one entry for each difference."""

    @property
    def recommends(self) -> bool:
        """What `recs` is worth now; True is the code's default, too."""
        return self.client.enabled("recs", default=True)

    @property
    def revision(self) -> int:
        """Of the switches that are in force."""
        return self.client.revision(f"switches.{SERVICE}")

    def busiest_second(self) -> int:
        """The most requests that it sent within any second."""
        times = self.transport.times
        return max(bisect_left(times, time + 1) - place for place, time in enumerate(times))

    async def watch(self) -> None:
        """Note what it serves, for ever, as often as a busy service would ask."""
        while True:
            serves = (self.recommends, self.revision)
            if not self.served or self.served[-1][1:] != serves:
                self.served.append((now(), *serves))
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def reading(address: str, prefix: str, folder: Path) -> AsyncIterator[Sequence[Reader]]:
    """Ten readers, each with a folder of its own."""
    readers = []
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number in range(READERS):
            transport = CountingTransport()
            client = Client(
                service=SERVICE,
                address=address,
                prefix=prefix,
                directory=folder / str(number),
                transport=lambda transport=transport: transport,  # type: ignore[misc]
            )
            readers.append(Reader(await stack.enter_async_context(client), transport))
        watching = [tasks.create_task(reader.watch()) for reader in readers]
        try:
            yield readers
        finally:
            for task in watching:
                task.cancel()


async def all_serve(readers: Sequence[Reader], *, recommends: bool, revision: int = 0) -> None:
    """Wait until every reader is seen to serve this, at this revision or a later one."""

    async def last_served() -> list[tuple[float, bool, int]]:
        return [entry for reader in readers for entry in reader.served[-1:]]

    def agreed(found: Sequence[tuple[float, bool, int]]) -> bool:
        return len(found) == len(readers) and all(
            value is recommends and at_revision >= revision for _, value, at_revision in found
        )

    await eventually(last_served, agreed)


async def held(sight: ConsulSight) -> SwitchDocument:
    """The switches as they stand in Consul; refused as an answer that may come, where there are none."""
    key = sight.keys.document(DocumentKind.SWITCHES, SERVICE)
    raw = (await sight.entries(key)).get(key)
    if raw is None:
        raise httpx.ReadError("there is no document")
    return parse_switches(raw)


# ── everything is killed before an expiry ──


@dataclass(frozen=True, slots=True)
class Expired:
    """A degradation that ended while there was nobody to end it."""

    back_after_seconds: Sequence[float]
    """Of each reader, from the answer to the flip until it served the normal value again."""
    return_to_write_back_seconds: float
    """From the moment when `serve` said that it is up until Consul held the end of it."""
    start_to_write_back_seconds: float
    """The same from the moment when PostgreSQL and `serve` were started."""
    written: SwitchDocument


async def expire_without_anybody(
    plane: Plane, postgres: ServerProcess[Any], readers: Sequence[Reader], *, after: int, killed_after: float
) -> Expired:
    """Degrade for so long, kill -9 control plane and PostgreSQL meanwhile, and start them after the end."""
    sight = _sight(plane)
    body = {"reason": "a test", "for": f"{after}s"}
    answer = await plane.flip(SERVICE, "recs", "degrade", expected=None, **body)
    flipped = now()
    assert answer.outcome == "done", answer
    await all_serve(readers, recommends=False)
    await asyncio.sleep(flipped + killed_after - now())
    await plane.kill()
    postgres.kill()
    await all_serve(readers, recommends=True)
    back = [reader.served[-1][0] - flipped for reader in readers]
    started = now()
    await postgres.start()
    await plane.start()
    returned = now()
    written = await eventually(lambda: held(sight), lambda document: document.change.kind == "expiry")
    end = now()
    return Expired(back, end - returned, end - started, written)


# ── an older snapshot comes back ──


@dataclass(frozen=True, slots=True)
class Restored:
    """An older state of Consul, and what became of it."""

    lost_revision: int
    """The highest one before the snapshot was restored, which has none of it."""
    restore_to_newest_seconds: float
    """Until the last reader served what was published again."""
    document: SwitchDocument
    """What Consul held then."""
    losses: Sequence[str]
    """Readers that served something older than before, however shortly."""


async def restore_older_snapshot(plane: Plane, readers: Sequence[Reader]) -> Restored:
    """Save Consul, degrade both switches, restore what was saved, and wait for all readers."""
    sight = _sight(plane)
    async with httpx.AsyncClient(base_url=f"http://{plane.runtime.consul}/v1", timeout=30) as consul:
        snapshot = (await consul.get("/snapshot")).content
        await flip_both(plane, "degrade")
        lost = (await held(sight)).revision
        await all_serve(readers, recommends=False, revision=lost)
        served = [len(reader.served) for reader in readers]
        (await consul.put("/snapshot", content=snapshot)).raise_for_status()
    restored = now()
    await all_serve(readers, recommends=False, revision=lost + 1)
    took, document = now() - restored, await held(sight)
    losses = [
        f"{reader.served[since - 1 :]}"
        for reader, since in zip(readers, served, strict=True)
        if _lost_something(reader.served[since - 1 :])
    ]
    return Restored(lost, took, document, losses)


def _lost_something(served: Sequence[tuple[float, bool, int]]) -> bool:
    """Whether what was degraded was not, or an older revision came after a newer one."""
    revisions = [revision for _, _, revision in served]
    return any(recommends for _, recommends, _ in served) or revisions != sorted(revisions)


async def flip_both(plane: Plane, verb: str) -> None:
    """Degrade or restore both switches, one after the other."""
    for switch in ("depth", "recs"):
        answer = await plane.flip(SERVICE, switch, verb, reason="a test")
        assert answer.outcome == "done", answer


# ── a hand in Consul ──


async def notice_a_hand(plane: Plane, consul_binary: Path) -> float:
    """`consul kv put` another document; seconds until the API shows that. The former one is put back."""
    consul = plane.runtime.consul
    document = await held(_sight(plane))
    hand = replace(document.switches["recs"], state=SwitchState.DEGRADED, value=False)
    edited = replace(document, revision=document.revision + 5, switches={**document.switches, "recs": hand})
    await eventually(lambda: plane.switches(SERVICE), lambda shown: shown["drift"] is None)
    began = now()
    await put_by_hand(consul_binary, consul, plane.prefix, edited)
    await eventually(lambda: plane.switches(SERVICE), lambda shown: shown["drift"] is not None)
    noticed = now()
    await put_by_hand(consul_binary, consul, plane.prefix, document)
    return noticed - began


async def put_by_hand(binary: Path, address: str, prefix: str, document: SwitchDocument) -> None:
    """Write a document past the control plane, as a person at a terminal does."""
    key = Keys(prefix).document(DocumentKind.SWITCHES, SERVICE)
    command = [binary, "kv", "put", f"-http-addr={address}", key, document.to_bytes().decode()]
    await asyncio.to_thread(partial(subprocess.run, command, check=True, capture_output=True))


# ── many hands at the API ──


@dataclass(frozen=True, slots=True)
class Race:
    """Many writers who all insist on the revision that they saw."""

    start: int
    end: int
    won: int
    lost: Sequence[str]
    """What each loser was told."""
    other: Sequence[str]
    """Every other outcome; there is none."""


async def race(planes: Sequence[Plane], *, writers: int, rounds: int) -> Race:
    """So many writers at once, each with `If-Match` on what it has just read, each time to another share."""

    async def write(number: int) -> list[tuple[int, str]]:
        plane = planes[number % len(planes)]
        answers = []
        for round_ in range(rounds):
            revision = (await plane.switches(SERVICE))["revision"]
            share = {"percent": number + round_ * writers}
            answer = await plane.flip(
                SERVICE, "recs", "degrade", reason=f"writer {number}", expected=revision, **share
            )
            answers.append((answer.status, str(answer.body.get("detail") or answer.outcome)))
        return answers

    start = (await held(_sight(planes[0]))).revision
    told = [one for answers in await asyncio.gather(*map(write, range(1, writers + 1))) for one in answers]
    end = (await held(_sight(planes[0]))).revision
    return Race(
        start,
        end,
        sum(status == httpx.codes.OK for status, _ in told),
        [text for status, text in told if status == httpx.codes.PRECONDITION_FAILED],
        [
            f"{status}: {text}"
            for status, text in told
            if status not in (httpx.codes.OK, httpx.codes.PRECONDITION_FAILED)
        ],
    )


def _sight(plane: Plane) -> ConsulSight:
    return ConsulSight(plane.runtime.consul, plane.prefix)
