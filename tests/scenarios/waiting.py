"""Waiting for what is sure to come, however busy the machine is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.02

T = TypeVar("T")


async def eventually(
    ask: Callable[[], Awaitable[T]],
    condition: Callable[[T], object],
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = POLL_SECONDS,
) -> T:
    """The first answer that meets a condition. Who does not answer is asked again.

    Raises:
        AssertionError: none did in time; the text shows the last one.
    """
    last: object = "no answer"
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    last = answer = await ask()
                    if condition(answer):
                        return answer
                except httpx.HTTPError as error:
                    last = repr(error)
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s; the last answer was {last}") from None


def now() -> float:
    """Seconds of the loop's clock, to measure by."""
    return asyncio.get_running_loop().time()
