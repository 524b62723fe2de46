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
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from controlplane.processes.parent_death import die_with_parent

TARGETS = 1_000
PROBER_CORE = 0
OTHERS_CORE = 1
READY_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0
DRIVER_CONNECTIONS = 32
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

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
{binds}
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
    """1,000 addresses that answer 200 on one port: HAProxy where it is installed, else a process of ours."""

    def __init__(self, port: int, stats: Path | None) -> None:
        self.port = port
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


def addresses() -> list[str]:
    """Where the targets are: all of 127/8 is the loopback, and far from 127.0.0.1 nobody else is there."""
    return [f"127.9.{number // 250}.{number % 250 + 1}" for number in range(TARGETS)]


@contextmanager
def targets() -> Iterator[Targets]:
    """The targets, listening."""
    program, port = shutil.which("haproxy"), free_port()
    with TemporaryDirectory(prefix="bench-targets-") as folder:
        if program is None:
            argv, found = [sys.executable, "-m", "bench._probes_target", str(port)], Targets(port, None)
        else:
            binds = "\n".join(f"  bind {address}:{port}" for address in addresses())
            argv = _haproxy(program, Path(folder), _HAPROXY_TARGETS.format(binds=binds))
            found = Targets(port, Path(folder, "stats"))
        with running(argv, core=OTHERS_CORE):
            wait_for_port(addresses()[-1], port)
            yield found


@contextmanager
def haproxy_checks(port: int, interval_seconds: float) -> Iterator[int | None]:
    """HAProxy, which checks every target once per interval; answers its pid, None where it is not there."""
    program = shutil.which("haproxy")
    if program is None:
        yield None
        return
    every = f"check inter {round(interval_seconds * 1000)}ms"
    servers = [f"  server s{number} {address}:{port} {every}" for number, address in enumerate(addresses())]
    with TemporaryDirectory(prefix="bench-haproxy-") as folder:
        argv = _haproxy(
            program, Path(folder), "\n".join(["backend checked", "  option httpchk GET /", *servers])
        )
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
            wait_for_port("127.0.0.1", port)
            yield pid, port


async def drive_blackbox(port: int, target_port: int, seconds: float) -> int:
    """Ask for probes, as many as it does; answers how many succeeded."""
    until = asyncio.get_running_loop().time() + seconds
    turns = cycle(quote(f"http://{address}:{target_port}/", safe="") for address in addresses())
    counts = await asyncio.gather(*(_ask_blackbox(port, turns, until) for _ in range(DRIVER_CONNECTIONS)))
    return sum(counts)


async def _ask_blackbox(port: int, turns: Iterator[str], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    succeeded = 0
    while asyncio.get_running_loop().time() < until:
        writer.write(f"GET /probe?module=http&target={next(turns)} HTTP/1.1\r\nHost: b\r\n\r\n".encode())
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
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def wait_for_port(address: str, port: int) -> None:
    """Return as soon as something listens there.

    Raises:
        RuntimeError: nothing does within 20 s.
    """
    until = time.monotonic() + READY_SECONDS_MAX  # noqa: TID251 - measures real time
    while time.monotonic() < until:  # noqa: TID251 - measures real time
        with suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {address}:{port}")


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _haproxy(program: str, folder: Path, section: str) -> list[str]:
    config = folder / "haproxy.cfg"
    config.write_text(f"{_HAPROXY.format(folder=folder)}{section}\n")
    return [program, "-q", "-f", str(config)]
