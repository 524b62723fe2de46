"""Owns the private PostgreSQL that a bench measures against."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._probes_programs import CLOCK_TICKS
from controlplane.adapters.postgres.migrate import upgrade_to_head
from controlplane.processes.embedded_postgres import prepare_postgres
from controlplane.processes.free_port import free_ports
from tests.fixtures.servers import ServerProcess


@dataclass(frozen=True, slots=True)
class PrivatePostgres:
    """A server as the product starts it, migrated."""

    url: str
    cpu_seconds: Callable[[], float]
    """Processor time of all of its processes since its start, those that ended included."""


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """A fresh one on loopback, with fsync, which ends with the block."""
    with TemporaryDirectory(prefix="bench-postgres-") as folder:
        (port,) = free_ports(1)
        process = ServerProcess(partial(prepare_postgres, Path(folder), port=port), Path(folder, "log"))
        with process.started():
            upgrade_to_head(process.server.url)
            yield PrivatePostgres(process.server.url, lambda: _cpu_seconds(process.pid))


def _cpu_seconds(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = _ticks(pid, including_ended=True)
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):
            ticks += _ticks(int(child), including_ended=False)
    return ticks / CLOCK_TICKS


def _ticks(pid: int, *, including_ended: bool) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if including_ended else 13]))
