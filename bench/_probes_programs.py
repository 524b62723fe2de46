"""Owns the programs that take part in `bench.probes`: how they are started, pinned to a core and measured."""

import asyncio
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from controlplane.processes.parent_death import die_with_parent

TARGETS = 1_000
FIRST_PORT = 21_000
"""Targets are the ports from here on, below the range from which the kernel takes ports for connections."""
PROBER_CORE = 0
OTHERS_CORE = 1
READY_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0
DRIVER_CONNECTIONS = 32
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

_HAPROXY = """
global
  nbthread 1
  maxconn 8000
  stats socket {folder}/stats level admin
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
"""
_HAPROXY_TARGETS = """
frontend targets
  bind 127.0.0.1:{first}-{last}
  http-request return status 200 content-type text/plain string "ok"
"""
_BLACKBOX = """
modules:
  http:
    prober: http
    timeout: 1s
    http: {follow_redirects: false, preferred_ip_protocol: ip4}
"""


class Targets:
    """1,000 addresses that answer 200: HAProxy where it is installed, else a process of ours."""

    def __init__(self, name: str, stats: Path | None) -> None:
        self.name = name
        self._stats = stats

    def answered(self) -> int:
        """Probes that they have answered since their start; only HAProxy counts them."""
        if self._stats is None:
            raise RuntimeError("only HAProxy counts what it answers")
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._stats))
            line.sendall(b"show stat\n")
            table = b"".join(iter(lambda: line.recv(65536), b"")).decode()
        rows = csv.DictReader(table.removeprefix("# ").splitlines())
        return next(int(row["stot"]) for row in rows if row["pxname"] == "targets")


@contextmanager
def targets() -> Iterator[Targets]:
    """The targets, listening."""
    program = shutil.which("haproxy")
    with TemporaryDirectory(prefix="bench-targets-") as folder:
        if program is None:
            argv, found = [sys.executable, "-m", "bench._probes_target"], Targets("a target of ours", None)
        else:
            config = _HAPROXY + _HAPROXY_TARGETS
            argv = [program, "-q", "-f", str(_haproxy_config(Path(folder), config))]
            found = Targets("HAProxy", Path(folder, "stats"))
        with running(argv, core=OTHERS_CORE):
            wait_for_port(FIRST_PORT + TARGETS - 1)
            yield found


@contextmanager
def haproxy_checks(interval_seconds: float) -> Iterator[int | None]:
    """HAProxy, which checks every target once per interval; answers its pid, None where it is not there."""
    program = shutil.which("haproxy")
    if program is None:
        yield None
        return
    every = f"check inter {round(interval_seconds * 1000)}ms"
    servers = [f"  server s{port} 127.0.0.1:{port} {every}" for port in _ports()]
    config = "\n".join([_HAPROXY, "backend checked", "  option httpchk GET /", *servers])
    with TemporaryDirectory(prefix="bench-haproxy-") as folder:
        argv = [program, "-q", "-f", str(_haproxy_config(Path(folder), f"{config}\n"))]
        with running(argv, core=PROBER_CORE) as pid:
            yield pid


@contextmanager
def blackbox_exporter() -> Iterator[tuple[int, int] | None]:
    """blackbox_exporter; answers its pid and port, None where it is not installed."""
    program = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    if program is None:
        yield None
        return
    with TemporaryDirectory(prefix="bench-blackbox-") as folder:
        config, port = Path(folder, "blackbox.yaml"), free_port()
        config.write_text(_BLACKBOX)
        argv = [
            program,
            f"--config.file={config}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
        with running(argv, core=PROBER_CORE) as pid:
            wait_for_port(port)
            yield pid, port


async def drive_blackbox(port: int, seconds: float) -> int:
    """Ask for probes, as many as it does; answers how many succeeded."""
    until = asyncio.get_running_loop().time() + seconds
    turns = iter(range(sys.maxsize))
    counts = await asyncio.gather(*(_ask_blackbox(port, turns, until) for _ in range(DRIVER_CONNECTIONS)))
    return sum(counts)


async def _ask_blackbox(port: int, turns: Iterator[int], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    succeeded = 0
    while asyncio.get_running_loop().time() < until:
        target = quote(f"http://127.0.0.1:{FIRST_PORT + next(turns) % TARGETS}/", safe="")
        writer.write(f"GET /probe?module=http&target={target} HTTP/1.1\r\nHost: b\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n0\r\n\r\n")  # chunked, as Go sends what it has no length of
        succeeded += b"\nprobe_success 1\n" in answer
    writer.close()
    return succeeded


@contextmanager
def running(argv: Sequence[str], *, core: int) -> Iterator[int]:
    """A child on one core, which ends with the block; answers its pid."""
    tie = die_with_parent()

    def before() -> None:
        tie()
        pin(core)

    quiet = subprocess.DEVNULL
    child = subprocess.Popen(argv, preexec_fn=before, stdout=quiet, stderr=quiet)  # noqa: PLW1509 - it only calls
    try:
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def pin(core: int) -> None:
    """Keep this process on one core, where there are two."""
    if (os.cpu_count() or 1) > OTHERS_CORE:
        os.sched_setaffinity(0, {core})


def cpu_seconds(pid: int) -> float:
    """Processor time of a process since its start, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def wait_for_port(port: int) -> None:
    """Return as soon as something listens there.

    Raises:
        RuntimeError: nothing does within 20 s.
    """
    until = time.monotonic() + READY_SECONDS_MAX  # noqa: TID251 - measures real time
    while time.monotonic() < until:  # noqa: TID251 - measures real time
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port} of the loopback")


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _ports() -> range:
    return range(FIRST_PORT, FIRST_PORT + TARGETS)


def _haproxy_config(folder: Path, config: str) -> Path:
    path = folder / "haproxy.cfg"
    path.write_text(config.format(folder=folder, first=FIRST_PORT, last=FIRST_PORT + TARGETS - 1))
    return path
