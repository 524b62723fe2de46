"""A minute without PostgreSQL, a minute without Consul: each stopped and frozen."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.processes.story.timeline import FAULT_TO_APPLIED_MS_MAX
from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.fixtures.postgres import OwnPostgres
from tests.prove.figures import MS_PER_SECOND, spread_ms
from tests.scenarios.outages import HOLD_DOWN_SECONDS, How, lose_region_without_postgres, silence_consul
from tests.scenarios.plane import Plane
from tests.scenarios.scene import playing
from tests.scenarios.targets import Mood, listening
from tests.scenarios.waiting import now

pytestmark = [pytest.mark.services, pytest.mark.prove]

AWAY_SECONDS = 60
ACT_SECONDS_MAX = 3.0

Record = Callable[[str, object], None]


@pytest.mark.parametrize("how", How)
async def test_a_minute_without_postgres_delays_no_failover(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path, record_property: Record, how: How
) -> None:
    """PostgreSQL is away for 60 s: the failover happens on time, the API says so, and the row comes."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with listening() as targets, playing(plane, targets) as scene:
        story = await lose_region_without_postgres(scene, own_postgres, how, AWAY_SECONDS)
    record_property("fault to move", f"{story.fault_to_move_seconds * MS_PER_SECOND:.0f} ms")
    record_property("return to row", f"{story.return_to_row_seconds:.1f} s")

    assert (story.before.active, story.after.active) == ("us-east", "eu-west")
    assert story.fault_to_move_seconds * MS_PER_SECOND <= FAULT_TO_APPLIED_MS_MAX
    assert story.status["database_available"] is False
    assert story.after.change.id in {change_id for _, change_id in story.ledger.rows}
    assert story.ledger.contradictions() == []


@pytest.mark.parametrize("how", How)
async def test_a_minute_without_consul_moves_nothing(
    own_consul: OwnConsul, postgres_url: str, tmp_path: Path, record_property: Record, how: How
) -> None:
    """Consul is away for 60 s: answers within 3 s, no new leader, no move by old evidence; it moves later."""
    plane = Plane(tmp_path / "plane", consul=own_consul.address, database=postgres_url)
    other = Plane(tmp_path / "other", consul=own_consul.address, database=postgres_url, probers=0)
    policy = {"hold_down": f"{HOLD_DOWN_SECONDS}s"}
    async with (
        listening(services=("checkout", "catalog")) as targets,
        playing(plane, targets, policy=policy, followers=[other]) as scene,
    ):
        story = await silence_consul(scene, own_consul, how, AWAY_SECONDS)
        began = now()
        targets.be(Mood.DOWN, region=story.after.active)
        await scene.moved("checkout", story.after)
        moved = now()
    answers = story.people.answers
    outcomes = Counter(answer.outcome for answer in answers)
    record_property("answers", ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    record_property("answered within", spread_ms(answer.seconds for answer in answers))
    record_property("return to renewal", f"{story.return_to_renewal_seconds:.1f} s")
    record_property("fault to move afterwards", f"{(moved - began) * MS_PER_SECOND:.0f} ms")

    assert story.slowest_seconds <= ACT_SECONDS_MAX
    assert (story.leader_after.holder, story.leader_after.term) == (story.leader.holder, story.leader.term)
    assert story.quiet == story.after == story.before
    assert story.people.misled(story.ledger) == []
    assert story.ledger.contradictions() == []
