"""Owns waiting for something outside to become true: the first value of a stream that meets a condition."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The story did not come to its end; the text says where it stopped and why."""


async def polled(ask: Callable[[], Awaitable[T]], seconds: float) -> AsyncGenerator[T, None]:
    """What `ask` answers, again and again with a pause between."""
    while True:
        yield await ask()
        await asyncio.sleep(seconds)


async def first(values: AsyncGenerator[T, None], condition: Callable[[T], bool]) -> T:
    """The first value that meets a condition; the stream is closed then."""
    async with aclosing(values):
        async for value in values:
            if condition(value):
                return value
    raise Interrupted("a watch ended")


async def within(seconds: float, what: str, act: Awaitable[T]) -> T:
    """Bound an act.

    Raises:
        Interrupted: it took longer; `what` says what did not come true.
    """
    try:
        async with asyncio.timeout(seconds):
            return await act
    except TimeoutError as error:
        raise Interrupted(f"waited {seconds:g} s in vain until {what}") from error
