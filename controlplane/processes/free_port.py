"""Owns the choice of loopback ports for private servers."""

import random
import socket
from contextlib import ExitStack
from pathlib import Path

from controlplane.processes.errors import ProcessError

LOOPBACK = "127.0.0.1"
_PORT_MIN = 10_240
_ATTEMPTS_MAX = 1_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_EPHEMERAL_MIN_DEFAULT = 32_768


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
            port = choose.randrange(_PORT_MIN, _ephemeral_min())
            if _hold(port, held):
                ports.append(port)
    raise ProcessError(f"found only {len(ports)} free ports of {count} on {LOOPBACK} from {_PORT_MIN} up")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on this TCP port now."""
    with ExitStack() as held:
        return _bind(socket.SOCK_STREAM, host, port, held)


def _hold(port: int, held: ExitStack) -> bool:
    return all(_bind(kind, LOOPBACK, port, held) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _bind(kind: socket.SocketKind, host: str, port: int, held: ExitStack) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = held.enter_context(socket.socket(family, kind))
    if kind is socket.SOCK_STREAM:  # as servers do: a connection in TIME_WAIT does not make the port taken
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError:
        return False
    return True


def _ephemeral_min() -> int:
    try:
        lowest = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        lowest = _EPHEMERAL_MIN_DEFAULT
    return lowest if lowest > 2 * _PORT_MIN else 65_536
