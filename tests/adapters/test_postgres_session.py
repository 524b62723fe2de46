"""Connections to the real PostgreSQL: bounded in time, translated once, good again when it is back."""

import asyncio
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from controlplane.adapters.postgres.registry import PostgresRegistry
from controlplane.adapters.postgres.session import (
    IDLE_IN_TRANSACTION_TIMEOUT_SECONDS,
    LOCK_TIMEOUT_SECONDS,
    STATEMENT_TIMEOUT_SECONDS,
    Database,
)
from controlplane.application.ports import DatabaseUnavailable
from tests.application.fleets import fleet
from tests.fixtures.postgres import OwnPostgres

FREEZE_SECONDS_MAX = 60
"""Generous: a loaded machine is slow, a wait without an end is longer."""

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("not a url", "not of the form postgresql://"),
        ("sqlite:///secret.db", "the database is sqlite"),
        ("postgresql://user:secret@host:port/name", "not of the form postgresql://"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(url: str, told: str):
    """What is no address of PostgreSQL is refused at once, in words that hold no secret."""
    with pytest.raises(ValueError, match=told) as failure:
        Database(url)

    assert "secret" not in str(failure.value)


async def test_a_server_that_is_not_there_is_told_without_its_password():
    """A refused connection names the place and the reason."""
    database = Database("postgresql://user:secret@127.0.0.1:1/name")
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/name: .*refused") as failure:
        await PostgresRegistry(database).load()

    assert "secret" not in str(failure.value)


async def test_the_server_keeps_deadlines_too(postgres_url: str):
    """Every connection carries limits for statements, locks and idle transactions."""
    database = Database(postgres_url)
    async with database.begin() as connection:
        shown = [
            await connection.scalar(text(f"SHOW {name}"))
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
    await database.close()

    assert shown == [
        f"{seconds}s"
        for seconds in (STATEMENT_TIMEOUT_SECONDS, LOCK_TIMEOUT_SECONDS, IDLE_IN_TRANSACTION_TIMEOUT_SECONDS)
    ]


async def test_a_mistake_of_ours_is_not_taken_for_an_outage(postgres_url: str):
    """Wrong SQL is a bug and stays one: nobody waits for it to go away."""
    database = Database(postgres_url)
    with pytest.raises(ProgrammingError):
        async with database.begin() as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))
    await database.close()


async def test_more_users_than_connections_wait_in_line(postgres_url: str):
    """A pool of one serves many, one after the other."""
    database = Database(postgres_url, connections_max=1)
    registry = PostgresRegistry(database)
    revisions = await asyncio.gather(*(registry.revision() for _ in range(20)))
    await database.close()

    assert revisions == [0] * 20


async def test_it_works_again_when_the_server_is_back(own_postgres: OwnPostgres):
    """A killed server is an outage; after its return the same pool serves what was committed."""
    database = Database(own_postgres.url)
    registry = PostgresRegistry(database)
    await registry.replace(fleet(), expected=0, by="alice")
    own_postgres.kill()
    with pytest.raises(DatabaseUnavailable):
        await registry.load()
    await own_postgres.start()

    assert (await registry.load()).fleet == fleet()
    await database.close()


async def test_a_frozen_server_holds_nobody_for_ever(own_postgres: OwnPostgres):
    """A server that accepts and never answers is given up, and served from again when it thaws."""
    database = Database(own_postgres.url, operation_timeout_seconds=0.5)
    registry = PostgresRegistry(database)
    await registry.load()
    own_postgres.freeze()
    began = time.monotonic()  # noqa: TID251 - measures real time
    with pytest.raises(DatabaseUnavailable, match="no answer in time"):
        await registry.load()
    assert time.monotonic() - began < FREEZE_SECONDS_MAX  # noqa: TID251 - measures real time

    own_postgres.thaw()
    async with asyncio.timeout(FREEZE_SECONDS_MAX):
        while not await answers(registry):  # noqa: ASYNC110 - a server says nothing when it thaws
            await asyncio.sleep(0.1)
    await database.close()


async def answers(registry: PostgresRegistry) -> bool:
    try:
        return await registry.revision() == 0
    except DatabaseUnavailable:
        return False
