"""What `controlplane events` prints, and what it survives."""

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from controlplane.application.events import EventHub, EventKind, EventReader, TooManyReaders
from controlplane.cli.event_lines import event_line
from controlplane.cli.event_stream import messages
from tests.cli.conftest import Command
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors

SOON_SECONDS = 0.05
STEADY = {"state": "steady", "active": "us-east", "flags": ["frozen"], "reason": "us-east up", "regions": {}}
CHANGE = {"id": "1", "kind": "flip", "by": "alice", "reason": "INC-1", "at": ""}
COUNTS = {"service": "checkout", "region": "us-east", "up": 4, "degraded": 0, "down": 1}

News = tuple[EventKind, str, Mapping[str, Any]]


class TalkingHub(EventHub):
    """Tells each reader that comes the next of its news, a moment later; then it may end them all."""

    news: list[list[News]]
    places: list[str | None]
    ends: bool = False
    full: bool = False

    def open(self, after: str | None, kinds: Collection[EventKind]) -> EventReader:
        self.places.append(after)
        if self.full:
            self.full = False
            raise TooManyReaders("too many readers")
        reader = super().open(after, kinds)
        asyncio.get_running_loop().call_later(SOON_SECONDS, self._tell, self.news.pop(0))
        return reader

    def _tell(self, news: list[News]) -> None:
        for one in news:
            self.publish(*one)
        if self.ends:
            asyncio.get_running_loop().call_later(SOON_SECONDS, self.close)
            asyncio.get_running_loop().call_later(2 * SOON_SECONDS, self._reopen)

    def _reopen(self) -> None:
        self.closed = False


@pytest.fixture
def hub(fakes: FakeDoors) -> TalkingHub:
    hub = TalkingHub("01HTALK", FakeClock())
    hub.news, hub.places = [], []
    fakes.events = hub
    return hub


def test_events_are_told_one_by_one(hub: TalkingHub, controlplane: Command):
    """When, what it is about, and how that is now; the command ends after as many as were asked for."""
    hub.news = [[(EventKind.GROUP, "checkout", STEADY), (EventKind.LEADER, "", {"holder": None})]]

    ended = controlplane("events", "--limit", "2")

    assert ended.code == 0
    assert [line.split("  ", 1)[1] for line in ended.out.splitlines() if not line.startswith(" ")] == [
        "group checkout: steady in us-east, frozen: us-east up",
        "leader: nobody",
    ]


def test_programs_read_one_object_per_line(hub: TalkingHub, controlplane: Command):
    """With `--json`, and only of the kinds that were asked for."""
    hub.news = [[(EventKind.GROUP, "checkout", STEADY), (EventKind.REGISTRY, "", {"revision": 7})]]

    ended = controlplane("events", "--json", "--kinds", "registry", "--kinds", "alarm", "--limit", "1")

    (line,) = ended.out.splitlines()
    event = json.loads(line)
    assert (event["kind"], event["now"]) == ("registry", {"revision": 7})


def test_a_kind_that_is_none_is_refused(hub: TalkingHub, controlplane: Command):
    """At once, with what is allowed."""
    ended = controlplane("events", "--kinds", "gossip")

    assert ended.code == 1
    assert "kinds" in ended.err


def test_nobody_there_is_told_at_once(command: Command, monkeypatch: pytest.MonkeyPatch):
    """A wrong address is not tried for ever."""
    monkeypatch.setenv("CONTROLPLANE_URL", "http://127.0.0.1:1")
    ended = command("events")

    assert (ended.code, "does not answer" in ended.err) == (1, True)


def test_a_broken_stream_is_taken_up_where_it_was(hub: TalkingHub, controlplane: Command):
    """The stream ends: the command says so, comes back and misses nothing."""
    hub.ends = True
    hub.news = [[(EventKind.REGISTRY, "", {"revision": 1})], [(EventKind.REGISTRY, "", {"revision": 2})]]

    ended = controlplane("events", "--limit", "2")

    assert (ended.code, "trying again" in ended.err) == (0, True)
    assert hub.places == [None, "01HTALK-1"]
    assert "revision 2" in ended.out


def test_a_full_house_is_waited_for(hub: TalkingHub, controlplane: Command):
    """Where as many are served as may be, the command says so and asks again."""
    hub.news, hub.full = [[(EventKind.REGISTRY, "", {"revision": 7})]], True

    ended = controlplane("events", "--limit", "1")

    assert (ended.code, "revision 7" in ended.out) == (0, True)
    assert "too many readers; ask again later" in ended.err


@pytest.mark.parametrize(
    ("kind", "name", "now", "told"),
    [
        ("document", "switches/a", {"revision": 4, "change": CHANGE}, "revision 4, flip by alice: INC-1"),
        (
            "confirmation",
            "switches/a",
            {"revision": 4, "instances": 5, "confirmed": 3, "counts": {"confirmed": 3, "nack": 2}},
            "revision 4, 3 of 5 confirmed, 2 nack",
        ),
        (
            "confirmation",
            "switches/a",
            {"revision": 4, "instances": 5, "confirmed": 5, "counts": {"confirmed": 5}},
            "revision 4, 5 of 5 confirmed",
        ),
        ("health", "checkout/us-east", COUNTS, "4 up, 1 down"),
        ("health", "checkout/us-east", {**COUNTS, "up": 0, "down": 0}, "nothing is known"),
        ("health", "us-1", {"failing": True, "vantages": ["eu-1"]}, "fails, seen from eu-1"),
        ("health", "us-1", {}, "no longer fails, or is no more"),
        ("vantage", "us-1/p", {"votes": True, "reason": "votes"}, "votes"),
        ("vantage", "us-1/p", {"votes": False, "reason": "silent"}, "abstains: silent"),
        ("restraint", "fleet", {"until": "9", "by": "bo", "reason": "x"}, "until 9 by bo: x"),
        ("restraint", "fleet", {}, "is lifted"),
        ("leader", "", {"holder": "cp-1", "term": 3}, "cp-1 in term 3"),
        ("dependency", "consul", {"answers": False}, "DOES NOT ANSWER"),
        ("dependency", "consul", {"answers": True}, "answers"),
        ("alarm", "", {"alarms": ["a"], "freezes": ["b"], "unsettled": []}, "a; b"),
        ("alarm", "", {"alarms": [], "freezes": [], "unsettled": []}, "nothing is alarming any more"),
        ("group", "a", {}, "is no more"),
        ("group", "a", {**STEADY, "active": None, "flags": []}, "steady in no region: us-east up"),
        ("weather", "here", {"wind": 3}, "wind 3"),
    ],
)
def test_every_kind_reads_as_a_sentence(kind: str, name: str, now: dict[str, Any], told: str):
    """Also kinds of tomorrow, and what is no more."""
    line = event_line({"kind": kind, "name": name, "now": now, "at": "09:31"})

    assert line == f"09:31  {f'{kind} {name}'.rstrip()}: {told}"


def test_a_gap_is_told_as_such():
    """Nobody takes the lines for complete where they are not."""
    assert "may be missing" in event_line({"kind": "reset", "name": "", "now": {}, "at": "09:31"})


def test_comments_and_beats_are_no_events():
    """They keep the place, and are not shown."""
    lines = [": as of", "id: a-1", "retry: 1000", "", "event: beat", "data: {}", "id: a-2", "", ": ping", ""]

    assert list(messages(lines)) == [("a-1", None), ("a-2", None), (None, None)]
