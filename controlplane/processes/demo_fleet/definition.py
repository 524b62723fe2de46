"""Owns the fleet file of the demo: the simulated fleet as the registry knows it."""

from collections.abc import Sequence
from typing import Any

import yaml

from controlplane.processes.demo_fleet import features
from controlplane.processes.demo_fleet.layout import REGIONS, SERVICES, DemoInstance
from controlplane.processes.demo_fleet.listener import LOOPBACK

_CANDIDATES = {
    "checkout": ("us-east", "eu-west", "ap-south"),
    "catalog": ("eu-west", "ap-south", "us-east"),
    "payments": ("us-east", "ap-south", "eu-west"),
}
"""Each service's group: losing us-east moves two groups to two regions and leaves the third alone."""


def fleet_file(instances: Sequence[DemoInstance]) -> str:
    """The fleet file (YAML, `controlplane/v1`) of these instances."""
    content: dict[str, Any] = {
        "apiVersion": "controlplane/v1",
        "regions": [{"name": region} for region in REGIONS],
        "services": [_service(service, instances) for service in SERVICES],
        "groups": [
            {
                "name": service,
                "services": [service],
                "regions": list(_CANDIDATES[service]),
                "policy": _policy(),
            }
            for service in SERVICES
        ],
    }
    return yaml.safe_dump(content, sort_keys=False, width=120)


def _service(service: str, instances: Sequence[DemoInstance]) -> dict[str, Any]:
    listed = [
        {"id": instance.id, "region": instance.cell.region, "address": LOOPBACK, "port": instance.port}
        for instance in instances
        if instance.cell.service == service
    ]
    return {
        "name": service,
        "checks": [_check()],
        "instances": listed,
        "switches": features.definitions(service),
    }


def _check() -> dict[str, Any]:
    return {
        "name": "health",
        "type": "http",
        "path": "/health",
        "interval": "1s",
        "timeout": "500ms",
        "rise": 2,
        "fall": 3,
        "expect": {"status": [200], "latency": "250ms"},
    }


def _policy() -> dict[str, Any]:
    """For a show: short waits, and as many moves as somebody who plays with `chaos` asks for."""
    return {"hold_down": "2s", "dwell": "10s", "max_automatic": "100 per 1h"}
