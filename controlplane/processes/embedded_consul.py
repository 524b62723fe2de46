"""Owns the private Consul: its configuration, its command line, and how one sees that it takes writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from controlplane.processes.consul_binary import ConsulBinary
from controlplane.processes.free_port import LOOPBACK, free_ports
from controlplane.processes.private_file import private_folder, write_private
from controlplane.processes.readiness import http_status

_GRPC_TLS_SINCE = (1, 14)
_CONNECTIONS_PER_CLIENT_MAX = 10_000
"""All readers of a demo come from one address; Consul's default of 200 would refuse some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsulPorts:
    """The three ports that a server needs; everything else that Consul could listen on is off."""

    http: int
    server: int
    gossip: int

    @classmethod
    def free(cls) -> "ConsulPorts":
        """Ports that are free on loopback."""
        http, server, gossip = free_ports(3)
        return cls(http=http, server=server, gossip=gossip)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedConsul:
    """A private Consul server on loopback, its data in one folder."""

    binary: Path
    data: Path
    ports: ConsulPorts

    @property
    def address(self) -> str:
        """`host:port` of its HTTP API."""
        return f"{LOOPBACK}:{self.ports.http}"

    @property
    def argv(self) -> tuple[str, ...]:
        """The server in the foreground; SIGINT and SIGTERM stop it without leaving the cluster."""
        return (str(self.binary), "agent", f"-config-file={config_file(self.data)}")

    @property
    def environment(self) -> dict[str, str]:
        """All that the server needs of the environment: nothing of the caller's CONSUL_* must reach it."""
        return {"PATH": "/usr/bin:/bin"}

    def before_start(self) -> None:
        """Nothing is left over by a killed Consul that the next one could not deal with."""

    def is_ready(self) -> bool:
        """Whether it has a leader that answers a consistent read; blocks for 2 s at most."""
        return http_status(LOOPBACK, self.ports.http, "/v1/kv/?keys&separator=/&consistent") in (
            HTTPStatus.OK,
            HTTPStatus.NOT_FOUND,  # no key yet
        )


def prepare_consul(
    data_dir: Path,
    *,
    binary: ConsulBinary,
    ports: ConsulPorts,
    node: str = "controlplane",
    gossip_of_peers: Sequence[int] = (),
) -> EmbeddedConsul:
    """The server for this data directory; raft state and node identity found there are kept.

    Args:
        data_dir: its data go to `consul` below it.
        binary: the Consul to run.
        ports: where to listen on loopback.
        node: its name in the catalog.
        gossip_of_peers: gossip ports of the other servers of its cluster; none: a cluster of one.

    Raises:
        ProcessError: the data directory cannot be written.
    """
    data = private_folder(data_dir / "consul")
    config = _config(data, ports, node, gossip_of_peers)
    if binary.version >= _GRPC_TLS_SINCE:
        config["ports"]["grpc_tls"] = -1
    write_private(config_file(data), json.dumps(config, indent=2))
    return EmbeddedConsul(binary=binary.path, data=data, ports=ports)


def config_file(data: Path) -> Path:
    """Where the configuration of the server with these data stands."""
    return data / "agent.json"


def _config(data: Path, ports: ConsulPorts, node: str, gossip_of_peers: Sequence[int]) -> dict[str, Any]:
    return {
        "server": True,
        "bootstrap_expect": 1 + len(gossip_of_peers),
        "retry_join": [f"{LOOPBACK}:{port}" for port in gossip_of_peers],
        "retry_interval": "1s",
        "node_name": node,
        "data_dir": str(data),
        "bind_addr": LOOPBACK,
        "client_addr": LOOPBACK,
        "ports": {
            "http": ports.http,
            "server": ports.server,
            "serf_lan": ports.gossip,
            "serf_wan": -1,
            "dns": -1,
            "grpc": -1,
        },
        "performance": {"raft_multiplier": 1},
        "autopilot": {"cleanup_dead_servers": False},  # a server that died is started again, never replaced
        "limits": {"http_max_conns_per_client": _CONNECTIONS_PER_CLIENT_MAX},
        "leave_on_terminate": False,
        "skip_leave_on_interrupt": True,
        "disable_update_check": True,
        "log_level": "WARN",
    }
