"""Owns what is measured and logged of every request: route, status, duration."""

import logging

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.application.ports import Clock

_NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "other"
_NO_ANSWER = 0
_ERRORS_FROM = 400
_DURATION_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LOGGED_PATH_CHARACTERS_MAX = 200

logger = logging.getLogger(__name__)


class RequestMetrics:
    """Counts requests and their durations by route template, so that callers cannot multiply the series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "controlplane_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "controlplane_http_request_duration_seconds",
            "Time from the headers of a request to the end of its answer.",
            ("method", "route"),
            buckets=_DURATION_BUCKETS_SECONDS,
            registry=registry,
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, status).inc()
        self._durations.labels(method, route).observe(seconds)


class Observing:
    """ASGI middleware: one observation and one log line per request; good reads as debug."""

    def __init__(self, app: ASGIApp, *, clock: Clock, metrics: RequestMetrics) -> None:
        self._app = app
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and report what became of it."""
        started = self._clock.monotonic()
        status = _NO_ANSWER

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            self._report(scope, status, self._clock.monotonic() - started)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        self._metrics.observe(method=method, route=route, status=status, seconds=seconds)
        quiet = method in {"GET", "HEAD"} and _NO_ANSWER < status < _ERRORS_FROM
        principal = scope.get("state", {}).get("principal")
        fields = {
            "method": method,
            "path": scope["path"][:_LOGGED_PATH_CHARACTERS_MAX],
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "by": principal.name if principal else None,
        }
        logger.log(logging.DEBUG if quiet else logging.INFO, "request", extra=fields)
