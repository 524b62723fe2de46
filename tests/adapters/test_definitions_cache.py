"""The file of the last definitions: whole or not there, private, and never believed when it was changed."""

import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given

from controlplane.adapters.definitions_cache import FILE_BYTES_MAX, DefinitionsFile
from controlplane.domain.fleet import Definitions, Fleet, Region
from tests.strategies import fleets

DEFINITIONS = Definitions(17, Fleet(regions=(Region("us-east"),)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "definitions.json"


def test_what_is_saved_is_loaded(path: Path):
    """Definitions come back as they were, and the next ones replace them."""
    cache = DefinitionsFile(path)
    assert cache.load() is None
    cache.save(DEFINITIONS)
    assert cache.load() == DEFINITIONS
    cache.save(Definitions(18, Fleet()))

    assert cache.load() == Definitions(18, Fleet())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@given(fleets(adopted=True))
def test_any_fleet_survives_the_file(tmp_path_factory: pytest.TempPathFactory, fleet: Fleet):
    """Adopted instances and every value of a switch come back."""
    cache = DefinitionsFile(tmp_path_factory.getbasetemp() / "any.json")
    cache.save(Definitions(1, fleet))

    assert cache.load() == Definitions(1, fleet)


def test_only_its_owner_may_read_it(path: Path):
    """The file names every address of the fleet: it is private whatever the umask says."""
    umask = os.umask(0)
    try:
        DefinitionsFile(path).save(DEFINITIONS)
    finally:
        os.umask(umask)

    assert path.stat().st_mode & 0o777 == 0o600


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def altered(raw: bytes) -> bytes:
    return raw.replace(b"us-east", b"us-west")


def of_a_newer_version(raw: bytes) -> bytes:
    return json.dumps({"content": {"revision": 17}, "sha256": "0"}).encode()


DAMAGE = [cut, altered, of_a_newer_version, lambda raw: b"", lambda raw: b"\xff", lambda raw: b"[" * 100_000]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_no_file(path: Path, caplog: pytest.LogCaptureFixture, damage):
    """What was cut or changed is not believed, and the log says so."""
    cache = DefinitionsFile(path)
    cache.save(DEFINITIONS)
    path.write_bytes(damage(path.read_bytes()))

    assert cache.load() is None
    assert [record.message for record in caplog.records] == ["definitions on disk are unreadable"]
    cache.save(DEFINITIONS)
    assert cache.load() == DEFINITIONS


def test_a_file_beyond_all_size_is_not_read(path: Path):
    """Memory is bounded whatever lies there."""
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)

    assert DefinitionsFile(path).load() is None


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Without a disk the process goes on, and the log says what is missing."""
    caplog.set_level(logging.WARNING)
    DefinitionsFile(tmp_path / "absent" / "definitions.json").save(DEFINITIONS)

    assert [record.message for record in caplog.records] == ["definitions are not on disk"]
