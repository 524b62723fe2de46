"""Instances of the file and of catalogs become one fleet that fits together, whatever catalogs say."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controlplane.application.fleet_adoption import Adopted, with_adopted, without_adopted
from controlplane.application.fleet_file import fleet_from_mapping, fleet_to_mapping
from controlplane.application.fleet_limits import INSTANCES_MAX
from controlplane.domain.fleet import Fleet, Instance, Source
from tests.application.fleets import fleet
from tests.strategies import addresses, fleets, instance_ids, names, ports


def adopted(service: str, datacenter: str | None, *ids: str, region: str = "us-east") -> Adopted:
    return Adopted(service, datacenter, tuple(Instance(key, region, "10.0.0.9", 80) for key in ids))


def ids(merged: Fleet, service: str) -> list[str]:
    return [instance.id for instance in merged.service(service).instances]


def test_adopted_instances_stand_behind_those_of_the_file():
    """A service has the instances of its file and then those of its catalogs, marked as such."""
    merged = with_adopted(fleet(), [adopted("checkout", None, "node:1"), adopted("cart", "dc2", "node:2")])

    assert ids(merged, "checkout") == ["checkout-us-1", "node:1"]
    assert ids(merged, "cart") == ["node:2"]
    assert merged.service("cart").instances[0].source is Source.CATALOG


def test_what_nobody_asked_for_is_left_out():
    """Another datacenter, a service that is gone or adopts nothing, an unknown region: all stay outside."""
    merged = with_adopted(
        fleet(("  consul: {service: checkout}\n", "")),
        [
            adopted("checkout", None, "node:1"),
            adopted("cart", "dc3", "node:2"),
            adopted("search", None, "node:3"),
            adopted("cart", "dc1", "node:4", region="mars"),
        ],
    )

    assert merged == fleet(("  consul: {service: checkout}\n", ""))


def test_an_id_belongs_to_whoever_had_it_first():
    """The file's instances keep their ids, and so do those of the catalog that comes first."""
    merged = with_adopted(
        fleet(), [adopted("checkout", None, "checkout-us-1", "a"), adopted("cart", "dc1", "a", "b")]
    )

    assert (ids(merged, "checkout"), ids(merged, "cart")) == (["checkout-us-1", "a"], ["b"])
    assert merged.service("checkout").instances[0].address == "10.0.0.1"


def test_a_full_fleet_adopts_no_more():
    """The limit of instances holds for what catalogs contribute, too."""
    merged = with_adopted(fleet(), [adopted("cart", "dc1", *(f"i{n}" for n in range(INSTANCES_MAX)))])

    assert len(ids(merged, "cart")) == INSTANCES_MAX - 1


contributions = st.builds(
    Adopted,
    service=names,
    datacenter=st.none() | names,
    instances=st.lists(
        st.builds(Instance, id=instance_ids, region=names, address=addresses, port=ports), max_size=3
    ).map(tuple),
)


@given(fleets(), st.lists(contributions, max_size=4), st.data())
def test_any_contribution_leaves_a_fleet_that_fits_together(
    declared: Fleet, found: list[Adopted], data: st.DataObject
):
    """Whatever is adopted, the fleet passes the parser, and the file's part of it stays as it was."""
    aimed = [
        replace(
            one,
            service=data.draw(st.sampled_from([service.name for service in declared.services] or ["x"])),
            datacenter=None,
            instances=tuple(
                replace(
                    each,
                    region=data.draw(st.sampled_from([place.name for place in declared.regions] or ["x"])),
                )
                for each in one.instances
            ),
        )
        for one in found
    ]
    merged = with_adopted(declared, aimed)

    assert fleet_from_mapping(fleet_to_mapping(merged)) == merged
    assert without_adopted(merged) == declared
