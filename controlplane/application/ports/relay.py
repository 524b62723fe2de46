"""Owns the socket to other replicas: a person's request is handed on once, to the one that leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

FORWARDED_HEADER = "Controlplane-Forwarded"
"""Every request that is handed on carries it, so that none is handed on twice."""


@dataclass(frozen=True, slots=True)
class RelayedRequest:
    """What a person sent, as the other replica is to get it."""

    method: str
    path: str
    """With the query, beginning with a slash."""
    headers: Mapping[str, str]
    """Those that say who is asking for what; names in lower case."""
    body: bytes
    trace_id: str
    """It stays the same trace there."""


@dataclass(frozen=True, slots=True)
class RelayedAnswer:
    """What the other replica answered, whatever it was."""

    status_code: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Relay(Protocol):
    """The way to another replica; nothing that is sent on it is ever sent twice."""

    async def ask(self, address: str, request: RelayedRequest) -> RelayedAnswer:
        """Hand a request on to the replica at this address.

        Raises:
            RelayNotSent: it is not reachable; nothing was done there.
            RelayUnanswered: it was sent and no answer came in time; what it asks for may still be done.
        """
