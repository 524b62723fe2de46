"""Owns how a connection is opened: name, TCP, TLS, each phase marked on the probe's stopwatch."""

import asyncio
import ssl
from dataclasses import dataclass

from controlplane.adapters.probes.faults import ProbeFailed
from controlplane.adapters.probes.resolver import Resolver, is_numeric
from controlplane.application.ports import Clock
from controlplane.domain.fleet import Check, Instance
from controlplane.domain.outcome import Phases, Reason

_HANDSHAKE_TIMEOUT_FACTOR = 2
"""The probe's own deadline comes first, always: the library's is only kept from being the shorter one."""


@dataclass(slots=True)
class Stopwatch:
    """When each phase of a probe ended, in monotonic seconds; None where it was not reached."""

    started: float
    looked_up: float | None = None
    """Set only if there was a name to look up."""
    connected: float | None = None
    secured: float | None = None
    answered: float | None = None
    """When the first byte came."""

    def phases(self, now: float) -> Phases:
        """Milliseconds of each phase, at the end of the probe."""
        dialled = self.started if self.looked_up is None else self.looked_up
        ready = self.connected if self.secured is None else self.secured
        return Phases(
            resolve=_milliseconds(self.started, self.looked_up),
            connect=_milliseconds(dialled, self.connected),
            tls=_milliseconds(self.connected, self.secured),
            first_byte=_milliseconds(self.started if ready is None else ready, self.answered),
            total=(now - self.started) * 1000,
        )


class Dialer:
    """Opens connections to instances for the probes of one process."""

    def __init__(self, *, resolver: Resolver, clock: Clock, trust: ssl.SSLContext | None = None) -> None:
        """`trust` verifies certificates; without it, by the certificates that the system trusts."""
        self._resolver = resolver
        self._clock = clock
        self._verifying = trust or ssl.create_default_context()
        self._trusting = ssl.create_default_context()
        self._trusting.check_hostname = False
        self._trusting.verify_mode = ssl.CERT_NONE

    async def dial(
        self, protocol: asyncio.Protocol, instance: Instance, check: Check, watch: Stopwatch
    ) -> asyncio.Transport:
        """Open a connection for `protocol`, with TLS if the check wants it. The caller sets the deadline.

        Raises:
            ProbeFailed, OSError, ssl.SSLError: there is none; `faults.reason_of` names it.
        """
        addresses: tuple[str, ...] = (instance.address,)
        if not is_numeric(instance.address):
            addresses = await self._resolver.look_up(instance.address)
            watch.looked_up = self._clock.monotonic()
        transport = await self._connect(protocol, addresses, check.port or instance.port, check)
        watch.connected = self._clock.monotonic()
        if check.tls:
            transport = await self._secure(transport, protocol, instance, check)
            watch.secured = self._clock.monotonic()
        return transport

    async def _connect(
        self, protocol: asyncio.Protocol, addresses: tuple[str, ...], port: int, check: Check
    ) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        *others, last = addresses
        for address in others:  # a name with several addresses: each gets an equal part of the time
            try:
                async with asyncio.timeout(check.timeout_seconds / len(addresses)):
                    transport, _ = await loop.create_connection(lambda: protocol, address, port)
                    return transport
            except (OSError, TimeoutError):
                continue
        transport, _ = await loop.create_connection(lambda: protocol, last, port)
        return transport

    async def _secure(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, instance: Instance, check: Check
    ) -> asyncio.Transport:
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                protocol,
                self._verifying if check.verify else self._trusting,
                server_hostname=check.host or instance.address,
                ssl_handshake_timeout=_HANDSHAKE_TIMEOUT_FACTOR * check.timeout_seconds,
            )
        except BaseException as error:
            transport.abort()
            if isinstance(error, ConnectionError):
                raise ProbeFailed(Reason.TLS_HANDSHAKE, "closed during the handshake") from error
            raise
        if secured is None:
            raise ProbeFailed(Reason.TLS_HANDSHAKE, "closed during the handshake")
        return secured


def _milliseconds(since: float | None, until: float | None) -> float | None:
    return None if since is None or until is None else (until - since) * 1000
