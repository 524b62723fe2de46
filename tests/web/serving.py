"""Runs an application on a real socket for the length of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from controlplane.api.server import open_listener, serve_app


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The address of the application; it is stopped at the end as its owner would stop it."""
    listener = open_listener("127.0.0.1", 0)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as owner:
        owner.create_task(serve_app(app, listener=listener, stop=stop))
        host, port = listener.getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            end_streams(app)
            stop.set()


def end_streams(app: ASGIApp) -> None:
    """What the owner of the process does before it stops: else every stream would be waited for."""
    if isinstance(app, FastAPI):
        app.state.doors.events.close()
