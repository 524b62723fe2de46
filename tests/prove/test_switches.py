"""Switches at full length: an end without anybody, hands in Consul, snapshots, fifty writers, restarts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.contract.applied import APPLIED_HEADER, AppliedSource, AppliedState
from tests.client.documents import SEARCH_DEPTH, SWITCHES_KEY, degraded, said_of, switches
from tests.fixtures.consul import ConsulAccess, OwnConsul
from tests.fixtures.postgres import OwnPostgres
from tests.prove.figures import spread_ms, spread_seconds
from tests.scenarios.plane import Plane, two_planes
from tests.scenarios.scene import running
from tests.scenarios.switch_stories import (
    FLEET,
    SERVICE,
    all_serve,
    expire_without_anybody,
    flip_both,
    notice_a_hand,
    race,
    reading,
    restore_older_snapshot,
)
from tests.scenarios.waiting import eventually, now

pytestmark = [pytest.mark.services, pytest.mark.prove]

EXPIRY_SECONDS = 60
KILLED_AFTER_SECONDS = 10.0
TOLERANCE_SECONDS = 3.0
WRITE_BACK_SECONDS_MAX = 10.0
HANDS = 10
NOTICE_SECONDS_MAX = 5.0
SNAPSHOTS = 5
NEWEST_SECONDS_MAX = 15.0
REQUESTS_PER_SECOND_MAX = 5
WRITERS = 50
ROUNDS = 2
RESTARTS = 10
SERVE_SECONDS_MAX = 1.0

Record = Callable[[str, object], None]


async def test_an_expiry_of_a_minute_needs_nobody(
    consul: ConsulAccess, own_postgres: OwnPostgres, tmp_path: Path, record_property: Record
) -> None:
    """10 s into a minute control plane and PostgreSQL are killed: all are back at 60 ± 3 s, then written."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=own_postgres.url)
    async with reading(consul.address, consul.prefix, tmp_path) as readers, running(plane):
        await plane.apply(FLEET)
        await all_serve(readers, recommends=True, revision=1)
        story = await expire_without_anybody(
            plane, own_postgres, readers, after=EXPIRY_SECONDS, killed_after=KILLED_AFTER_SECONDS
        )
    record_property("flip to normal again", spread_seconds(story.back_after_seconds))
    record_property("return to written back", f"{story.return_to_write_back_seconds:.1f} s")
    record_property("start to written back", f"{story.start_to_write_back_seconds:.1f} s")

    assert all(abs(seconds - EXPIRY_SECONDS) <= TOLERANCE_SECONDS for seconds in story.back_after_seconds)
    assert story.return_to_write_back_seconds <= WRITE_BACK_SECONDS_MAX
    assert story.written.switches["recs"].state == "normal"


async def test_a_hand_in_consul_is_shown_within_five_seconds(
    consul: ConsulAccess,
    postgres_url: str,
    consul_binary: Path,
    tmp_path: Path,
    record_property: Record,
) -> None:
    """`consul kv put` on a switch document is shown by the API within 5 s, in 10 of 10 times."""
    plane = Plane(tmp_path / "plane", consul=consul.address, prefix=consul.prefix, database=postgres_url)
    async with running(plane), reading(consul.address, consul.prefix, tmp_path) as readers:
        await plane.apply(FLEET)
        await all_serve(readers, recommends=True, revision=1)
        seconds = [await notice_a_hand(plane, consul_binary) for _ in range(HANDS)]
    record_property("put to shown", spread_ms(seconds))
    record_property("a reader's busiest second", f"{max(r.busiest_second() for r in readers)} requests")

    assert max(seconds) <= NOTICE_SECONDS_MAX
    assert max(reader.busiest_second() for reader in readers) <= REQUESTS_PER_SECOND_MAX


