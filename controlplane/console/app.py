"""Owns the assembly of the console: which pages there are, and what they are given."""

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount

from controlplane.application.doors import Doors
from controlplane.application.ports import Clock
from controlplane.console import (
    changes,
    drift,
    entrance,
    fleet,
    groups,
    moves,
    now,
    restraints,
    search,
    switch_acts,
    switches,
)
from controlplane.console.assets import StaticAssets
from controlplane.console.compressing import Compression
from controlplane.console.refusals import HANDLERS
from controlplane.console.rendering import Renderer
from controlplane.console.visitors import Visits

_PAGES = (entrance, now, groups, moves, drift, restraints, fleet, search, switches, switch_acts, changes)


def console_routes(doors: Doors, *, clock: Clock) -> list[BaseRoute]:
    """The console at `/`, for `create_app(pages=…)`: an application of its own, with errors as pages."""
    console = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
        middleware=[Middleware(Compression), Middleware(Visits, people=doors.people)],
    )
    console.state.doors = doors
    console.state.clock = clock
    console.state.renderer = Renderer(doors)
    for page in _PAGES:
        console.include_router(page.router)
    return [
        Mount("/static", GZipMiddleware(StaticAssets()), name="static"),
        Mount("/", console, name="console"),
    ]
