"""When PostgreSQL is said not to answer: soon, also where it takes questions and is silent."""

import asyncio

import pytest

from controlplane.application.ports import DatabaseUnavailable
from tests.application.world import World
from tests.fakes.registry import FakeRegistry

pytestmark = pytest.mark.looptime

OPERATION_SECONDS_MAX = 10.0


class FreezingRegistry(FakeRegistry):
    """PostgreSQL that can freeze: it takes a question, and the driver gives up on it much later."""

    frozen = False

    async def revision(self) -> int:
        if self.frozen:
            await asyncio.sleep(OPERATION_SECONDS_MAX)
            raise DatabaseUnavailable("no answer within 10 s")
        return await super().revision()


async def test_a_frozen_database_is_told_within_seconds() -> None:
    """Nobody waits for the driver to give up before the console says that PostgreSQL does not answer."""
    world = World()
    world.registry = FreezingRegistry()
    async with world.settled() as replica:
        assert replica.doors.queries.status().database_available
        world.registry.frozen = True
        await world.until(lambda: not replica.doors.queries.status().database_available, 4)
        world.registry.frozen = False
        await world.until(lambda: replica.doors.queries.status().database_available, 15)


async def test_a_stopped_database_is_told_within_seconds() -> None:
    """A refused connection is an answer: it is told at the next question."""
    world = World()
    async with world.settled() as replica:
        world.registry.away = True
        await world.until(lambda: not replica.doors.queries.status().database_available, 3)
        world.registry.away = False
        await world.until(lambda: replica.doors.queries.status().database_available, 3)