async def test_older_snapshots_take_no_value_from_any_reader(
    own_consul: OwnConsul, postgres_url: str, tmp_path: Path, record_property: Record
) -> None:
    """5 older snapshots are restored: no value is lost, all readers are at max + 1 within 15 s, unhurried."""
    plane = Plane(tmp_path / "plane", consul=own_consul.address, database=postgres_url)
    async with running(plane), reading(own_consul.address, plane.prefix, tmp_path) as readers:
        await plane.apply(FLEET)
        await all_serve(readers, recommends=True, revision=1)
        stories = []
        for _ in range(SNAPSHOTS):
            stories.append(await restore_older_snapshot(plane, readers))
            await flip_both(plane, "restore")
            await all_serve(readers, recommends=True)
    record_property(
        "restore to all at the newest", spread_seconds(s.restore_to_newest_seconds for s in stories)
    )
    record_property("a reader's busiest second", f"{max(r.busiest_second() for r in readers)} requests")

    assert [loss for story in stories for loss in story.losses] == []
    assert [story.document.revision - story.lost_revision for story in stories] == [1] * SNAPSHOTS
    assert max(story.restore_to_newest_seconds for story in stories) <= NEWEST_SECONDS_MAX
    assert max(reader.busiest_second() for reader in readers) <= REQUESTS_PER_SECOND_MAX


async def test_fifty_writers_each_win_or_hear_who_did(
    consul: ConsulAccess, postgres_url: str, tmp_path: Path, record_property: Record
) -> None:
    """50 writers with `If-Match` at two replicas: revision = successes + start, each loser told what won."""
    one, two = two_planes(tmp_path, consul, postgres_url)
    async with running(one):
        await one.apply(FLEET)
        await eventually(lambda: one.switches(SERVICE), lambda shown: shown["revision"])
        async with running(two):
            await eventually(lambda: two.switches(SERVICE), lambda shown: shown["revision"])
            story = await race([one, two], writers=WRITERS, rounds=ROUNDS)
    record_property("attempts", WRITERS * ROUNDS)
    record_property("won", story.won)
    record_property("told who did", len(story.lost))

    assert story.other == []
    assert story.end == story.start + story.won
    assert story.lost
    assert all(" changed recs at " in text for text in story.lost)


@asynccontextmanager
async def served(consul: str, folder: Path) -> AsyncIterator[tuple[float, dict[str, Any], httpx.Headers]]:
    """A service's process, started; seconds until its first answer, and that answer."""
    began = now()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.client.service", consul, str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:  # no TLS: it would be measured
            answer = await http.get(f"http://127.0.0.1:{port}/value")
        yield now() - began, answer.json(), answer.headers
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def test_a_restarted_reader_serves_from_its_file_within_a_second(
    own_consul: OwnConsul, tmp_path: Path, record_property: Record
) -> None:
    """Started again without Consul, a process serves what it knew within 1 s; a new one, the default."""
    depth = degraded(SEARCH_DEPTH, 1)
    async with httpx.AsyncClient(base_url=f"http://{own_consul.address}/v1/kv/", trust_env=False) as http:
        await http.put(SWITCHES_KEY, content=switches(7, search_depth=depth).to_bytes())
    known, new = tmp_path / "known", tmp_path / "new"
    async with served(own_consul.address, known):
        file = known / "switches.checkout.json"
        async with asyncio.timeout(SERVE_SECONDS_MAX * RESTARTS):
            while not file.exists():  # noqa: ASYNC110 - the other process sets no event
                await asyncio.sleep(0.01)
    await own_consul.stop()
    seconds = []
    for _ in range(RESTARTS):
        async with served(own_consul.address, known) as (took, view, headers):
            seconds.append(took)
        said = said_of(headers[APPLIED_HEADER], "switches.checkout")
        assert (view["search-depth"], said.revision, said.src) == (1, 7, AppliedSource.DISK)
    async with served(own_consul.address, new) as (first, view, headers):
        said = said_of(headers[APPLIED_HEADER], "switches.checkout")
    record_property("start to first answer, from the file", spread_ms(seconds))
    record_property("for the first time", spread_ms([first]))

    assert max(seconds) <= SERVE_SECONDS_MAX
    assert (view["search-depth"], said.state, said.src) == (-1, AppliedState.STALE, AppliedSource.DEFAULT)
