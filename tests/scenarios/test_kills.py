"""Kill -9 and SIGTERM in the middle of moves: nothing is lost, nothing is done twice, somebody goes on."""

from pathlib import Path
from random import Random

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.scenarios.kills import (
    INSTANCES,
    QUICK_CHECK,
    QUICK_POLICY,
    SERVICES,
    kill_again_and_again,
    kill_leader,
    part,
)
from tests.scenarios.plane import Plane, two_planes
from tests.scenarios.scene import playing
from tests.scenarios.targets import listening

pytestmark = pytest.mark.services

KILLS = 5
PAUSE_SECONDS_MAX = 3.0
SEED = 20261120
MOVES_BEFORE_SIGTERM = 10
WITHOUT_SILENCE_SECONDS_MAX = 4.0
"""Who waits for a leader's silence needs at least so long."""


async def test_kills_at_any_time_lose_no_revision_and_double_none(tmp_path: Path) -> None:
    """Supervisor, control and prober die while regions flap: one row per revision, and Consul is right."""
    plane = Plane(tmp_path / "plane")
    async with (
        listening(INSTANCES, services=SERVICES) as targets,
        playing(plane, targets, check=QUICK_CHECK, policy=QUICK_POLICY) as scene,
    ):
        story = await kill_again_and_again(scene, KILLS, Random(SEED), pause_seconds_max=PAUSE_SECONDS_MAX)

    assert sum(story.kills.values()) == KILLS
    assert len(story.ledger.published) > len(SERVICES)
    assert story.ledger.contradictions() == []
    assert story.people.misled(story.ledger) == []
    assert story.disagreements == story.alarms == []


async def test_a_killed_leader_is_followed_and_the_due_move_is_made_once(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path
) -> None:
    """The other control process takes over with the next term and makes the move that was due, once."""
    one, two = two_planes(tmp_path, consul, postgres_url)
    async with listening() as targets, playing(one, targets, followers=[two]) as scene:
        takeover = await kill_leader(scene, [one, two])
        ledger = await scene.ledger()

    assert takeover.next.api == two.api
    assert takeover.next.term == takeover.after.term == takeover.former.term + 1
    assert takeover.after.revision == takeover.before.revision + 1
    assert takeover.after.active == "eu-west"
    assert ledger.contradictions() == []


async def test_sigterm_in_the_middle_of_moves_loses_nothing(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path
) -> None:
    """Asked to end, `serve` exits 0; every move has its row, the lease is free, no process is left."""
    one, two = two_planes(tmp_path, consul, postgres_url)
    async with (
        listening(services=SERVICES) as targets,
        playing(one, targets, followers=[two]) as scene,
    ):
        story = await part(scene, two, moves_before=MOVES_BEFORE_SIGTERM)

    assert story.exit_code == 0
    assert story.left == []
    assert story.released is not None
    assert story.released.vacant
    assert story.ledger.contradictions() == []
    assert story.people.misled(story.ledger) == []
    assert story.next is not None
    assert story.next.term == story.released.term + 1
    assert story.release_to_takeover_seconds < WITHOUT_SILENCE_SECONDS_MAX
