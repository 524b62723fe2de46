"""Owns following the stream of events: taken up where it broke off, with growing patience, without an end."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from controlplane.application.backoff import Backoff
from controlplane.cli.api_client import ApiClient, LineBroken
from controlplane.cli.failures import Refused
from controlplane.cli.output import complain

SILENCE_SECONDS_MAX = 30.0
"""The control plane says something every 10 s."""
RETRY_BASE_SECONDS = 0.5
RETRY_CAP_SECONDS = 10.0
_TOO_MANY = "too_many_readers"

Event = dict[str, Any]


def follow(api: ApiClient, kinds: Sequence[str]) -> Iterator[Event]:
    """Events, without an end; what breaks the stream is complained about and survived.

    Raises:
        CommandFailed: the control plane could not be reached at all, or does not admit us.
    """
    backoff = Backoff(RETRY_BASE_SECONDS, RETRY_CAP_SECONDS)
    place: str | None = None
    while True:
        try:
            with api.lines("/events", SILENCE_SECONDS_MAX, kinds=kinds, after=place) as lines:
                for identifier, event in messages(lines):
                    place = identifier or place or ""
                    backoff.reset()
                    if event:
                        yield event
            why = "the control plane ended the stream"
        except LineBroken as error:
            if place is None:
                raise
            why = str(error)
        except Refused as error:
            if error.code != _TOO_MANY:
                raise
            why = str(error)
        complain(f"{why}; trying again")
        time.sleep(backoff.next_seconds())


def messages(lines: Iterable[str]) -> Iterator[tuple[str | None, Event | None]]:
    """The messages in the lines of a stream, each with its id; None for an event of no news."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        is_news = fields.get("event") not in {None, "beat"}
        yield fields.get("id"), json.loads(fields["data"]) if is_news else None
        fields = {}
