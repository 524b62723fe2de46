"""Promises of the simulated fleet's shape: its targets, its faults as they are typed, its fleet file."""

import pytest
import yaml

from controlplane.application.fleet_file import fleet_from_mapping
from controlplane.processes.demo_fleet.definition import fleet_file
from controlplane.processes.demo_fleet.fault import (
    Fault,
    FaultError,
    FaultKind,
    fault_from_json,
    read_fault,
    read_latency,
    read_share,
)
from controlplane.processes.demo_fleet.layout import UnknownTarget, instance_ids, lay_out, select

INSTANCES = lay_out({name: 20_000 + number for number, name in enumerate(instance_ids())})


@pytest.mark.parametrize(
    ("scope", "share", "count"),
    [
        ("us-east", 1.0, 15),
        ("checkout", 1.0, 15),
        ("checkout/us-east", 1.0, 5),
        ("checkout-us-east-3", 1.0, 1),
        ("all", 1.0, 45),
        ("all", 0.1, 4),
        ("checkout", 0.01, 1),
    ],
)
def test_a_target_is_a_region_a_service_a_cell_an_instance_or_all(scope, share, count):
    """Each name selects what it says, a share of it is rounded, and at least one instance is meant."""
    assert len(select(INSTANCES, scope, share)) == count


def test_a_share_is_spread_over_the_cells():
    """A fifth of a service is one instance in each region, and the same ones every time."""
    chosen = [instance.id for instance in select(INSTANCES, "checkout", 0.2)]
    assert chosen == ["checkout-us-east-1", "checkout-eu-west-1", "checkout-ap-south-1"]


def test_an_unknown_target_is_told_what_there_is():
    """The message names regions, services, and examples of cells and instances."""
    with pytest.raises(UnknownTarget, match=r"us-west.*us-east, eu-west.*checkout, cat.*checkout-us-east-1"):
        select(INSTANCES, "us-west")


def test_the_fleet_file_is_a_valid_fleet():
    """The registry admits the generated file: 45 instances, three groups, the policy that the story needs."""
    fleet = fleet_from_mapping(yaml.safe_load(fleet_file(INSTANCES)))
    listed = [instance for service in fleet.services for instance in service.instances]
    assert {(instance.id, instance.port) for instance in listed} == {(i.id, i.port) for i in INSTANCES}
    checkout = fleet.group("checkout")
    assert checkout.regions == ("us-east", "eu-west", "ap-south")
    assert (checkout.policy.hold_down_seconds, checkout.policy.dwell_seconds) == (2.0, 10.0)
    names = [one.name for service in fleet.services for one in service.switches]
    assert names == ["recommendations", "delivery-estimate", "search-depth", "images", "fraud-score"]
    (check,) = fleet.service("checkout").checks
    assert (check.interval_seconds, check.timeout_seconds, check.fall, check.rise) == (1.0, 0.5, 3, 2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200ms", (0.2, 0.2)), ("100ms-500ms", (0.1, 0.5)), ("0.5s-2s", (0.5, 2.0)), ("0ms", (0.0, 0.0))],
)
def test_a_latency_is_a_duration_or_a_range(text, seconds):
    """Both are understood, in milliseconds and seconds."""
    assert read_latency(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "fast", "200", "500ms-100ms", "61s", "-5ms", "1ms-", "1ms-2ms-3ms"])
def test_a_latency_that_is_none_is_refused(text):
    """The message says what a latency looks like."""
    with pytest.raises(FaultError, match="latency"):
        read_latency(text)


@pytest.mark.parametrize("text", ["0%", "101%", "10", "%", "ten%", "-1%"])
def test_a_share_that_is_none_is_refused(text):
    """The message says what a share looks like."""
    with pytest.raises(FaultError, match="share of instances: 10%"):
        read_share(text)


def test_a_fault_is_read_as_it_is_typed():
    """Every kind has its word, `heal` is the absence of a fault, and only `slow` has a latency."""
    assert [read_fault(kind) for kind in FaultKind] == [Fault(kind) for kind in FaultKind]
    assert read_fault("heal") is None
    assert read_fault("slow", "1s") == Fault(FaultKind.SLOW, (1.0, 1.0))
    assert read_share("10%") == pytest.approx(0.1)
    with pytest.raises(
        FaultError, match="'explode' is not a fault: kill, hang, slow, flap, error, partition"
    ):
        read_fault("explode")
    with pytest.raises(FaultError, match="a latency goes with slow only"):
        read_fault("kill", "1s")


def test_a_fault_travels_through_a_pipe():
    """What is written is read back; what is no fault is refused."""
    slow = Fault(FaultKind.SLOW, (0.1, 0.2))
    assert fault_from_json(slow.to_json()) == slow
    for broken in ({}, {"kind": "x", "latency_seconds": [0, 1]}, {"kind": "slow", "latency_seconds": [2, 1]}):
        with pytest.raises(FaultError):
            fault_from_json(broken)
