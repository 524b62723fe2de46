"""What goes on, and what waits, while PostgreSQL or Consul is away: real servers, stopped and frozen."""

from pathlib import Path

import pytest

from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.fixtures.postgres import OwnPostgres
from tests.scenarios.outages import HOLD_DOWN_SECONDS, How, away, lose_region_without_postgres, silence_consul
from tests.scenarios.plane import Plane
from tests.scenarios.scene import playing
from tests.scenarios.targets import Mood, listening
from tests.scenarios.waiting import eventually

pytestmark = pytest.mark.services

POSTGRES_AWAY_SECONDS = 8
CONSUL_AWAY_SECONDS = 12
ACT_SECONDS_MAX = 3.5
"""Promised are 3 s; the rest is for the way there and back on a busy machine."""


@pytest.mark.parametrize("how", How)
async def test_a_failover_needs_no_postgres(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path, how: How
) -> None:
    """While PostgreSQL is away a lost region is left as always, and the row comes when it is back."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with listening() as targets, playing(plane, targets) as scene:
        story = await lose_region_without_postgres(scene, own_postgres, how, POSTGRES_AWAY_SECONDS)

    assert (story.before.active, story.after.active) == ("us-east", "eu-west")
    assert story.after.change.id in {change_id for _, change_id in story.ledger.rows}
    assert story.ledger.contradictions() == []


@pytest.mark.parametrize("how", How)
async def test_an_outage_of_consul_is_answered_and_moves_nothing(
    own_consul: OwnConsul, postgres_url: str, tmp_path: Path, how: How
) -> None:
    """Acts are refused or unknown in time; no leader changes; on its return nothing moves by old evidence."""
    plane = Plane(tmp_path / "plane", consul=own_consul.address, database=postgres_url)
    other = Plane(tmp_path / "other", consul=own_consul.address, database=postgres_url, probers=0)
    policy = {"hold_down": f"{HOLD_DOWN_SECONDS}s"}
    async with (
        listening(services=("checkout", "catalog")) as targets,
        playing(plane, targets, policy=policy, followers=[other]) as scene,
    ):
        story = await silence_consul(scene, own_consul, how, CONSUL_AWAY_SECONDS)

    assert story.slowest_seconds < ACT_SECONDS_MAX
    assert any("Consul" in freeze for freeze in story.status["freezes"])
    assert (story.leader_after.holder, story.leader_after.term) == (story.leader.holder, story.leader.term)
    assert story.quiet == story.after == story.before
    assert any("vantages can be trusted" in freeze for freeze in story.status_quiet["freezes"])
    assert story.people.misled(story.ledger) == []
    assert story.ledger.contradictions() == []


@pytest.mark.parametrize("how", How)
async def test_control_starts_without_postgres(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path, how: How
) -> None:
    """Started while PostgreSQL is away, control works by the definitions on disk: it says so, and moves."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with listening() as targets:
        async with playing(plane, targets) as scene:
            before = await scene.sight.held("checkout")
        try:
            async with away(own_postgres, how):
                await plane.start()
                ready = await eventually(plane.ready, lambda answer: answer.status_code == 200)
                assert ready.json()["checks"]["database"] == "does not answer"
                targets.be(Mood.DOWN, region="us-east")
                after = await scene.moved("checkout", before)
            ledger = await scene.ledger()
        finally:
            await plane.stop()

    assert after.active == "eu-west"
    assert ledger.contradictions() == []
