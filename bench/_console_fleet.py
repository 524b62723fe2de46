"""Owns the large fleet that `bench.console` draws: 2,000 instances, 20 groups, 500 switches."""

from typing import Any

import yaml

REGIONS = ("us-east", "eu-west", "ap-south", "sa-east")
SERVICES = tuple(f"service-{number:02}" for number in range(20))
"""Each is a group of its own."""
INSTANCES_PER_CELL = 25
SWITCHES_PER_SERVICE = 25
INSTANCES = len(SERVICES) * len(REGIONS) * INSTANCES_PER_CELL

_INSTANCES_PER_SERVICE = len(REGIONS) * INSTANCES_PER_CELL


def address(service: int, instance: int) -> str:
    """Where one instance is: all of 127/8 is the loopback, and far from 127.0.0.1 nobody else is there."""
    return f"127.10.{service + 1}.{instance + 1}"


def addresses(service: int) -> list[str]:
    """Where the instances of a service are."""
    return [address(service, instance) for instance in range(_INSTANCES_PER_SERVICE)]


def fleet_file(port: int) -> str:
    """The fleet file (YAML, `controlplane/v1`), with the intervals that hold where a file names none."""
    content = {
        "apiVersion": "controlplane/v1",
        "regions": [{"name": region} for region in REGIONS],
        "services": [_service(number, name, port) for number, name in enumerate(SERVICES)],
        "groups": [{"name": name, "services": [name], "regions": list(REGIONS)} for name in SERVICES],
    }
    return yaml.safe_dump(content, sort_keys=False)


def _service(number: int, name: str, port: int) -> dict[str, Any]:
    return {
        "name": name,
        "checks": [{"name": "health", "type": "http", "path": "/health"}],
        "instances": [
            {
                "id": f"{name}-{place}",
                "region": REGIONS[place % len(REGIONS)],
                "address": where,
                "port": port,
            }
            for place, where in enumerate(addresses(number))
        ],
        "switches": [_switch(place) for place in range(SWITCHES_PER_SERVICE)],
    }


def _switch(place: int) -> dict[str, Any]:
    return {
        "name": f"feature-{place:02}",
        "type": "bool",
        "normal": True,
        "degraded": False,
        "owner": "growth",
        "description": "What the page shows beside the thing itself",
    }
