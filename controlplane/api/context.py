"""Owns how a route gets at what `create_app` was given, and how a request becomes an `Act`.

Dependencies are coroutines, though they wait for nothing: the framework sends plain functions to a thread.
"""

from typing import Annotated

from fastapi import Depends, Request

from controlplane.api.tracing import trace_id
from controlplane.application.doors import Doors
from controlplane.application.ports import Clock
from controlplane.application.results import Act
from controlplane.application.views import Principal


async def _doors(request: Request) -> Doors:
    doors: Doors = request.app.state.doors
    return doors


async def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


DoorsGiven = Annotated[Doors, Depends(_doors)]
ClockGiven = Annotated[Clock, Depends(_clock)]


def act(principal: Principal, reason: str, idempotency_key: str | None) -> Act:
    """What every act of a person carries, from the request under way."""
    return Act(by=principal.name, reason=reason, trace_id=trace_id(), idempotency_key=idempotency_key)
