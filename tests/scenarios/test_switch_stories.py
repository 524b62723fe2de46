"""Switches and their readers on real processes: an end without anybody, a snapshot, a race of people."""

from pathlib import Path

import pytest

from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.fixtures.postgres import OwnPostgres
from tests.scenarios.plane import Plane
from tests.scenarios.scene import running
from tests.scenarios.switch_stories import (
    FLEET,
    SERVICE,
    all_serve,
    expire_without_anybody,
    reading,
    restore_older_snapshot,
)
from tests.scenarios.waiting import eventually

pytestmark = pytest.mark.services

EXPIRY_SECONDS = 8
KILLED_AFTER_SECONDS = 2.0


async def test_an_expiry_needs_neither_control_plane_nor_postgres(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    """With both killed, every reader is back at the end of a degradation; on their return it is written."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with reading(consul.address, consul.prefix, tmp_path) as readers, running(plane):
        await plane.apply(FLEET)
        await all_serve(readers, recommends=True, revision=1)
        story = await expire_without_anybody(
            plane, own_postgres, readers, after=EXPIRY_SECONDS, killed_after=KILLED_AFTER_SECONDS
        )
        await all_serve(readers, recommends=True, revision=story.written.revision)

    assert min(story.back_after_seconds) > EXPIRY_SECONDS - 1
    assert story.written.revision == 3
    assert (story.written.switches["recs"].state, story.written.change.by) == ("normal", "controlplane")
    assert all(recommends for reader in readers for _, recommends, revision in reader.served if revision == 3)


async def test_a_restored_snapshot_takes_no_value_from_any_reader(
    own_consul: OwnConsul, postgres_url: str, tmp_path: Path
) -> None:
    """After `consul snapshot restore` all readers keep their value, and then read it at max + 1."""
    plane = Plane(tmp_path / "plane", consul=own_consul.address, database=postgres_url)
    async with running(plane), reading(own_consul.address, plane.prefix, tmp_path) as readers:
        await plane.apply(FLEET)
        await all_serve(readers, recommends=True, revision=1)
        story = await restore_older_snapshot(plane, readers)
        shown = await eventually(lambda: plane.switches(SERVICE), lambda shown: shown["revision"] == 4)

    assert story.losses == []
    assert (story.lost_revision, story.document.revision, story.document.change.kind) == (3, 4, "repair")
    assert {switch["state"] for switch in shown["switches"]} == {"degraded"}
