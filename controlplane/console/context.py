"""Owns how a page gets at what `console_routes` was given, and how a visitor becomes an `Act`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, params
from starlette.responses import HTMLResponse

from controlplane.application.doors import Doors
from controlplane.application.ports import Clock
from controlplane.application.results import Act
from controlplane.console.rendering import Renderer
from controlplane.console.visitors import Visitor, visitor_of


def pages() -> APIRouter:
    """A router of pages for those who are logged in; that is found out before anything is looked for."""
    return open_pages(Depends(visitor_of))


def open_pages(*admitting: params.Depends) -> APIRouter:
    """A router of pages for anybody: what it serves is HTML and no part of the interface for programs."""
    return APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=admitting)


async def _doors(request: Request) -> Doors:
    doors: Doors = request.app.state.doors
    return doors


async def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


async def _renderer(request: Request) -> Renderer:
    renderer: Renderer = request.app.state.renderer
    return renderer


DoorsGiven = Annotated[Doors, Depends(_doors)]
ClockGiven = Annotated[Clock, Depends(_clock)]
RendererGiven = Annotated[Renderer, Depends(_renderer)]


def act(request: Request, visitor: Visitor, reason: str, *, key: str | None = None) -> Act:
    """What every act of a person carries; `key` is its idempotency key."""
    return Act(by=visitor.name, reason=reason, trace_id=request.state.trace_id, idempotency_key=key)
