"""Promises of the last-known-good file: what a reader starts from, and when it is written."""

import stat
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from controlplane.client import Change, Client
from controlplane.client.last_known_good import LastKnownGood
from controlplane.contract.applied import Applied, AppliedSource, AppliedState, parse
from controlplane.contract.documents import Handover
from tests.client.documents import KEY, document, until
from tests.fakes.consul_http import FakeConsulHttp, refuse

FILE = "failover.checkout.json"


def reader(consul: FakeConsulHttp, folder: Path) -> Client:
    return Client(
        ["checkout"], directory=folder, defaults={"checkout": "ap-south"}, transport=lambda: consul.transport
    )


def applied(client: Client) -> Applied:
    (entry,) = parse(client.applied_header())
    return entry


async def test_a_reader_starts_from_its_file_when_consul_is_away(tmp_path):
    """The last document is in force from the first moment, marked stale and from disk."""
    (tmp_path / FILE).write_bytes(document(17, "eu-west").to_bytes())
    async with reader(FakeConsulHttp(fault=refuse), tmp_path) as client:
        assert client.active_region("checkout") == "eu-west"
        said = applied(client)
    assert (said.revision, said.state, said.src) == (17, AppliedState.STALE, AppliedSource.DISK)


async def test_the_same_document_from_consul_makes_it_live(tmp_path):
    """What was read from disk is live as soon as Consul has answered with the same bytes, and no change."""
    consul = FakeConsulHttp()
    changes: list[Change] = []
    (tmp_path / FILE).write_bytes(document(17).to_bytes())
    await consul.put(KEY, document(17).to_bytes())
    client = reader(consul, tmp_path)
    client.on_change(changes.append)
    async with client:
        await until(lambda: applied(client).src is AppliedSource.LIVE)
        assert (applied(client).state, changes) == (AppliedState.OK, [])


async def test_a_store_that_lost_revisions_does_not_win_over_the_file(tmp_path):
    """A reader that restarts beside a restored Consul keeps the higher revision and says so."""
    consul = FakeConsulHttp()
    (tmp_path / FILE).write_bytes(document(17, "eu-west").to_bytes())
    await consul.put(KEY, document(16).to_bytes())
    async with reader(consul, tmp_path) as client:
        await until(lambda: applied(client).state is AppliedState.NACK)
        said = applied(client)
    assert (said.revision, said.observed, said.err) == (17, 16, "revision went back")


async def test_an_acknowledged_document_is_on_disk(tmp_path):
    """When a revision is acknowledged its exact bytes stand in a file that only its owner reads."""
    consul = FakeConsulHttp()
    folder = tmp_path / "not" / "there" / "yet"
    async with reader(consul, folder) as client:
        for published in (document(1), document(2)):
            await consul.put(KEY, published.to_bytes())
            await until(partial(acknowledged, client, published.revision))
            assert (folder / FILE).read_bytes() == published.to_bytes()
    assert [path.name for path in folder.iterdir() if path.is_file()] == [FILE]
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def acknowledged(client: Client, revision: int) -> bool:
    return applied(client).revision == revision


@pytest.mark.parametrize("content", [b"", b"{", document(1).to_bytes()[:-9]])
async def test_a_broken_file_is_no_obstacle(tmp_path, content, caplog):
    """A file that is no document is reported, and the code's default holds."""
    (tmp_path / FILE).write_bytes(content)
    async with reader(FakeConsulHttp(fault=refuse), tmp_path) as client:
        assert client.active_region("checkout") == "ap-south"
        assert applied(client).src is AppliedSource.DEFAULT
    assert "of no use" in caplog.text


async def test_a_disk_that_refuses_does_not_hold_a_failover_up(tmp_path, caplog):
    """Where the file cannot be written the document is in force and acknowledged all the same."""
    consul = FakeConsulHttp()
    (tmp_path / "file").write_bytes(b"")
    async with reader(consul, tmp_path / "file") as client:
        await consul.put(KEY, document(1, "eu-west").to_bytes())
        await until(lambda: applied(client).revision == 1)
        assert client.active_region("checkout") == "eu-west"
    assert "not on disk" in caplog.text


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    """When the file cannot be replaced the error is told and nothing lies beside it."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(IsADirectoryError):
        LastKnownGood(tmp_path / FILE).save(b"a document")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


async def test_a_process_that_lags_does_not_set_its_siblings_file_back(tmp_path):
    """Where processes share a folder, the file holds the newest that any of them has seen."""
    consul = FakeConsulHttp()
    async with reader(consul, tmp_path) as client:
        await consul.put(KEY, document(1).to_bytes())
        await until(lambda: acknowledged(client, 1))
        (tmp_path / FILE).write_bytes(document(3).to_bytes())
        await consul.put(KEY, document(2).to_bytes())
        await until(lambda: acknowledged(client, 2))
    assert (tmp_path / FILE).read_bytes() == document(3).to_bytes()


async def test_a_document_of_somebody_else_is_refused(tmp_path):
    """What was copied to another group's key, or into its file, is never in force there."""
    consul = FakeConsulHttp()
    (tmp_path / FILE).write_bytes(replace(document(17), group="payments").to_bytes())
    async with reader(consul, tmp_path) as client:
        assert client.active_region("checkout") == "ap-south"
        await consul.put(KEY, replace(document(18), group="payments").to_bytes())
        await until(lambda: applied(client).state is AppliedState.NACK)
        assert applied(client).err == "this is the document of 'payments', not of 'checkout'"


async def test_an_exclusive_group_has_no_active_region_here(tmp_path):
    """A reader that keeps no lease takes no region of an exclusive group for active, and acknowledges."""
    consul = FakeConsulHttp()
    async with reader(consul, tmp_path) as client:
        await consul.put(KEY, replace(document(1), handover=Handover.EXCLUSIVE).to_bytes())
        await until(lambda: acknowledged(client, 1))
        assert client.active_region("checkout") is None
