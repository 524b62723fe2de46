"""Ten minutes without PostgreSQL, with kills all the while: what history has of it afterwards."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.fixtures.postgres import OwnPostgres
from tests.scenarios.history_outage import VICTIMS, lose_postgres
from tests.scenarios.plane import Plane
from tests.scenarios.scene import playing
from tests.scenarios.targets import listening

pytestmark = [pytest.mark.services, pytest.mark.prove]

AWAY_SECONDS = 600.0
SPOOL_BYTES_MAX = 16 * 1024 * 1024
KIBIBYTE = 1024


async def test_ten_minutes_without_postgres_lose_no_change_of_health(
    consul: ConsulAccess,
    own_postgres: OwnPostgres,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """10 minutes without PostgreSQL under kills of prober and control: no transition lost, none twice."""
    seed = Random().randrange(2**32)
    record_property("seed", seed)
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with listening() as targets, playing(plane, targets) as scene:
        story = await lose_postgres(scene, own_postgres, AWAY_SECONDS, Random(seed))
    record_property("kills", ", ".join(f"{count} {victim}" for victim, count in story.kills.items()))
    record_property("changes of health seen", len(story.seen))
    record_property("rows", len(story.rows))
    record_property("starts of the prober", len({row.boot for row in story.rows}))
    record_property("spool at most", f"{story.spool_bytes_max // KIBIBYTE} KiB")
    record_property("return to complete", f"{story.return_to_complete_seconds:.1f} s")

    assert story.contradictions() == []
    assert story.kills.keys() == {*VICTIMS}
    assert 0 < story.spool_bytes_max < SPOOL_BYTES_MAX
