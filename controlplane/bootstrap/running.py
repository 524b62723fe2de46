"""Owns how a process of ours runs: on uvloop, until a signal, and with one way out."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a process's coroutine on a fast loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def until_signalled(main: Coroutine[Any, Any, None]) -> None:
    """Run `main`, and cancel it at SIGTERM or SIGINT."""
    task = asyncio.create_task(main)
    on_signal(task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def on_signal(stop: Callable[[], Any]) -> None:
    """Call `stop` at SIGTERM or SIGINT, instead of dying."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
