"""Owns how long a page waits for history: the present is not kept waiting for the past."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from controlplane.application.ports import DatabaseUnavailable

HISTORY_TIMEOUT_SECONDS = 0.5

T = TypeVar("T")

_readings: set["asyncio.Future[Any]"] = set()
"""Those under way, cancelled ones included, until they have ended: asyncio itself keeps no reference."""


async def answered(reading: Coroutine[Any, Any, T]) -> T | None:
    """What history answers; None where it does not answer in time.

    It is not waited for even to give up: a frozen database keeps its driver busy with that for seconds.
    """
    future = asyncio.ensure_future(reading)
    _readings.add(future)
    future.add_done_callback(_ended)
    try:
        await asyncio.wait({future}, timeout=HISTORY_TIMEOUT_SECONDS)
    finally:
        future.cancel()
    try:
        return future.result()
    except (DatabaseUnavailable, asyncio.InvalidStateError):
        return None


def _ended(reading: "asyncio.Future[Any]") -> None:
    _readings.discard(reading)
    if not reading.cancelled():
        reading.exception()  # looked at, so that asyncio does not report one that nobody waits for
