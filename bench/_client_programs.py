"""Owns the clients that take part in `bench.client`, and the private environments of those of others."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._client_child import Mode
from bench._client_sources import Make, consul_source, file_source, http_source
from controlplane.processes.parent_death import die_with_parent

REPOSITORY = Path(__file__).resolve().parents[1]
INSTALL_SECONDS_MAX = 300
END_SECONDS_MAX = 60
_INSTALLED = "installed"


class PeerMissing(Exception):
    """A peer cannot be installed here; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """One client."""

    title: str
    module: str
    """Of this bench: the process that measures it."""
    source: Make
    requirement: str | None = None
    """What pip installs for it; None: it is ours."""


OURS = Program("controlplane.client", "bench._client_ours", consul_source)
PEERS = (
    Program("UnleashClient 6.9.1", "bench._client_unleash", http_source, "UnleashClient==6.9.1"),
    Program("flagd 0.6.1", "bench._client_flagd", file_source, "openfeature-provider-flagd==0.6.1"),
)


def interpreter(program: Program) -> Path:
    """The Python that a program runs on; a peer is installed into the user's cache the first time.

    Raises:
        PeerMissing: it cannot be installed.
    """
    if program.requirement is None:
        return Path(sys.executable)
    folder = _cache_folder(os.environ) / program.requirement.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / _INSTALLED).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", program.requirement])
        (folder / _INSTALLED).touch()
    return python


@contextmanager
def running(program: Program, mode: Mode, address: str, options: str) -> Iterator[subprocess.Popen[str]]:
    """The process that measures a program; it ends with the block, and its temporary files with it.

    Raises:
        RuntimeError: it failed.
    """
    argv = [str(interpreter(program)), "-m", program.module, mode, address, options]
    tie = die_with_parent()
    with TemporaryDirectory(prefix="bench-client-") as folder:
        child = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": folder},
            preexec_fn=tie,  # noqa: PLW1509 - it only calls
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            try:
                yield child
                child.wait(END_SECONDS_MAX)
            finally:
                child.kill()
    if child.returncode != 0:
        raise RuntimeError(f"{program.title} failed with {child.returncode}")


def _cache_folder(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "controlplane" / "bench"


def _run(argv: list[str]) -> None:
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no word why"])[-1]
        raise PeerMissing(last) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(str(error)) from error
