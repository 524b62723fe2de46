"""The Go reader of docs/readers is what a Go engineer expects, and keeps the rules beside a real Consul."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlplane.adapters.clock import SystemClock
from controlplane.adapters.consul import ConsulStore
from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.application.ports import Committed, Put
from controlplane.contract.applied import Applied
from controlplane.contract.documents import FailoverState, Handover
from tests.client.documents import KEY, SWITCHES_KEY, degraded, document, said_of, switches, until
from tests.client.documents import RECOMMENDATIONS as RECS
from tests.fixtures.consul import OwnConsul
from tests.fixtures.golang import MODULE, GoReader, go, go_reader, has_race_detector
from tests.fixtures.scripted_http import scripted_http
from tests.readers.programs import RECIPES
from tests.scenarios.waiting import eventually

pytestmark = pytest.mark.services

NOBODY = "127.0.0.1:1"
DOCUMENT = "switches.checkout"
LEASE_SECONDS = 4
REQUESTS_PER_SECOND_MAX = 5
REQUESTS = 12
RESTARTS = 10
RESTART_SECONDS_MAX = 1.0

Publish = Callable[..., Any]


@pytest.fixture
async def store(own_consul: OwnConsul) -> AsyncIterator[ConsulStore]:
    """The test's own Consul."""
    async with aclosing(
        ConsulStore(ConsulEndpoint(address=own_consul.address), clock=SystemClock())
    ) as store:
        yield store


async def publish(store: ConsulStore, raw: bytes, key: str = SWITCHES_KEY) -> None:
    assert isinstance(await store.transact((Put(key, raw),)), Committed)


async def said(reader: GoReader, document: str = DOCUMENT) -> Applied:
    return said_of(await reader.header(), document)


async def says(reader: GoReader, **wanted: object) -> Applied:
    """Wait until the reader says this of its switches."""
    return await eventually(
        lambda: said(reader),
        lambda applied: all(getattr(applied, name) == value for name, value in wanted.items()),
    )


def test_go_formats_and_vets():
    """`gofmt` and `go vet` have nothing to say."""
    assert go("gofmt", "-l", ".") == ""
    go("go", "vet", "./...")


def test_go_tests():
    """The reader's own tests pass, all vectors among them, under the race detector where there is one."""
    race = ["-race"] if has_race_detector() else []
    assert go("go", "test", *race, "./...").startswith("ok")


def test_the_reader_is_one_file_on_the_standard_library():
    """It is copied as one file, and asks for no module but its own."""
    imports = go("go", "list", "-f", '{{join .Imports "\\n"}}', ".").split()
    assert not [name for name in imports if "." in name.split("/")[0]]
    assert go("go", "list", "-f", '{{join .GoFiles " "}}', ".").split() == ["reader.go"]
    assert "require" not in (MODULE / "go.mod").read_text()


