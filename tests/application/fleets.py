"""Small fleets for tests of use-cases, written as a person writes them."""

from controlplane.adapters.fleet_yaml import FleetYaml
from controlplane.domain.fleet import Fleet

SHOP = """\
apiVersion: controlplane/v1
regions: [{name: us-east}, {name: eu-west}]
services:
- name: checkout
  checks: [{name: api, type: http, interval: 2s}]
  instances:
  - {id: checkout-us-1, region: us-east, address: 10.0.0.1, port: 8080}
  consul: {service: checkout}
- name: cart
  consul: {service: cart, datacenters: [dc1, dc2]}
groups:
- {name: shop, services: [checkout, cart], regions: [us-east, eu-west]}
"""


def fleet(*edits: tuple[str, str], text: str = SHOP) -> Fleet:
    """The shop with texts replaced, each of which stands there."""
    return FleetYaml().read(edited(*edits, text=text))


def edited(*edits: tuple[str, str], text: str = SHOP) -> str:
    """The shop's file with texts replaced."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text
