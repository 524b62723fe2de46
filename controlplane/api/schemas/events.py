"""Owns the form of events: what stands in the data of each, by kind."""

from typing import Any

from controlplane.api.schemas.base import Answer
from controlplane.application.events import EventKind


class EventAnswer(Answer):
    """The data of one event: something is now otherwise than it was.

    | kind | name | `now` |
    |---|---|---|
    | `document` | `failover/<group>`, `switches/<service>` | kind, name, revision, change (id, kind, by, …) |
    | `confirmation` | as `document` | kind, name, revision, instances, confirmed, counts by class |
    | `group` | the group | state, code, reason, active, flags, regions {verdict, ready} |
    | `health` | `<service>/<region>` | service, region, up, degraded, down, unknown, maintenance |
    | `health` | an instance that fails | instance, failing, vantages; at most 50 per prober are named |
    | `vantage` | `<vantage>/<prober>` | vantage, prober, votes, reason |
    | `restraint` | `fleet`, `group/<group>`, `region/<region>` | scope, name, until, by, reason |
    | `leader` | empty | holder, term, api, ours |
    | `dependency` | `consul`, `postgresql` | answers |
    | `registry` | empty | revision of the definitions |
    | `alarm` | empty | alarms, freezes, unsettled: sentences |
    | `reset` | empty | nothing: events may be missing before this one, look anew at everything |
    """

    kind: EventKind
    """What it is about; also the `event` of the message."""
    name: str
    """Which one of its kind."""
    now: dict[str, Any]
    """How it is now; empty: it is no more. Fields may be added, none is renamed."""
    at: str
    """When this replica noticed; RFC 3339."""


class BeatAnswer(Answer):
    """The data of a message `beat`: nothing is wrong with the stream, and nothing is missing up to here."""

    as_of: str
    """The time of the control plane; RFC 3339."""
