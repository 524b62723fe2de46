"""Owns who is looking at a page, and what they may do.

Only this machine may look: under a name of its own and without a proxy in between, so that neither a name
that was rebound to 127.0.0.1 nor a proxy on the same host opens the pages to others.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

_RANKS = {"viewer": 1, "operator": 2, "admin": 3}
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is looking."""

    name: str
    role: str
    """viewer, operator or admin."""
    csrf: str
    """What every form of theirs carries."""

    def may(self, role: str) -> bool:
        """Whether they have this role or a higher one."""
        return _RANKS[self.role] >= _RANKS[role]


class NotAdmitted(Exception):
    """Nobody is logged in."""


async def _visitor(request: Request) -> Visitor:
    if not _from_this_machine(request):
        raise NotAdmitted
    return Visitor(name="this machine", role="viewer", csrf="")


VisitorGiven = Annotated[Visitor, Depends(_visitor)]


def _from_this_machine(request: Request) -> bool:
    if any(header in request.headers for header in _PROXY_HEADERS):
        return False
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return False
    return name in _LOOPBACK_NAMES
