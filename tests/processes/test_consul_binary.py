"""A Consul is looked for in five places, in order, and a failure says of each why."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controlplane.processes.consul_binary import find_consul
from controlplane.processes.consul_sources import SourceFailure
from controlplane.processes.errors import ProcessError

Fetch = Callable[[Path], Path]


def program(path: Path, version: str = "Consul v1.8.7") -> Path:
    """A program that answers like Consul."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return path


def fetches(version: str) -> Fetch:
    """A source that has a Consul."""
    return lambda work: program(work / "fetched", version)


def fails(reason: str) -> Fetch:
    """A source that has none."""

    def fetch(_work: Path) -> Path:
        raise SourceFailure(reason)

    return fetch


UNUSED = fails("asked although an earlier source has one")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine without any Consul."""
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_the_named_one_comes_first(environment: dict[str, str], tmp_path: Path) -> None:
    """CONSUL_BIN wins over PATH."""
    program(tmp_path / "bin" / "consul")
    named = program(tmp_path / "named", "Consul v1.21.0+ent")
    found = find_consul(
        environment | {"CONSUL_BIN": str(named)}, from_distribution=UNUSED, from_vendor=UNUSED
    )

    assert (found.path, found.version) == (named, (1, 21))


def test_a_named_one_that_does_not_run_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    """Nobody is given another Consul than the one that he named."""
    program(tmp_path / "bin" / "consul")
    with pytest.raises(
        ProcessError, match=r"CONSUL_BIN: /nonexistent does not run: No such file or directory; unset it"
    ):
        find_consul(
            environment | {"CONSUL_BIN": "/nonexistent"}, from_distribution=UNUSED, from_vendor=UNUSED
        )


def test_path_comes_second(environment: dict[str, str], tmp_path: Path) -> None:
    """Without CONSUL_BIN the one on PATH is taken."""
    on_path = program(tmp_path / "bin" / "consul")

    assert find_consul(environment, from_distribution=UNUSED, from_vendor=UNUSED).path == on_path


def test_something_else_of_that_name_is_passed_over(environment: dict[str, str], tmp_path: Path) -> None:
    """A program on PATH that is no Consul does not end the search."""
    program(tmp_path / "bin" / "consul", "I am a shell function")

    assert find_consul(
        environment, from_distribution=fetches("Consul v1.2.3"), from_vendor=UNUSED
    ).version == (1, 2)


def test_what_was_fetched_is_found_again(environment: dict[str, str], tmp_path: Path) -> None:
    """The second search fetches nothing, and the cache holds nothing but the binary and its lock."""
    first = find_consul(environment, from_distribution=fetches("Consul v1.8.7"), from_vendor=UNUSED)

    assert find_consul(environment, from_distribution=UNUSED, from_vendor=UNUSED) == first
    cache = tmp_path / "cache" / "controlplane" / "consul"
    assert {path.name for path in cache.iterdir()} == {"lock", first.path.parent.name}


def test_a_damaged_binary_is_not_used(environment: dict[str, str]) -> None:
    """A binary in the cache that does not match its checksum is fetched again."""
    damaged = find_consul(environment, from_distribution=fetches("Consul v1.8.7"), from_vendor=UNUSED)
    damaged.path.write_text("#!/bin/sh\necho 'Consul v6.6.6'\n")
    found = find_consul(environment, from_distribution=fetches("Consul v1.8.7"), from_vendor=UNUSED)

    assert found.version == (1, 8)


def test_the_vendor_is_asked_last(environment: dict[str, str]) -> None:
    """Where the distribution has none, the vendor's release is fetched."""
    found = find_consul(
        environment, from_distribution=fails("no Debian"), from_vendor=fetches("Consul v1.16.6")
    )

    assert found.version == (1, 16)


def test_a_failure_says_of_all_five_why(environment: dict[str, str], tmp_path: Path) -> None:
    """The sentence names each source with its own reason."""
    with pytest.raises(ProcessError) as refusal:
        find_consul(environment, from_distribution=fails("no Debian"), from_vendor=fails("no network"))

    assert str(refusal.value) == (
        "Consul is not to be had (CONSUL_BIN: not set; PATH: no `consul` on it; "
        f"cache {tmp_path}/cache/controlplane/consul: holds no whole binary; "
        "distribution package: no Debian; vendor's release: no network)"
    )


def test_a_cache_that_cannot_be_made_is_a_reason(environment: dict[str, str], tmp_path: Path) -> None:
    """Where nothing can be kept, nothing is fetched, and the folder is named."""
    (tmp_path / "cache").touch()
    with pytest.raises(
        ProcessError, match=r"distribution package: cannot make the folder .*/cache/controlplane/consul"
    ):
        find_consul(environment, from_distribution=UNUSED, from_vendor=UNUSED)


def test_what_a_killed_search_left_is_thrown_away(environment: dict[str, str], tmp_path: Path) -> None:
    """A half-fetched archive neither disturbs the next search nor stays."""
    cache = tmp_path / "cache" / "controlplane" / "consul"
    program(cache / "work" / "consul", "Consul v6.6.6")
    found = find_consul(environment, from_distribution=fetches("Consul v1.8.7"), from_vendor=UNUSED)

    assert found.version == (1, 8)
    assert not (cache / "work").exists()


def test_searches_at_the_same_time_fetch_once(environment: dict[str, str]) -> None:
    """Whoever waited for the lock takes what the other one fetched."""
    asked = []

    def slow(work: Path) -> Path:
        asked.append(work)
        time.sleep(0.2)
        return program(work / "fetched")

    def search(_number: int) -> Path:
        return find_consul(environment, from_distribution=slow, from_vendor=UNUSED).path

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(search, range(4)))) == 1
    assert len(asked) == 1
