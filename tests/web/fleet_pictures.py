"""A fleet with two services, its present and its past, as pages of the fleet show them."""

from dataclasses import replace

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.domain.fleet import Definitions
from tests.fakes.doors import FakeDoors
from tests.probe_histories import NOW, OK, OURS, TIMEOUT, block, series, turn, upload
from tests.web.pictures import GOOD, VANTAGES

FILE = """\
apiVersion: controlplane/v1
regions: [{name: us-east}, {name: eu-west}, {name: ap-south}]
vantages: [{name: us-1, region: us-east}, {name: eu-1, region: eu-west}, {name: ap-1, region: ap-south}]
services:
  - name: search
    instances: [{id: search-us-1, region: us-east, address: 10.0.9.1, port: 80}]
  - name: checkout
    checks: [{name: api, type: http, path: /health, interval: 2s, timeout: 1s}]
    instances:
      - {id: checkout-us-1, region: us-east, address: 10.0.0.1, port: 80}
      - {id: checkout-us-2, region: us-east, address: 10.0.0.2, port: 80}
      - {id: checkout-eu-1, region: eu-west, address: 10.0.1.1, port: 80}
    switches:
      - {name: recommendations, type: bool, normal: true, degraded: false}
groups:
  - {name: checkout, services: [checkout], regions: [us-east, eu-west]}
"""

CELLS = {
    "checkout": {
        "us-east": {"up": 1, "degraded": 0, "down": 1, "unknown": 0, "maintenance": 0},
        "eu-west": {"up": 0, "degraded": 1, "down": 0, "unknown": 0, "maintenance": 0},
    }
}


async def furnish(fakes: FakeDoors) -> None:
    """Give the fakes this fleet: `checkout-us-1` fails, seen from two vantages, after a good minute."""
    fakes.registry.definitions = Definitions(7, FleetYaml().read(FILE))
    us, eu, ap = VANTAGES
    failing = ("checkout-us-1",)
    fakes.queries.picture = replace(
        GOOD, cells=CELLS, vantages=(replace(us, failing=failing), replace(eu, failing=failing), ap)
    )
    pages = [
        (series(), block(NOW - 3)),
        (series(), block(NOW - 1, codes=[OK, TIMEOUT, OURS])),
        (series("checkout-eu-1", region="eu-west"), block(NOW - 1)),
    ]
    await fakes.history.store(upload(pages, turns=[turn(seconds=-30)]))
