"""Owns `runtime.json`: what runs on a data directory and how to reach it, told to scripts."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from controlplane.processes.data_dir import is_supervised
from controlplane.processes.private_file import write_private

FILE_NAME = "runtime.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The addresses and processes of one running `serve`."""

    api: str
    """URL of the API and the console."""
    token: str = field(repr=False)
    """Secret of a token with the role admin."""
    consul: str
    """`host:port` of the embedded Consul, else the address that was configured."""
    database: str = field(repr=False)
    """URL of PostgreSQL, password included."""
    pids: Mapping[str, int]
    """Process id by the child's name; a child that is down is absent."""


def write_runtime(data_dir: Path, runtime: Runtime) -> None:
    """Replace the file, mode 0600.

    Raises:
        ProcessError: it cannot be written.
    """
    write_private(data_dir / FILE_NAME, json.dumps(asdict(runtime), indent=2) + "\n")


def read_runtime(data_dir: Path) -> Runtime | None:
    """What runs there now; None where nothing does, whatever a killed supervisor left behind."""
    if not is_supervised(data_dir):
        return None
    try:
        return Runtime(**json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:  # it is still starting
        return None


def remove_runtime(data_dir: Path) -> None:
    """Take it away: nothing runs there any more."""
    with suppress(FileNotFoundError):
        (data_dir / FILE_NAME).unlink()
