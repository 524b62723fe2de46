"""The private Consul keeps its data and its identity, and opens three ports on loopback."""

import json
from pathlib import Path

import httpx
import pytest

from controlplane.processes.consul_binary import ConsulBinary
from controlplane.processes.embedded_consul import ConsulPorts, EmbeddedConsul, config_file, prepare_consul
from tests.fixtures.consul import OwnConsul
from tests.fixtures.servers import ServerProcess

pytestmark = pytest.mark.services


async def test_a_second_start_on_other_ports_finds_data_and_identity(
    own_consul: OwnConsul, found_consul: ConsulBinary, tmp_path: Path
) -> None:
    """Keys and node id belong to the folder, not to one start."""
    async with httpx.AsyncClient() as client:
        await client.put(f"http://{own_consul.address}/v1/kv/key", content="value")
        former = (await client.get(f"http://{own_consul.address}/v1/agent/self")).json()
        await own_consul.stop()
        again = prepare_consul(tmp_path, binary=found_consul, ports=ConsulPorts.free())
        process: ServerProcess[EmbeddedConsul] = ServerProcess(lambda: again, tmp_path / "again.log")
        with process.started():
            value = await client.get(f"http://{again.address}/v1/kv/key?raw&consistent")
            found = (await client.get(f"http://{again.address}/v1/agent/self")).json()

    assert value.text == "value"
    assert found["Config"]["NodeID"] == former["Config"]["NodeID"]


def test_only_three_ports_are_open(own_consul: OwnConsul) -> None:
    """HTTP, server and gossip listen, on loopback alone."""
    ports = own_consul.server.ports

    assert _listening(own_consul.pid) == {
        ("127.0.0.1", port) for port in (ports.http, ports.server, ports.gossip)
    }


def test_newer_versions_are_told_to_close_their_further_port(tmp_path: Path) -> None:
    """From 1.14 on a server would open a port for gRPC over TLS; before that the setting is unknown."""
    ports = ConsulPorts(http=1, server=2, gossip=3)
    for version, expected in (((1, 8), None), ((1, 14), -1)):
        server = prepare_consul(tmp_path, binary=ConsulBinary(path=tmp_path, version=version), ports=ports)
        assert json.loads(config_file(server.data).read_text())["ports"].get("grpc_tls") == expected


def _listening(pid: int) -> set[tuple[str, int]]:
    """Addresses that a process listens on with TCP; those of IPv6 as the kernel writes them."""
    inodes = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if str(link.readlink()).startswith("socket:")
    }
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:  # in state LISTEN
                host, port = fields[1].split(":")
                found.add(("127.0.0.1" if host == "0100007F" else host, int(port, 16)))
    return found
