"""Owns the TCP check: a connection, with TLS if wanted, is all that is asked for."""

import asyncio

from controlplane.adapters.probes.attempt import Attempt, AttemptProbe, Done
from controlplane.domain.fleet import Check, Instance
from controlplane.domain.outcome import Reason


class TcpAttempt(Attempt):
    """One connection that is closed as soon as it stands."""

    __slots__ = ()

    def opened(self, _transport: asyncio.Transport) -> None:
        """The connection stands: that was the question."""
        bound = self.check.expect.latency_seconds
        elapsed = self.clock.monotonic() - self.watch.started
        if bound is not None and elapsed > bound:
            self.finish(Reason.SLOW, f"{elapsed:.3f} s, at most {bound:g} s are wanted")
        else:
            self.finish(Reason.OK)


class TcpProbe(AttemptProbe):
    """The port `Probe` for checks of type `tcp`."""

    def attempt(self, instance: Instance, check: Check, done: Done) -> Attempt:
        """A connection attempt."""
        return TcpAttempt(instance, check, done, dialer=self.dialer, clock=self.clock)
