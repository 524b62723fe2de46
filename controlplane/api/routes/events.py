"""Owns the address of events: one stream per reader, until the reader, its log-in or the process ends."""

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse

from controlplane.api.access import Viewer, may_still_look
from controlplane.api.context import ClockGiven, DoorsGiven
from controlplane.api.problems import ProblemError, described
from controlplane.api.schemas.events import BeatAnswer, EventAnswer
from controlplane.api.versioned import versioned
from controlplane.application.events import Event, EventKind, EventReader, TooManyReaders
from controlplane.application.ports import Clock
from controlplane.contract.times import rfc3339

BEAT_SECONDS = 10.0
"""Below the patience of any proxy, and of readers that watch for silence."""
RETRY_MS = 1_000
"""For readers that have no pace of their own."""
ID_CHARACTERS_MAX = 100
ENCODED_EVENTS_MAX = 256
"""Readers are at most a few batches apart."""

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_DATA = {
    "contentMediaType": "application/json",
    "contentSchema": {"$ref": "#/components/schemas/EventAnswer"},
}
_FIELDS = {"event": {"type": "string"}, "id": {"type": "string"}, "data": {"type": "string", **_DATA}}
_FORM = {
    "description": "Messages, for as long as both sides like.",
    "content": {"text/event-stream": {"itemSchema": {"type": "object", "properties": _FIELDS}}},
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


class EventStream(StreamingResponse):
    """A stream whose pieces hold as many messages as there are.

    The framework's own `EventSourceResponse` sends each by itself, through two queues, and a flip is followed
    by a dozen of them for each of 200 readers.
    """

    media_type = "text/event-stream"


@router.get("", response_class=EventStream, responses={200: _FORM, **described(503)})
async def events(
    request: Request, clock: ClockGiven, reader: Annotated[EventReader, Depends(_reader)]
) -> EventStream:
    """What changes, as it happens, as this replica sees it: server-sent events.

    The data of each is an `EventAnswer`. An id is known to the replica that gave it, while it runs, for its
    latest 2,048 events. Where that place is lost, the first event is `reset`: look anew, then follow. Whoever
    falls behind hears `reset`, too, and the stream ends. Every 10 s there is a `beat`: longer silence is a
    broken line.
    """
    return EventStream(_messages(request, clock, reader), headers=_HEADERS)


async def _messages(request: Request, clock: Clock, reader: EventReader) -> AsyncIterator[bytes]:
    yield format_sse_event(id=reader.last_id, retry=RETRY_MS, comment=f"as of {rfc3339(clock.now())}")
    beat_at = clock.monotonic() + BEAT_SECONDS
    while not reader.ended:
        news = await reader.read(beat_at - clock.monotonic())
        if news:
            yield b"".join(map(_encoded, news))
        if clock.monotonic() >= beat_at:
            if not may_still_look(request):
                return
            yield _beat(reader, clock)
            beat_at = clock.monotonic() + BEAT_SECONDS


@lru_cache(maxsize=ENCODED_EVENTS_MAX)
def _encoded(event: Event) -> bytes:
    """An event as it is sent; encoded once for all who read it."""
    data = EventAnswer(kind=event.kind, name=event.name, now=dict(event.data), at=event.at)
    return format_sse_event(id=event.id, event=event.kind, data_str=data.model_dump_json())


def _beat(reader: EventReader, clock: Clock) -> bytes:
    data = BeatAnswer(as_of=rfc3339(clock.now()))
    return format_sse_event(id=reader.last_id, event="beat", data_str=data.model_dump_json())
