"""Owns connections kept between probes: at most one per target, each for a limited idle time."""

import asyncio
from collections.abc import Callable

IDLE_SECONDS_MAX = 60.0
"""Longer than most intervals, and below what most servers and firewalls allow an idle connection."""

Target = tuple[str, int, str | None, bool, bool]
"""Address, port, host, TLS, verified: connections are exchangeable only where all of these agree."""


class KeptConnections:
    """Idle connections by target."""

    def __init__(self) -> None:
        self._idle: dict[Target, _Idle] = {}

    def take(self, target: Target) -> asyncio.Transport | None:
        """A connection to this target that is still open, as far as we know."""
        idle = self._idle.pop(target, None)
        return idle.release() if idle is not None else None

    def keep(self, target: Target, transport: asyncio.Transport) -> None:
        """Take over a connection after a complete answer; a second one to the same target is closed."""
        if target in self._idle or transport.is_closing():
            transport.abort()
        else:
            self._idle[target] = _Idle(transport, lambda: self._idle.pop(target, None))

    def close(self) -> None:
        """Close them all."""
        for idle in tuple(self._idle.values()):
            idle.drop()


class _Idle(asyncio.Protocol):
    """One idle connection: it ends by age, by the target's closing it, or by bytes nobody asked for."""

    def __init__(self, transport: asyncio.Transport, forget: Callable[[], object]) -> None:
        self._transport = transport
        self._forget = forget
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS_MAX, self.drop)
        transport.set_protocol(self)

    def release(self) -> asyncio.Transport:
        """The connection, for a probe; its next protocol is set by the probe."""
        self._timer.cancel()
        return self._transport

    def drop(self) -> None:
        """Close it."""
        self._timer.cancel()
        self._forget()
        self._transport.abort()

    def data_received(self, _data: bytes) -> None:
        """Nobody asked."""
        self.drop()

    def connection_lost(self, _error: Exception | None) -> None:
        """The target closed it, or it was dropped."""
        self._timer.cancel()
        self._forget()
