"""Ports for private servers are free, distinct and safe from clients."""

import socket
from pathlib import Path

import pytest

from controlplane.processes.errors import ProcessError
from controlplane.processes.free_port import LOOPBACK, free_ports, is_free, require_free


def test_ports_are_distinct_and_free() -> None:
    """A server can listen on each of them at the same time."""
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(is_free(LOOPBACK, port) for port in ports)


def test_ports_lie_below_those_of_clients() -> None:
    """The kernel gives none of them to an outgoing connection."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert max(free_ports(20)) < lowest


def test_a_taken_port_is_refused_by_number() -> None:
    """The sentence names the port and what can be done."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(LOOPBACK, port)
        with pytest.raises(
            ProcessError, match=rf"^port {port} on 127\.0\.0\.1 is taken .* --port or CONTROLPLANE_"
        ):
            require_free(LOOPBACK, port)


def test_an_address_of_another_machine_is_refused() -> None:
    """An address that is not ours is not called a taken port."""
    with pytest.raises(ProcessError, match=r"^cannot listen on 192\.0\.2\.1 port 8600: Cannot assign"):
        require_free("192.0.2.1", 8600)
