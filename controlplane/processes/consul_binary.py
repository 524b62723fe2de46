"""Owns the search for a Consul: CONSUL_BIN, PATH, the cache, the distribution, the vendor."""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from controlplane.processes.consul_sources import SourceFailure, fetch_from_debian, fetch_from_vendor
from controlplane.processes.errors import ProcessError
from controlplane.processes.private_file import private_folder

_VERSION = re.compile(r"Consul v(\d+)\.(\d+)")
_VERSION_TIMEOUT_SECONDS = 10
_EXECUTABLE_MODE = 0o755

_log = logging.getLogger(__name__)

Fetch = Callable[[Path], Path]
"""Fetches into the given working folder and answers the path of the binary there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulBinary:
    """A Consul that was seen to run here."""

    path: Path
    version: tuple[int, int]


def find_consul(
    environment: Mapping[str, str],
    *,
    from_distribution: Fetch = fetch_from_debian,
    from_vendor: Fetch = fetch_from_vendor,
) -> ConsulBinary:
    """The first Consul that runs, of five sources; what is fetched goes to the user's cache.

    A CONSUL_BIN that is set and does not run is refused at once: whoever named it wants that one.

    Raises:
        ProcessError: none of the five has one; the text says of each why.
    """
    cache = _cache_folder(environment)
    sources: tuple[tuple[str, Callable[[], Path]], ...] = (
        ("CONSUL_BIN", lambda: _named(environment)),
        ("PATH", lambda: _on_path(environment)),
        (f"cache {cache}", lambda: _cached(cache)),
        ("distribution package", lambda: _fetched(cache, from_distribution)),
        ("vendor's release", lambda: _fetched(cache, from_vendor)),
    )
    reasons = []
    for name, look in sources:
        try:
            return _tried(look())
        except SourceFailure as failure:
            reasons.append(f"{name}: {failure}")
            if environment.get("CONSUL_BIN"):
                reasons.append(
                    "unset it to have PATH, cache, distribution package and vendor's release tried"
                )
                break
    raise ProcessError(f"Consul is not to be had ({'; '.join(reasons)})")


def _tried(path: Path) -> ConsulBinary:
    try:
        done = subprocess.run(  # noqa: S603 - the program that is to be run anyway
            [path, "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_TIMEOUT_SECONDS,
        )
    except OSError as error:
        raise SourceFailure(f"{path} does not run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailure(f"{path} did not tell its version in {_VERSION_TIMEOUT_SECONDS} s") from error
    version = _VERSION.match(done.stdout)
    if version is None:
        raise SourceFailure(f"{path} is no Consul: `version` did not answer with one")
    return ConsulBinary(path=path, version=(int(version[1]), int(version[2])))


def _named(environment: Mapping[str, str]) -> Path:
    named = environment.get("CONSUL_BIN")
    if not named:
        raise SourceFailure("not set")
    return Path(named)


def _on_path(environment: Mapping[str, str]) -> Path:
    found = shutil.which("consul", path=environment.get("PATH", os.defpath))
    if found is None:
        raise SourceFailure("no `consul` on it")
    return Path(found)


def _cache_folder(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "controlplane" / "consul"


def _cached(cache: Path) -> Path:
    """Each binary lies in a folder named by its SHA-256, so that a damaged one shows itself."""
    for binary in sorted(cache.glob("*/consul")):
        if _sha256(binary) == binary.parent.name:
            return binary
    raise SourceFailure("holds no whole binary")


def _fetched(cache: Path, fetch: Fetch) -> Path:
    """What another process fetched while we waited for the lock, else what we fetch."""
    try:
        with _locked(private_folder(cache)), _emptied(cache / "work") as work:
            try:
                return _cached(cache)
            except SourceFailure:
                _log.info("fetching Consul", extra={"source": fetch.__name__})
                return _kept(cache, fetch(work))
    except (OSError, ProcessError) as error:
        raise SourceFailure(str(error)) from error


def _kept(cache: Path, fetched: Path) -> Path:
    fetched.chmod(_EXECUTABLE_MODE)
    binary = cache / _sha256(fetched) / "consul"
    private_folder(binary.parent)
    return fetched.replace(binary)


@contextmanager
def _emptied(work: Path) -> Iterator[Path]:
    """A folder to work in; what a killed process left there is thrown away."""
    shutil.rmtree(work, ignore_errors=True)
    try:
        yield private_folder(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
