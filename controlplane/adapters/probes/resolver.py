"""Owns names: an instance's address to the numeric addresses to connect to, and whose fault a failure is.

The system's resolver runs in threads that cannot be interrupted. So one look-up per name is in flight at a
time, shared by all probes that wait for it, and their number is bounded: past it, the fault is ours.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from controlplane.adapters.probes.faults import ProbeFailed
from controlplane.application.ports import Clock
from controlplane.domain.outcome import Reason

RESOLVED_SECONDS_MAX = 5.0
"""How long a resolved name is used again: a name that moved is followed within this."""
LOOKUPS_IN_FLIGHT_MAX = 64
NAMES_KEPT_MAX = 4096
ADDRESSES_MAX = 4
"""Of a name with more addresses, the first ones are tried."""

_NOT_A_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})

Ask = Callable[[str], Coroutine[None, None, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class _Resolved:
    addresses: tuple[str, ...]
    at: float


class Resolver:
    """Resolves names by the system's resolver, for all probes of one process."""

    def __init__(self, *, clock: Clock, ask: Ask | None = None) -> None:
        """`ask` answers with all addresses of a name, or raises `socket.gaierror`; by default the system."""
        self._clock = clock
        self._ask = ask or _ask_system
        self._resolved: dict[str, _Resolved] = {}
        self._lookups: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def look_up(self, name: str) -> tuple[str, ...]:
        """The numeric addresses of a name, at least one.

        Raises:
            ProbeFailed: the name is unknown, or our resolver does not work.
        """
        kept = self._resolved.get(name)
        if kept is not None and self._clock.monotonic() - kept.at <= RESOLVED_SECONDS_MAX:
            return kept.addresses
        lookup = self._lookups.get(name)
        if lookup is None:
            if len(self._lookups) >= LOOKUPS_IN_FLIGHT_MAX:
                raise ProbeFailed(Reason.OUR_RESOLVER, f"{LOOKUPS_IN_FLIGHT_MAX} look-ups are under way")
            lookup = asyncio.get_running_loop().create_task(self._resolve(name))
            self._lookups[name] = lookup
            lookup.add_done_callback(lambda task: self._keep(name, task))
        return await asyncio.shield(lookup)  # whoever gives up leaves the look-up to the others

    async def close(self) -> None:
        """End what is under way."""
        lookups = list(self._lookups.values())
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)

    async def _resolve(self, name: str) -> tuple[str, ...]:
        try:
            addresses = await self._ask(name)
        except socket.gaierror as error:
            reason = Reason.NAME_UNKNOWN if error.errno in _NOT_A_NAME else Reason.OUR_RESOLVER
            raise ProbeFailed(reason, f"{name}: {error.strerror}") from error
        except UnicodeError as error:
            raise ProbeFailed(Reason.NAME_UNKNOWN, f"{name} is not a host name: {error}") from error
        return tuple(dict.fromkeys(addresses))[:ADDRESSES_MAX]

    def _keep(self, name: str, lookup: asyncio.Task[tuple[str, ...]]) -> None:
        del self._lookups[name]
        if lookup.cancelled() or lookup.exception() is not None:
            self._resolved.pop(name, None)
            return
        if len(self._resolved) >= NAMES_KEPT_MAX:
            self._resolved.clear()
        self._resolved[name] = _Resolved(lookup.result(), self._clock.monotonic())


async def _ask_system(name: str) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_numeric(address: str) -> bool:
    """Whether this is an IPv4 or IPv6 address rather than a name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(family, address)
    except (OSError, ValueError):
        return False
    return True
