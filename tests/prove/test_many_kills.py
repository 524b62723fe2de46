"""Kill -9, again and again: of everything under flapping regions, and of the leader."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.fixtures.consul import ConsulAccess
from tests.prove.figures import spread_ms
from tests.scenarios.kills import (
    INSTANCES,
    QUICK_CHECK,
    QUICK_POLICY,
    SERVICES,
    kill_again_and_again,
    kill_leader,
)
from tests.scenarios.plane import Plane, two_planes
from tests.scenarios.scene import playing
from tests.scenarios.targets import listening

pytestmark = [pytest.mark.services, pytest.mark.prove]

KILLS = 50
PAUSE_SECONDS_MAX = 8.0
LEADER_KILLS = 10
TAKEOVER_SECONDS_MAX = 8.0
"""About 5 s are promised: 4 s of silence, a look every half second, and a busy machine."""

Record = Callable[[str, object], None]


async def test_fifty_kills_lose_no_revision_and_double_none(tmp_path: Path, record_property: Record) -> None:
    """50 kills of supervisor, control and prober while regions flap: each revision has exactly one row."""
    seed = Random().randrange(2**32)
    record_property("seed", seed)
    plane = Plane(tmp_path / "plane")
    async with (
        listening(INSTANCES, services=SERVICES) as targets,
        playing(plane, targets, check=QUICK_CHECK, policy=QUICK_POLICY) as scene,
    ):
        story = await kill_again_and_again(scene, KILLS, Random(seed), pause_seconds_max=PAUSE_SECONDS_MAX)
    automatic = [entry for entry in story.ledger.published.values() if entry["change"]["kind"] == "automatic"]
    record_property("kills", ", ".join(f"{count} {victim}" for victim, count in story.kills.items()))
    record_property("revisions", len(story.ledger.logged))
    record_property("automatic moves", len(automatic))
    record_property("abandoned", len(story.ledger.logged) - len(story.ledger.published))
    record_property("moves that people asked for", len(story.people.moves))

    assert sum(story.kills.values()) == KILLS
    assert story.ledger.contradictions() == []
    assert story.people.misled(story.ledger) == []
    assert story.disagreements == story.alarms == []


async def test_each_killed_leader_is_followed(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path, record_property: Record
) -> None:
    """10 leaders are killed: each time the other takes over with the next term and makes the due move."""
    one, two = two_planes(tmp_path, consul, postgres_url)
    async with listening() as targets, playing(one, targets, followers=[two]) as scene:
        takeovers = [await kill_leader(scene, [one, two]) for _ in range(LEADER_KILLS)]
        ledger = await scene.ledger()
    record_property("kill to takeover", spread_ms(one.kill_to_takeover_seconds for one in takeovers))
    record_property("kill to move", spread_ms(one.kill_to_move_seconds for one in takeovers))

    for takeover in takeovers:
        assert takeover.next.api != takeover.former.api
        assert takeover.next.term == takeover.after.term == takeover.former.term + 1
        assert takeover.after.revision == takeover.before.revision + 1
        assert takeover.kill_to_takeover_seconds < TAKEOVER_SECONDS_MAX
    assert ledger.contradictions() == []
