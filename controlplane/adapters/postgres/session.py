"""Owns connections to PostgreSQL: their pool, their deadlines, and the one translation of their errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from controlplane.application.ports import DatabaseUnavailable

CONNECTIONS_MAX = 5
CONNECTION_AGE_SECONDS_MAX = 1800
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_SECONDS = 5
LOCK_TIMEOUT_SECONDS = 5
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 5
"""A frozen process must not hold locks that its successor waits for."""
OPERATION_TIMEOUT_SECONDS = 10.0
"""For all statements of one use together, kept by this side: a frozen server keeps none of its own. Giving up
on one takes up to 10 s more, while the driver tries to cancel what is under way."""
_ERROR_CHARACTERS_MAX = 300

Isolation = Literal["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ"]


class Database:
    """A pool of connections to one database."""

    def __init__(
        self,
        url: str,
        *,
        connections_max: int = CONNECTIONS_MAX,
        operation_timeout_seconds: float = OPERATION_TIMEOUT_SECONDS,
    ) -> None:
        """Prepare a pool; nothing is connected yet.

        Raises:
            ValueError: `url` is no address of a database.
        """
        address = database_url(url)
        self.title = f"PostgreSQL at {address.host or 'its socket'}:{address.port or 5432}/{address.database}"
        self._operation_timeout_seconds = operation_timeout_seconds
        self._engine = create_async_engine(
            address,
            pool_size=connections_max,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_recycle=CONNECTION_AGE_SECONDS_MAX,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "controlplane",
                "options": server_limits(STATEMENT_TIMEOUT_SECONDS, LOCK_TIMEOUT_SECONDS),
            },
        )

    @asynccontextmanager
    async def begin(self, isolation: Isolation = "READ COMMITTED") -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that is committed at the end; with AUTOCOMMIT, each statement is one.

        Raises:
            DatabaseUnavailable: no connection, a deadline passed, or the connection broke. Whether a commit
                that was under way took effect is not known then.
        """
        try:
            async with asyncio.timeout(self._operation_timeout_seconds), self._engine.connect() as connection:
                isolated = await connection.execution_options(isolation_level=isolation)
                async with isolated.begin():
                    yield isolated
        except (OperationalError, InterfaceError, InternalError, PoolTimeout, TimeoutError, OSError) as error:
            raise DatabaseUnavailable(f"{self.title}: {_first_line(error) or 'no answer in time'}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def database_url(url: str) -> URL:
    """The address with the driver of this program.

    Raises:
        ValueError: it is none of PostgreSQL; the text does not repeat it, as it may hold a password.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(
            "the database URL is not of the form postgresql://user:password@host:port/name"
        ) from error
    if not address.drivername.startswith("postgres"):
        raise ValueError(f"the database is {address.drivername}, only postgresql is supported")
    return address.set(drivername="postgresql+psycopg")


def server_limits(statement_seconds: int, lock_seconds: int) -> str:
    """Deadlines that the server keeps, as options of a connection."""
    limits = {
        "statement_timeout": statement_seconds,
        "lock_timeout": lock_seconds,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_SECONDS,
    }
    return " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items())


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0][:_ERROR_CHARACTERS_MAX]
