"""Owns `fleet.json` in the data folder: where the simulated fleet is, and the secret that breaks it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane.processes.demo_fleet.layout import DemoInstance, instance_ids, lay_out
from controlplane.processes.demo_fleet.listener import LOOPBACK
from controlplane.processes.free_port import free_ports, is_free
from controlplane.processes.private_file import write_private

FILE_NAME = "fleet.json"


class NoDemo(Exception):
    """No demo has run in this folder; the text says how to start one."""


@dataclass(frozen=True, slots=True)
class FleetJson:
    """What the runner of the fleet writes down once everything listens."""

    control: str
    """URL of the control endpoint."""
    secret: str
    """Bearer secret of the control endpoint, of this run alone."""
    instances: Sequence[DemoInstance]


def write_fleet(data_dir: Path, fleet: FleetJson) -> None:
    """Replace the file, mode 0600.

    Raises:
        ProcessError: it cannot be written.
    """
    instances = [
        {
            "id": instance.id,
            "service": instance.cell.service,
            "region": instance.cell.region,
            "address": LOOPBACK,
            "port": instance.port,
        }
        for instance in fleet.instances
    ]
    content = {"control": fleet.control, "secret": fleet.secret, "instances": instances}
    write_private(data_dir / FILE_NAME, json.dumps(content, indent=1))


def read_fleet(data_dir: Path) -> FleetJson:
    """What the last run of the fleet wrote down, whether it still runs or not.

    Raises:
        NoDemo: there is no such file, or it cannot be read.
    """
    try:
        content = json.loads((data_dir / FILE_NAME).read_bytes())
        ports = {entry["id"]: int(entry["port"]) for entry in content["instances"]}
        return FleetJson(content["control"], content["secret"], lay_out(ports))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoDemo(
            f"no demo runs on the folder {data_dir}: start one with `controlplane demo --data-dir {data_dir}`"
        ) from error


def choose_ports(data_dir: Path) -> Mapping[str, int]:
    """A port for each instance: the one it had in the last run where that is free, else a fresh one.

    Raises:
        ProcessError: there are not enough free ports.
    """
    kept = {name: port for name, port in _former_ports(data_dir).items() if is_free(LOOPBACK, port)}
    names = instance_ids()
    fresh = iter(port for port in free_ports(len(names) + len(kept)) if port not in kept.values())
    return {name: kept.get(name) or next(fresh) for name in names}


def _former_ports(data_dir: Path) -> Mapping[str, int]:
    try:
        return {instance.id: instance.port for instance in read_fleet(data_dir).instances}
    except NoDemo:
        return {}
