"""The canonical mapping: what is written is read back, and nothing else is let in."""

import json

from hypothesis import given

from controlplane.application.fleet_file import fleet_from_mapping, fleet_to_mapping
from controlplane.domain.fleet import Fleet
from tests.strategies import fleets


@given(fleets(adopted=True))
def test_a_mapping_carries_the_whole_fleet(fleet: Fleet):
    """Every fleet comes back from its mapping, also after a journey as JSON."""
    mapping = fleet_to_mapping(fleet)

    assert fleet_from_mapping(json.loads(json.dumps(mapping))) == fleet
