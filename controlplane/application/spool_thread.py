"""Owns calls that block on the disk: made in a thread, and to their end even when who asked is cancelled."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


async def beside_the_loop(
    call: Callable[Arguments, Answer], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Answer:
    """The answer of a call that blocks. Cancelled, it waits for the call's end: nothing is left half-done."""
    calling = asyncio.ensure_future(asyncio.to_thread(call, *arguments, **named))
    try:
        await asyncio.wait({calling})
    except asyncio.CancelledError:
        await asyncio.wait({calling})
        calling.exception()  # who would be told of it is gone
        raise
    return calling.result()