def test_the_lines_of_the_page_compile(tmp_path: Path):
    """What README.md shows to a Go engineer compiles and vets."""
    page = (RECIPES / "README.md").read_text()
    (lines,) = re.findall(r"^```go\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "main.go").write_text(PAGE_PROGRAM % lines)
    (tmp_path / "go.mod").write_text(
        "module page\n\ngo 1.19\n\nrequire controlplane/reader v0.0.0\n\n"
        f"replace controlplane/reader => {MODULE}\n"
    )
    go("go", "vet", ".", cwd=tmp_path)


PAGE_PROGRAM = """package main

import (
	"context"
	"net/http"

	controlplane "controlplane/reader"
)

func main() {
	ctx, health, userID := context.Background(), http.NotFoundHandler(), "user-1"
%s
	_ = depth
}
"""


async def test_it_follows_flips_and_moves(go_example: Path, own_consul: OwnConsul, store: ConsulStore):
    """A flip and a move are in force and acknowledged with their sum; the listener heard of both."""
    async with go_reader(
        go_example, consul=own_consul.address, service="checkout", groups="checkout"
    ) as reader:
        await says(reader, state="absent", src="default")
        await publish(store, switches(1).to_bytes())
        await says(reader, revision=1, state="ok", src="live")
        assert await reader.value("recommendations", "false") is True
        await publish(store, switches(2, recommendations=degraded(RECS, value=False)).to_bytes())
        await says(reader, revision=2)
        assert await reader.value("recommendations", "true") is False
        await publish(store, document(7, "eu-west").to_bytes(), KEY)
        told = await eventually(reader.told, lambda told: told["active"]["checkout"])
        assert told["active"] == {"checkout": "eu-west"}
        changes = await eventually(reader.changes, lambda changes: len(changes) == 3)
        assert [(change["document"], change["revision"], change["switches"]) for change in changes] == [
            (DOCUMENT, 1, ["recommendations", "search-depth"]),
            (DOCUMENT, 2, ["recommendations"]),
            ("failover.checkout", 7, None),
        ]
        assert await reader.terminate() == 0


async def test_what_cannot_be_read_changes_nothing(
    go_example: Path, own_consul: OwnConsul, store: ConsulStore
):
    """A bad document, one of another service and an older one are refused, each by name; the value stays."""
    flipped = switches(5, recommendations=degraded(RECS, value=False)).to_bytes()
    async with go_reader(go_example, consul=own_consul.address, service="checkout") as reader:
        await publish(store, flipped)
        await says(reader, revision=5, state="ok")
        for raw, observed, err in (
            (flipped.replace(b":5,", b":6,").replace(b'"bool"', b'"int"'), 6, "recommendations"),
            (flipped.replace(b":5,", b":7,").replace(b'"checkout"', b'"catalog"'), 7, "catalog"),
            (b"not JSON", None, "not JSON"),
            (switches(4).to_bytes(), 4, "revision went back"),
        ):
            await publish(store, raw)
            refusal = await says(reader, state="nack", observed=observed)
            assert (refusal.revision, err in refusal.err) == (5, True)
            assert await reader.value("recommendations", "true") is False
        await publish(store, switches(8).to_bytes())
        await says(reader, revision=8, state="ok")
        assert await reader.value("recommendations", "false") is True


async def restart(program: Path, directory: Path) -> tuple[Applied, Any, float]:
    """Start a reader of that folder while Consul is away: what it says and serves, and after how long."""
    began = time.monotonic()  # noqa: TID251 - measures real time
    async with go_reader(
        program, consul=NOBODY, service="checkout", directory=str(directory), region="eu-west"
    ) as reader:
        value = await reader.value("recommendations", "true")
        seconds = time.monotonic() - began  # noqa: TID251 - measures real time
        return await said(reader), value, seconds


async def kept(program: Path, own_consul: OwnConsul, store: ConsulStore, directory: Path) -> None:
    """Let a reader keep a flip in that folder."""
    await publish(store, switches(3, recommendations=degraded(RECS, value=False)).to_bytes())
    options = {"consul": own_consul.address, "service": "checkout", "directory": str(directory)}
    async with go_reader(program, **options) as reader:
        await says(reader, revision=3, state="ok")
    await own_consul.stop()


async def test_a_restart_without_consul_serves_from_the_file(
    go_example: Path, own_consul: OwnConsul, store: ConsulStore, tmp_path: Path
):
    """While Consul is away, a restarted reader serves what it knew last, and says that it is from disk."""
    await kept(go_example, own_consul, store, tmp_path)
    applied, value, _ = await restart(go_example, tmp_path)
    assert (applied.revision, applied.src, applied.state, value) == (3, "disk", "stale", False)


@pytest.mark.prove
async def test_a_restart_without_consul_serves_within_a_second(
    go_example: Path,
    own_consul: OwnConsul,
    store: ConsulStore,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    """While Consul is away, a restarted Go reader answers from its file within a second, ten times of ten."""
    await kept(go_example, own_consul, store, tmp_path)
    seconds = [(await restart(go_example, tmp_path))[2] for _ in range(RESTARTS)]
    record_property("process start to first value", f"{max(seconds) * 1000:.0f} ms at most")
    assert max(seconds) <= RESTART_SECONDS_MAX


async def test_a_first_start_without_consul_serves_the_code_default(go_example: Path, tmp_path: Path):
    """Without Consul and without a file the code's default answers, and the header says so."""
    applied, value, _ = await restart(go_example, tmp_path / "nothing")
    assert (applied.revision, applied.src, applied.state, value) == (0, "default", "stale", True)


async def test_an_exclusive_region_is_active_while_home_answers(
    go_example: Path, own_consul: OwnConsul, store: ConsulStore
):
    """Of an exclusive group a region is active while its home Consul confirms it, and for one lease more."""
    exclusive = replace(document(7, "eu-west"), handover=Handover.EXCLUSIVE, lease_seconds=LEASE_SECONDS)
    await publish(store, exclusive.to_bytes(), KEY)
    async with go_reader(go_example, consul=own_consul.address, groups="checkout") as reader:
        await active(reader, "eu-west")
        await own_consul.stop()
        await active(reader, "")
        assert (await said(reader, "failover.checkout")).revision == 7
        await own_consul.start()
        await active(reader, "eu-west")
        fenced = replace(exclusive, revision=8, state=FailoverState.FENCED, active=None)
        await publish(store, fenced.to_bytes(), KEY)
        await active(reader, "")


async def test_a_copy_makes_no_exclusive_region_active(
    go_example: Path, own_consul: OwnConsul, store: ConsulStore
):
    """Where only a copy can be read, for home is another datacenter, it is shown and nothing is active."""
    abroad = replace(document(7, "eu-west"), handover=Handover.EXCLUSIVE, home="far-away")
    await publish(store, abroad.to_bytes(), KEY)
    async with go_reader(go_example, consul=own_consul.address, groups="checkout") as reader:
        shown = await eventually(
            lambda: said(reader, "failover.checkout"),
            lambda applied: applied.state == "stale" and applied.sum,
        )
        assert shown.revision == 7
        await publish(store, replace(abroad, revision=8).to_bytes(), KEY)
        await eventually(lambda: said(reader, "failover.checkout"), lambda applied: applied.revision == 8)
        assert (await reader.told())["active"] == {"checkout": ""}


async def active(reader: GoReader, region: str) -> None:
    """Wait until this is the active region."""
    await eventually(reader.told, lambda told: told["active"] == {"checkout": region})


async def test_an_outage_of_consul_takes_nothing_away(
    go_example: Path, own_consul: OwnConsul, store: ConsulStore
):
    """The flip stays in force while Consul is away, and the next one after its return is followed."""
    async with go_reader(go_example, consul=own_consul.address, service="checkout") as reader:
        await publish(store, switches(3, recommendations=degraded(RECS, value=False)).to_bytes())
        await says(reader, revision=3, state="ok")
        await own_consul.stop()
        await says(reader, revision=3, state="stale")
        assert await reader.value("recommendations", "true") is False
        await own_consul.wipe()
        await own_consul.start()
        await says(reader, revision=3, state="absent")
        await publish(store, switches(4).to_bytes())
        await says(reader, revision=4, state="ok")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
async def test_it_asks_at_most_five_times_a_second(go_example: Path, status: str):
    """Whoever answers every request at once is asked five times a second at most, of three documents."""
    async with scripted_http() as consul:
        consul.reply(status, switches(1).to_bytes(), "X-Consul-Index: 7")
        groups = {"service": "checkout", "groups": "checkout,catalog"}
        began = time.monotonic()  # noqa: TID251 - measures real time
        async with go_reader(go_example, consul=consul.address, **groups):
            await until(lambda: len(consul.heard) >= REQUESTS)
            seconds = time.monotonic() - began  # noqa: TID251 - measures real time
    assert seconds >= REQUESTS / REQUESTS_PER_SECOND_MAX
