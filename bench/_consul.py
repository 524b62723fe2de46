"""Owns the private Consul that a bench measures against."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from controlplane.processes.consul_binary import find_consul
from controlplane.processes.embedded_consul import ConsulPorts, prepare_consul
from tests.fixtures.servers import ServerProcess


@contextmanager
def private_consul() -> Iterator[str]:
    """`host:port` of a fresh single server on loopback, which ends with the block."""
    with TemporaryDirectory(prefix="bench-consul-") as folder:
        binary, ports = find_consul(os.environ), ConsulPorts.free()
        prepare = partial(prepare_consul, Path(folder), binary=binary, ports=ports)
        process = ServerProcess(prepare, Path(folder, "consul.log"))
        with process.started():
            yield process.server.address
