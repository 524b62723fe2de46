"""Owns the choice of loopback ports for private servers, and the question whether a port is free."""

import errno
import random
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from controlplane.processes.errors import ProcessError

LOOPBACK = "127.0.0.1"
_PORT_MIN = 10_240
_PORT_LIMIT = 65_536
_ATTEMPTS_MAX = 1_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

_RELEASE_ATTEMPTS_MAX = 30
"""A process that was just killed may hold its port a moment longer."""
_RELEASE_PAUSE_SECONDS = 0.1


def free_ports(count: int) -> list[int]:
    """Distinct ports that are free on loopback for TCP and UDP.

    They lie below the range from which the kernel serves outgoing connections: otherwise, while a server is
    down, a client that keeps trying may be given the server's port and talk to itself.

    Raises:
        ProcessError: so many are not free.
    """
    ports: list[int] = []
    choose = random.SystemRandom()
    with ExitStack() as held:
        for _ in range(_ATTEMPTS_MAX):
            if len(ports) == count:
                return ports
            port = choose.randrange(_PORT_MIN, _lowest_ephemeral())
            if _hold(port, held):
                ports.append(port)
    raise ProcessError(f"found only {len(ports)} free ports of {count} on {LOOPBACK} from {_PORT_MIN} up")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on this TCP port now."""
    try:
        _bind(socket.SOCK_STREAM, host, port).close()
    except OSError:
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Make sure that a server can listen on this TCP port; blocks for 3 s while it is taken.

    Raises:
        ProcessError: it stays taken, or is not ours to listen on.
    """
    for _ in range(_RELEASE_ATTEMPTS_MAX):
        try:
            _bind(socket.SOCK_STREAM, host, port).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ProcessError(f"cannot listen on {host} port {port}: {error.strerror}") from error
            time.sleep(_RELEASE_PAUSE_SECONDS)
        else:
            return
    raise ProcessError(
        f"port {port} on {host} is taken by another program; choose another by --port or CONTROLPLANE_PORT"
    )


def _hold(port: int, held: ExitStack) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            held.enter_context(_bind(kind, LOOPBACK, port))
    except OSError:
        return False
    return True


def _bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:  # as servers do: connections in TIME_WAIT do not make a port taken
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened


def _lowest_ephemeral() -> int:
    """Where the kernel's range begins; the limit of all ports where it leaves too few below."""
    lowest = int(_EPHEMERAL_RANGE.read_text(encoding="ascii").split()[0])
    return lowest if lowest > 2 * _PORT_MIN else _PORT_LIMIT
