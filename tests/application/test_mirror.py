"""What a replica knows of the store goes on with the store, in whichever order answers arrive."""

import asyncio

import pytest

from controlplane.application.mirror import StoreMirror
from controlplane.application.ports import Listing
from tests.application.world import DOCUMENT, KEYS
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore, FakeStoreClient

pytestmark = pytest.mark.looptime

ANSWER_SECONDS = 0.2
LATE_SECONDS = 0.5


class SlowWay(FakeStoreClient):
    """Answers of the first list take longer than those that are asked for later."""

    late = True

    async def list(self, prefix: str, *, consistent: bool = False) -> Listing:
        seconds, self.late = LATE_SECONDS if self.late else ANSWER_SECONDS, False
        listing = await super().list(prefix, consistent=consistent)
        await asyncio.sleep(seconds)
        return listing


class SlowWatch(FakeStoreClient):
    """Every answer of a watch takes long: the next one does not mend at once what the first one broke."""

    async def watch(self, prefix: str, *, index: int, wait_seconds: float) -> Listing:
        listing = await super().watch(prefix, index=index, wait_seconds=wait_seconds)
        await asyncio.sleep(LATE_SECONDS)
        return listing


class OneKey(StoreMirror):
    """Reads the documents only."""

    def _informing(self) -> tuple[str, ...]:
        return (KEYS.documents("failover"),)


async def test_an_answer_that_was_overtaken_brings_nothing_old_back():
    """Of two reads under way together, the one that arrives last is not believed where it is older."""
    clock = FakeClock()
    server = FakeStore(clock=clock)
    mirror = OneKey(SlowWay(server, clock=clock), KEYS, clock)
    server.edit(DOCUMENT, b"one")
    slow = asyncio.create_task(mirror.refresh())
    await asyncio.sleep(0.1)
    server.edit(DOCUMENT, b"two")
    fast = await mirror.refresh()
    view = await slow

    assert fast.entries[DOCUMENT].value == view.entries[DOCUMENT].value == b"two"


async def test_a_watch_that_was_overtaken_brings_nothing_old_back():
    """What a watch answered before a later read is not believed when it arrives after it."""
    clock = FakeClock()
    server = FakeStore(clock=clock)
    mirror = OneKey(SlowWatch(server, clock=clock), KEYS, clock)
    server.edit(DOCUMENT, b"one")
    following = asyncio.create_task(mirror.run())
    await asyncio.sleep(0.1)
    server.edit(DOCUMENT, b"two")
    await mirror.refresh()
    await asyncio.sleep(LATE_SECONDS - 0.05)

    assert mirror.view().entries[DOCUMENT].value == b"two"
    following.cancel()


async def test_a_store_that_went_back_is_believed_by_the_next_read():
    """A read that began when the held one had arrived counts, though its index is lower."""
    clock = FakeClock()
    server = FakeStore(clock=clock)
    mirror = OneKey(SlowWay(server, clock=clock), KEYS, clock)
    server.edit(DOCUMENT, b"one")
    former = server.snapshot()
    server.edit(DOCUMENT, b"two")
    await mirror.refresh()
    server.restore(former)

    assert (await mirror.refresh()).entries[DOCUMENT].value == b"one"
