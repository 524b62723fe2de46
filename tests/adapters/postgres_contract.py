"""What the contract suites of PostgreSQL share: each runs on a fake and on the real one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controlplane.adapters.postgres.session import Database

BOTH = [pytest.param("fake", id="fake"), pytest.param("postgres", id="postgres", marks=pytest.mark.services)]


@asynccontextmanager
async def opened(
    request: pytest.FixtureRequest, *, fake: Callable[[], Any], real: Callable[[Database], Any]
) -> AsyncIterator[Any]:
    """The fake, or the real adapter on a fresh migrated database."""
    if request.param == "fake":
        yield fake()
        return
    database = Database(request.getfixturevalue("postgres_url"))
    try:
        yield real(database)
    finally:
        await database.close()
