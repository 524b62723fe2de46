"""Owns one probe in flight: one deadline, one outcome, whatever happens to the connection.

An attempt is the asyncio protocol of its own connection. A task opens the connection and ends there; from
then on the event loop calls the attempt directly, because at thousands of probes a second a task that only
waits costs as much as the probe.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from controlplane.adapters.probes.dialer import Dialer, Stopwatch
from controlplane.adapters.probes.faults import detail_of, legible, reason_of, verdict_of
from controlplane.adapters.probes.resolver import is_numeric
from controlplane.application.ports import Clock
from controlplane.application.probing_lag import tolerated_seconds
from controlplane.domain.fleet import Check, Instance
from controlplane.domain.outcome import Outcome, Reason

Done = Callable[[Outcome], None]


class Attempt(ABC, asyncio.Protocol):
    """One probe of one instance. Exactly one call of `done` ends it, at the latest at its deadline."""

    __slots__ = ("_dialer", "_done", "_task", "_timer", "check", "clock", "instance", "transport", "watch")

    def __init__(self, instance: Instance, check: Check, done: Done, *, dialer: Dialer, clock: Clock) -> None:
        self.instance = instance
        self.check = check
        self.clock = clock
        self.watch = Stopwatch(clock.monotonic())
        self.transport: asyncio.Transport | None = None
        self._dialer = dialer
        self._done: Done | None = done
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(check.timeout_seconds, self._expire)

    @abstractmethod
    def opened(self, transport: asyncio.Transport) -> None:
        """The connection stands."""

    @property
    def finished(self) -> bool:
        """Whether there is an outcome."""
        return self._done is None

    def launch(self) -> None:
        """Open a connection."""
        self._task = asyncio.get_running_loop().create_task(self._dial())

    def fail(self, error: BaseException) -> None:
        """End with what stopped the probe."""
        self.finish(reason_of(error), detail_of(error))

    def finish(
        self, reason: Reason, detail: str = "", *, status: int | None = None, applied: str | None = None
    ) -> None:
        """End the probe; the connection is closed unless it was taken away. Later calls change nothing."""
        if self._done is None:
            return
        done, self._done = self._done, None
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        if self.transport is not None:
            self.transport.abort()
            self.transport = None
        phases = self.watch.phases(self.clock.monotonic())
        done(Outcome(verdict_of(reason), reason, legible(detail), phases, applied, status))

    def cancel(self) -> asyncio.Task[None] | None:
        """End the probe by our own will; answers the task that is still opening its connection."""
        task = self._task
        self.finish(Reason.OUR_CANCELLATION, "the prober stops")
        return task

    def unfinished(self) -> tuple[Reason, str]:
        """What to say when time is up: how far the probe came."""
        within = f"within {self.check.timeout_seconds:g} s"
        if self.transport is not None:
            return Reason.TIMEOUT, f"no complete answer {within}"
        if self.watch.connected is not None:
            return Reason.TLS_HANDSHAKE, f"no handshake {within}"
        if self.watch.looked_up is None and not is_numeric(self.instance.address):
            return Reason.OUR_RESOLVER, f"no answer to the look-up of {self.instance.address} {within}"
        return Reason.CONNECT_TIMEOUT, f"no connection {within}"

    def _expire(self) -> None:
        planned = self.watch.started + self.check.timeout_seconds
        late = self.clock.monotonic() - planned
        if late > tolerated_seconds(self.check.timeout_seconds):
            self.finish(Reason.OUR_LATENESS, f"our own deadline came {late:.3f} s late")
        else:
            self.finish(*self.unfinished())

    async def _dial(self) -> None:
        try:
            transport = await self._dialer.dial(self, self.instance, self.check, self.watch)
            self._task = None
            if self.finished:
                transport.abort()
            else:
                self.transport = transport
                self.opened(transport)
        except asyncio.CancelledError:
            self._task = None
            self.finish(Reason.OUR_CANCELLATION, "the prober stops")
            raise
        except Exception as error:  # noqa: BLE001 - whatever stops a probe is an outcome
            self._task = None
            self.fail(error)


class AttemptProbe(ABC):
    """The port `Probe` by attempts; as a context it owns those in flight and ends them with itself."""

    def __init__(self, *, dialer: Dialer, clock: Clock) -> None:
        self.dialer = dialer
        self.clock = clock
        self._in_flight: set[Attempt] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        dialling = [attempt.cancel() for attempt in tuple(self._in_flight)]
        await asyncio.gather(*(task for task in dialling if task is not None), return_exceptions=True)

    @abstractmethod
    def attempt(self, instance: Instance, check: Check, done: Done) -> Attempt:
        """An attempt of this protocol, ready to be launched."""

    def start(self, instance: Instance, check: Check, done: Done) -> None:
        """Probe once; `done` is called with the outcome exactly once, within the check's timeout."""

        def ended(outcome: Outcome) -> None:
            self._in_flight.discard(attempt)
            done(outcome)

        attempt = self.attempt(instance, check, ended)
        self._in_flight.add(attempt)
        attempt.launch()

    async def __call__(self, instance: Instance, check: Check) -> Outcome:
        """Probe once, within the check's timeout."""
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.start(instance, check, lambda outcome: None if answer.done() else answer.set_result(outcome))
        return await answer
