"""History while PostgreSQL is away: on real processes that are killed meanwhile."""

from pathlib import Path
from random import Random

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.fixtures.postgres import OwnPostgres
from tests.scenarios.history_outage import VICTIMS, lose_postgres
from tests.scenarios.plane import Plane
from tests.scenarios.scene import playing
from tests.scenarios.targets import listening

pytestmark = pytest.mark.services

AWAY_SECONDS = 10.0
SEED = 20261120
SPOOL_BYTES_MAX = 16 * 1024 * 1024


async def test_an_outage_of_postgres_loses_no_change_of_health(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    """What happens while PostgreSQL is away is there later, all of it once, whoever is killed meanwhile."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with listening() as targets, playing(plane, targets) as scene:
        story = await lose_postgres(scene, own_postgres, AWAY_SECONDS, Random(SEED))

    assert story.contradictions() == []
    assert story.kills.keys() == {*VICTIMS}
    assert 0 < story.spool_bytes_max < SPOOL_BYTES_MAX
