"""Owns the assembly of the API: which layers a request passes, and which routes there are."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.registry import Collector
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from controlplane.api import openapi
from controlplane.api.access import Authentication
from controlplane.api.errors import HANDLERS
from controlplane.api.headers import SecurityHeaders
from controlplane.api.limits import (
    FLEET_FILE_BYTES_MAX,
    PROBE_HISTORY_BYTES_MAX,
    REQUEST_TIMEOUT_SECONDS,
    BodyLimit,
    Deadline,
)
from controlplane.api.metrics import StatusCollector
from controlplane.api.observing import Observing, RequestMetrics
from controlplane.api.recovery import Recovery
from controlplane.api.routes import (
    confirmation,
    events,
    failover,
    history,
    people,
    probe_history,
    process,
    registry,
    restraints,
    status,
    switches,
    timelines,
)
from controlplane.api.tracing import Tracing
from controlplane.api.versioned import API_PREFIX
from controlplane.application.doors import Doors
from controlplane.application.ports import Clock

_ROUTES = (
    process,
    status,
    failover,
    switches,
    confirmation,
    events,
    restraints,
    people,
    registry,
    history,
    timelines,
    probe_history,
    openapi,
)
_BODY_BYTES_MAX = {
    f"{API_PREFIX}/registry/apply": FLEET_FILE_BYTES_MAX,
    f"{API_PREFIX}/probe-history": PROBE_HISTORY_BYTES_MAX,
}


def create_app(
    doors: Doors,
    *,
    clock: Clock,
    public_url: str,
    pages: Sequence[BaseRoute] = (),
    collectors: Sequence[Collector] = (),
    request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
) -> FastAPI:
    """The API, with the pages and further collectors of metrics that it is given.

    It speaks HTTP alone: `api.server.serve_app` runs it without lifespan events and without WebSockets.
    """
    metrics = _metrics_registry(doors, collectors)
    application = FastAPI(
        title="controlplane",
        description=openapi.DESCRIPTION,
        version=version("controlplane"),
        servers=[{"url": public_url}],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
        middleware=_layers(doors, clock, RequestMetrics(metrics), request_timeout_seconds),
    )
    application.state.doors = doors
    application.state.clock = clock
    application.state.metrics_registry = metrics
    for module in _ROUTES:
        application.include_router(module.router)
    application.router.routes.extend(pages)
    return application


def _layers(
    doors: Doors, clock: Clock, metrics: RequestMetrics, request_timeout_seconds: float
) -> list[Middleware]:
    """What a request passes, from the outside in. Everything outside `Recovery` shows on every answer."""
    return [
        Middleware(Tracing),
        Middleware(SecurityHeaders),
        Middleware(Observing, clock=clock, metrics=metrics),
        Middleware(Recovery),
        Middleware(Deadline, seconds=request_timeout_seconds),
        Middleware(Authentication, gatekeeper=doors.gatekeeper, people=doors.people),
        Middleware(BodyLimit, by_path=_BODY_BYTES_MAX),
    ]


def _metrics_registry(doors: Doors, collectors: Sequence[Collector]) -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for collector in (StatusCollector(doors.queries), *collectors):
        registry.register(collector)
    return registry
