"""Owns the HTTP check: one GET over HTTP/1.1, judged by status, body and latency; no redirect is followed."""

import asyncio
from functools import lru_cache
from importlib.metadata import version
from types import TracebackType

from controlplane.adapters.probes.answer import Answer
from controlplane.adapters.probes.attempt import Attempt, AttemptProbe, Done
from controlplane.adapters.probes.body_pattern import SEARCH_SECONDS_MAX, SearchTooLong, found
from controlplane.adapters.probes.dialer import Dialer
from controlplane.adapters.probes.kept import KeptConnections, Target
from controlplane.application.ports import Clock
from controlplane.domain.fleet import Check, Expectation, Instance
from controlplane.domain.outcome import Reason

REQUESTS_CACHED_MAX = 32 * 1024
"""A request's bytes depend on the target alone; a fleet has at most 20,000 instances."""
HTTP_PORT, HTTPS_PORT = 80, 443
_REDIRECTS = range(300, 400)


class HttpAttempt(Attempt):
    """One request and its answer."""

    __slots__ = ("_answer", "_kept", "_request", "_reused")

    def __init__(
        self,
        instance: Instance,
        check: Check,
        done: Done,
        *,
        dialer: Dialer,
        clock: Clock,
        kept: KeptConnections,
        request: bytes,
    ) -> None:
        super().__init__(instance, check, done, dialer=dialer, clock=clock)
        self._kept = kept
        self._request = request
        self._answer = Answer(keep_body=check.expect.body is not None)
        self._reused = False

    def launch(self) -> None:
        """Use a kept connection if there is one, else open one."""
        transport = self._kept.take(self._target) if self.check.keep_alive else None
        if transport is None:
            super().launch()
            return
        self._reused = True
        self.transport = transport
        transport.set_protocol(self)
        self.opened(transport)

    def opened(self, transport: asyncio.Transport) -> None:
        """Send the request."""
        if transport.is_closing():
            self.finish(Reason.CLOSED, "closed at once")
        else:
            transport.write(self._request)

    def finish(
        self, reason: Reason, detail: str = "", *, status: int | None = None, applied: str | None = None
    ) -> None:
        """End the probe, and let go of what only it needed."""
        super().finish(reason, detail, status=status, applied=applied)
        self._answer.release()

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer; judge when it is complete."""
        if self.finished:
            return
        if self.watch.answered is None:
            self.watch.answered = self.clock.monotonic()
        try:
            self._answer.feed(data)
            if self._answer.complete:
                self._conclude()
        except Exception as error:  # noqa: BLE001 - whatever stops a probe is an outcome
            self.fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        """The target closed the connection: that may end the answer, break it off, or ask for a new try."""
        if self.finished or self.transport is None:  # while dialling, the dialler says what happened
            return
        self.transport = None
        if self._reused and self.watch.answered is None:
            self._reused = False  # it was closed while idle, which is the target's right
            super().launch()
            return
        if error is not None:
            self.fail(error)
            return
        try:
            self._answer.end()
            self._conclude()
        except Exception as stopped:  # noqa: BLE001 - whatever stops a probe is an outcome
            self.fail(stopped)

    @property
    def _target(self) -> Target:
        port = self.check.port or self.instance.port
        return self.instance.address, port, self.check.host, self.check.tls, self.check.verify

    def _conclude(self) -> None:
        answer = self._answer
        reason, detail = judge(answer, self.check.expect, self.clock.monotonic() - self.watch.started)
        if self.check.keep_alive and answer.reusable and self.transport is not None:
            self._kept.keep(self._target, self.transport)
            self.transport = None
        self.finish(reason, detail, status=answer.status, applied=answer.applied)


class HttpProbe(AttemptProbe):
    """The port `Probe` for checks of type `http`."""

    def __init__(self, *, dialer: Dialer, clock: Clock) -> None:
        super().__init__(dialer=dialer, clock=clock)
        self._kept = KeptConnections()
        self._agent = f"controlplane/{version('controlplane')}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()
        await super().__aexit__(kind, error, trace)

    def attempt(self, instance: Instance, check: Check, done: Done) -> Attempt:
        """A request attempt."""
        host = check.host or host_header(instance.address, check.port or instance.port, tls=check.tls)
        request = request_bytes(check.path, host, self._agent, keep_alive=check.keep_alive)
        return HttpAttempt(
            instance, check, done, dialer=self.dialer, clock=self.clock, kept=self._kept, request=request
        )


def judge(answer: Answer, expect: Expectation, elapsed_seconds: float) -> tuple[Reason, str]:
    """What a complete answer means."""
    if answer.status not in expect.status:
        return _judge_status(answer, expect)
    if expect.body is not None:
        try:
            if not found(expect.body, answer.body_text()):
                return Reason.BODY, f"{expect.body} is not found in the body"
        except SearchTooLong:
            return Reason.BODY, f"{expect.body} is not found within {SEARCH_SECONDS_MAX * 1000:g} ms"
    if expect.latency_seconds is not None and elapsed_seconds > expect.latency_seconds:
        return Reason.SLOW, f"{elapsed_seconds:.3f} s, at most {expect.latency_seconds:g} s are wanted"
    return Reason.OK, ""


def _judge_status(answer: Answer, expect: Expectation) -> tuple[Reason, str]:
    wanted = ", ".join(map(str, expect.status))
    if answer.status in _REDIRECTS and answer.location:
        return Reason.REDIRECT, f"{answer.status} to {answer.location}, not followed; {wanted} is wanted"
    return Reason.STATUS, f"{answer.status}, {wanted} is wanted"


def host_header(address: str, port: int, *, tls: bool) -> str:
    """The `Host` of an address and a port."""
    name = f"[{address}]" if ":" in address else address
    return name if port == (HTTPS_PORT if tls else HTTP_PORT) else f"{name}:{port}"


@lru_cache(REQUESTS_CACHED_MAX)
def request_bytes(path: str, host: str, agent: str, *, keep_alive: bool) -> bytes:
    """The whole request."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {agent}",
        "Accept: */*",
        "Accept-Encoding: identity",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")
