"""Owns the address of events: one stream per reader, until the reader, its log-in or the process ends.

The stream itself, its comments against idle proxies included, is the framework's (`fastapi.sse`).
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controlplane.api.access import Viewer, may_still_look
from controlplane.api.context import ClockGiven, DoorsGiven
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.events import BeatAnswer, EventAnswer
from controlplane.api.versioned import versioned
from controlplane.application.events import Event, EventKind, EventReader, TooManyReaders
from controlplane.application.ports import Clock
from controlplane.contract.times import rfc3339

BEAT_SECONDS = 10.0
"""Below the 15 s after which the framework sends a comment, so that readers hear of time itself."""
RETRY_MS = 1_000
"""For readers that have no pace of their own."""
ID_CHARACTERS_MAX = 100

_DATA = {
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": "#/components/schemas/EventAnswer"},
}
_FORM = {
    "description": "Messages, for as long as both sides like.",
    "content": {"text/event-stream": {"itemSchema": {"properties": {"data": _DATA}}}},
}

router = versioned("events", "/events")

After = Annotated[str | None, Query(max_length=ID_CHARACTERS_MAX, description="Instead of `Last-Event-ID`.")]
LastEventId = Annotated[
    str | None, Header(max_length=ID_CHARACTERS_MAX, description="Go on after this event.")
]
Kinds = Annotated[list[EventKind] | None, Query(description="Only these kinds, and `reset`.")]


async def _reader(
    doors: DoorsGiven, _: Viewer, after: After = None, last_event_id: LastEventId = None, kinds: Kinds = None
) -> AsyncIterator[EventReader]:
    try:
        reader = doors.events.open(last_event_id or after, kinds or ())
    except TooManyReaders as error:
        raise ProblemError(503, "too_many_readers", f"{error}; ask again later.") from error
    with reader:
        yield reader


@router.get("", response_class=EventSourceResponse, responses={200: _FORM, **described(503)})
async def events(
    request: Request, clock: ClockGiven, reader: Annotated[EventReader, Depends(_reader)]
) -> AsyncIterator[ServerSentEvent]:
    """What changes, as it happens, as this replica sees it: server-sent events.

    The data of each is an `EventAnswer`. An id is known to the replica that gave it, while it runs, for its
    latest 2,048 events. Where that place is lost, the first event is `reset`: look anew, then follow. Whoever
    falls behind hears `reset`, too, and the stream ends. Every 10 s there is a `beat`: longer silence is a
    broken line.
    """
    yield ServerSentEvent(id=reader.last_id, retry=RETRY_MS, comment=f"as of {rfc3339(clock.now())}")
    beat_at = clock.monotonic() + BEAT_SECONDS
    while not reader.ended:
        for event in await reader.read(beat_at - clock.monotonic()):
            yield _message(event)
        if clock.monotonic() >= beat_at:
            if not may_still_look(request):
                return
            yield _beat(reader, clock)
            beat_at = clock.monotonic() + BEAT_SECONDS


def _message(event: Event) -> ServerSentEvent:
    data = EventAnswer(kind=event.kind, name=event.name, now=dict(event.data), at=event.at)
    return ServerSentEvent(id=event.id, event=event.kind, data=data)


def _beat(reader: EventReader, clock: Clock) -> ServerSentEvent:
    return ServerSentEvent(id=reader.last_id, event="beat", data=BeatAnswer(as_of=rfc3339(clock.now())))
