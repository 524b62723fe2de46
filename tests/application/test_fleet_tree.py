"""Located trees: what a file says, with and without its lines."""

from controlplane.adapters.fleet_yaml import FleetYaml

FLEET = """
apiVersion: controlplane/v1
regions: [{name: us-east}]
services:
  - name: checkout
    checks: [{name: api, type: tcp}]
    switches:
      - {name: limits, type: json, normal: {deep: [1, {a: null}]}, degraded: [], owner: growth}
"""


def test_a_json_switch_keeps_its_shape() -> None:
    """Mappings and lists of a switch's values come back as they were written, at any depth."""
    (switch,) = FleetYaml().read(FLEET).services[0].switches

    assert switch.normal == {"deep": [1, {"a": None}]}
    assert switch.degraded == []
