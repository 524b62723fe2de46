"""What readers of events are promised: nothing twice, nothing guessed, nobody waited for."""

import asyncio

import pytest

from controlplane.application.events import (
    BATCH_EVENTS_MAX,
    READERS_MAX,
    RING_EVENTS_MAX,
    EventHub,
    EventKind,
    EventReader,
    TooManyReaders,
)
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.looptime

WAIT_SECONDS = 5.0


@pytest.fixture
def hub() -> EventHub:
    return EventHub("01HOME", FakeClock())


def publish(hub: EventHub, *names: str, kind: EventKind = EventKind.GROUP) -> None:
    for name in names:
        hub.publish(kind, name, {"state": "steady"})


async def names(reader: EventReader) -> list[str]:
    return [event.name or event.kind for event in await reader.read(WAIT_SECONDS)]


async def test_a_reader_hears_what_comes_after_it_came(hub: EventHub):
    """What was before is seen by looking; what comes is heard in order, each with its own id."""
    publish(hub, "before")

    with hub.open(None, ()) as reader:
        publish(hub, "first", "second")
        events = await reader.read(WAIT_SECONDS)

    assert [(event.id, event.name) for event in events] == [("01HOME-2", "first"), ("01HOME-3", "second")]
    assert reader.last_id == "01HOME-3"


async def test_a_reader_waits_for_news_and_no_longer_than_it_likes(hub: EventHub):
    """News wakes it at once; without any it hears nothing when its time is over."""
    loop = asyncio.get_running_loop()
    with hub.open(None, ()) as reader:
        loop.call_later(2, publish, hub, "news")

        assert (await names(reader), loop.time()) == (["news"], 2)
        assert (await names(reader), loop.time()) == ([], 2 + WAIT_SECONDS)


async def test_a_reader_of_some_kinds_hears_no_others_and_keeps_its_place(hub: EventHub):
    """Kinds that were not asked for move its place, so that it returns to where it was."""
    with hub.open(None, {EventKind.GROUP}) as reader:
        publish(hub, "somebody", kind=EventKind.LEADER)
        assert await names(reader) == []
        publish(hub, "checkout")
        publish(hub, "somebody", kind=EventKind.LEADER)
        assert await names(reader) == ["checkout"]

    assert reader.last_id == "01HOME-3"


async def test_news_of_another_kind_wakes_without_a_word(hub: EventHub):
    """A reader that waits for other kinds goes on waiting as soon as its owner asks again."""
    with hub.open(None, {EventKind.GROUP}) as reader:
        asyncio.get_running_loop().call_later(1, publish, hub, "consul")
        asyncio.get_running_loop().call_later(0.5, lambda: hub.publish(EventKind.LEADER, "", {}))

        assert await names(reader) == []
        assert await names(reader) == ["consul"]


async def test_whoever_comes_back_is_served_what_it_missed(hub: EventHub):
    """From its own place on, exactly once."""
    publish(hub, "a", "b", "c")

    with hub.open("01HOME-1", ()) as reader:
        assert await names(reader) == ["b", "c"]
    with hub.open("01HOME-3", ()) as reader:
        assert await names(reader) == []


@pytest.mark.parametrize(
    "lost",
    ["01AWAY-1", "01HOME-4", "01HOME-", "01HOME-x", "01HOME-²", "nonsense", "", f"01HOME-{'9' * 5000}"],
)
async def test_a_place_that_cannot_be_told_is_reset(hub: EventHub, lost: str):
    """Another replica's id, one of the future, one that is none: look anew, then follow from now."""
    publish(hub, "a", "b", "c")

    with hub.open(lost, {EventKind.LEADER}) as reader:
        assert reader.last_id is None
        (reset,) = await reader.read(WAIT_SECONDS)
        assert (reset.kind, reset.id, reader.ended) == (EventKind.RESET, "01HOME-3", False)
        publish(hub, "d", kind=EventKind.LEADER)
        assert await names(reader) == ["d"]


async def test_what_is_older_than_the_ring_is_reset(hub: EventHub):
    """The ring is bounded; to its last event a place is honoured."""
    publish(hub, *(str(number) for number in range(RING_EVENTS_MAX + 1)))

    with hub.open("01HOME-1", ()) as reader:
        assert (await names(reader))[:2] == ["1", "2"]
    with hub.open("01HOME-0", ()) as reader:
        assert await names(reader) == ["reset"]


async def test_a_slow_reader_is_told_so_and_ends(hub: EventHub):
    """Nobody waits for it, and it is not left with a gap that it does not know of."""
    with hub.open(None, ()) as slow, hub.open(None, ()) as quick:
        publish(hub, "first")
        assert await names(slow) == await names(quick) == ["first"]
        for number in range(RING_EVENTS_MAX + 1):
            publish(hub, str(number))
            assert await names(quick) == [str(number)]

        assert (await names(slow), slow.ended, quick.ended) == (["reset"], True, False)
        assert slow.last_id == quick.last_id


async def test_much_is_served_in_pieces(hub: EventHub):
    """A reader holds a bounded number of events, however many wait."""
    with hub.open(None, ()) as reader:
        publish(hub, *(str(number) for number in range(BATCH_EVENTS_MAX + 1)))

        assert len(await names(reader)) == BATCH_EVENTS_MAX
        assert await names(reader) == [str(BATCH_EVENTS_MAX)]


async def test_after_a_time_without_watching_every_place_is_lost(hub: EventHub):
    """What nobody watched nobody can tell, the latest id of before included."""
    publish(hub, "a")
    hub.forget()

    with hub.open("01HOME-1", ()) as reader:
        assert await names(reader) == ["reset"]


async def test_the_end_of_the_process_ends_every_reader_at_once(hub: EventHub):
    """Whoever waits is woken; whoever comes later ends before it waits."""
    with hub.open(None, ()) as reader:
        asyncio.get_running_loop().call_later(1, hub.close)
        assert await names(reader) == []
        assert (reader.ended, asyncio.get_running_loop().time()) == (True, 1)
    with hub.open(None, ()) as late:
        assert (await names(late), late.ended, asyncio.get_running_loop().time()) == ([], True, 1)


async def test_readers_are_bounded_and_leave_their_place_to_others(hub: EventHub):
    """One more than served is refused by name of the limit; one that left makes room."""
    readers = [hub.open(None, ()) for _ in range(READERS_MAX)]
    with pytest.raises(TooManyReaders, match=str(READERS_MAX)):
        hub.open(None, ())

    with readers[0]:
        pass

    hub.open(None, ())
