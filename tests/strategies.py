"""Owns fleets that hypothesis makes up: everything that a fleet file can say, and nothing that it cannot."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from controlplane.application.fleet_values import duration_text
from controlplane.domain.fleet import (
    Catalog,
    Check,
    CheckType,
    Evidence,
    Expectation,
    Fleet,
    Group,
    Instance,
    Layer,
    Mode,
    Playbook,
    Policy,
    Region,
    Service,
    Source,
    SwitchDefinition,
    Vantage,
)

names = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
instance_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)
catalog_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
addresses = st.one_of(
    st.ip_addresses().map(str), st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,3}[a-z]", fullmatch=True)
)
ports = st.integers(1, 65_535)
characters = st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufffe\uffff\ufeff")
texts = st.text(characters | st.sampled_from("\n\t"), max_size=40)
small_integers = st.integers(-(2**53) + 1, 2**53 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | small_integers | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def seconds(low_milliseconds: int, high_milliseconds: int) -> st.SearchStrategy[float]:
    """Durations that the file can state: whole milliseconds."""
    return st.integers(low_milliseconds, high_milliseconds).map(lambda milliseconds: milliseconds / 1000)


@st.composite
def checks(draw: st.DrawFn, name: str) -> Check:
    """A check, whose timeout fits its interval."""
    interval = draw(seconds(100, 3_600_000))
    timeout = draw(seconds(10, min(60_000, int(interval * 1000))))
    kind = draw(st.sampled_from(CheckType))
    http = kind is CheckType.HTTP
    return Check(
        name=name,
        type=kind,
        layer=draw(st.sampled_from(Layer)),
        interval_seconds=interval,
        timeout_seconds=timeout,
        rise=draw(st.integers(1, 100)),
        fall=draw(st.integers(1, 100)),
        port=draw(st.none() | ports),
        path=draw(st.from_regex(r"/[!\"$-~]{0,20}", fullmatch=True)) if http else "/",
        host=draw(st.none() | addresses),
        tls=draw(st.booleans()),
        verify=draw(st.booleans()),
        keep_alive=http and draw(st.booleans()),
        expect=Expectation(
            status=tuple(draw(st.lists(st.integers(100, 599), min_size=1, max_size=3))) if http else (200,),
            latency_seconds=draw(st.none() | seconds(10, int(timeout * 1000))),
            body=draw(st.none() | st.sampled_from(["ok", '"status": *"up"', "^ready$", "a: b # c"]))
            if http
            else None,
        ),
    )


@st.composite
def switches(draw: st.DrawFn, name: str) -> SwitchDefinition:
    """A switch, whose values are of its type."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "int": small_integers,
        "float": numbers,
        "string": texts,
        "json": json_values,
    }
    kind = draw(st.sampled_from(sorted(kinds)))
    return SwitchDefinition(
        name=name,
        type=kind,
        normal=draw(kinds[kind]),
        degraded=draw(kinds[kind]),
        grade=draw(st.sampled_from(["core", "non-core"])),
        owner=draw(texts),
        description=draw(texts),
    )


@st.composite
def services(
    draw: st.DrawFn, name: str, regions: Sequence[str], ids: Sequence[str], *, adopted: bool
) -> Service:
    """A service with instances of the given ids; adopted ones stand behind those of the file."""
    sources = st.sampled_from(Source) if adopted else st.just(Source.FILE)
    instances = [
        Instance(key, draw(st.sampled_from(regions)), draw(addresses), draw(ports), draw(sources))
        for key in (ids if regions else ())
    ]
    datacenters = st.lists(catalog_names, max_size=3, unique=True).map(tuple)
    return Service(
        name=name,
        checks=tuple(draw(checks(each)) for each in draw(unique(names, 2))),
        instances=tuple(sorted(instances, key=lambda instance: instance.source is Source.CATALOG)),
        switches=tuple(draw(switches(each)) for each in draw(unique(names, 2))),
        catalog=draw(st.none() | st.builds(Catalog, service=catalog_names, datacenters=datacenters)),
    )


policies = st.builds(
    Policy,
    mode=st.sampled_from(Mode),
    evidence=st.sampled_from(Evidence),
    min_healthy_percent=st.integers(1, 100),
    hold_down_seconds=seconds(0, 3_600_000),
    dwell_seconds=seconds(0, 7 * 86_400_000),
    max_automatic=st.integers(1, 100),
    max_automatic_window_seconds=seconds(60_000, 7 * 86_400_000),
)


@st.composite
def fleets(draw: st.DrawFn, *, adopted: bool = False) -> Fleet:
    """A fleet that fits together."""
    regions = draw(unique(names, 4))
    ids = draw(unique(instance_ids, 6))
    service_names = draw(unique(names, 3))
    share = len(ids) // (len(service_names) or 1)
    declared = tuple(
        draw(services(name, regions, ids[index * share : (index + 1) * share], adopted=adopted))
        for index, name in enumerate(service_names)
    )
    groups = draw(_groups(service_names, regions))
    return Fleet(
        regions=tuple(Region(name) for name in regions),
        vantages=tuple(
            Vantage(name, draw(st.sampled_from(regions)))
            for name in (draw(unique(names, 3)) if regions else ())
        ),
        services=declared,
        groups=groups,
        playbooks=draw(_playbooks(declared, groups, regions)),
    )


@st.composite
def _groups(draw: st.DrawFn, service_names: Sequence[str], regions: Sequence[str]) -> tuple[Group, ...]:
    """Groups of one service each, as far as there are services and regions."""
    if not regions:
        return ()
    places = st.lists(st.sampled_from(regions), min_size=1, unique=True).map(tuple)
    return tuple(
        Group(name, (service,), draw(places), draw(policies))
        for name, service in zip(draw(unique(names, 3)), service_names, strict=False)
    )


@st.composite
def _playbooks(
    draw: st.DrawFn, declared: Sequence[Service], groups: Sequence[Group], regions: Sequence[str]
) -> tuple[Playbook, ...]:
    steps: list[dict[str, Any]] = [
        {
            "degrade": f"{service.name}/{switch.name}",
            "reason": draw(texts),
            "for": duration_text(draw(seconds(1, 30 * 86_400_000))),
        }
        for service in declared
        for switch in service.switches
    ]
    steps += [{"move": group.name, "to": draw(st.sampled_from(regions))} for group in groups]
    return tuple(Playbook(name, tuple(steps)) for name in draw(unique(names, 2)))


def unique(items: st.SearchStrategy[str], most: int) -> st.SearchStrategy[list[str]]:
    """Up to `most` different ones."""
    return st.lists(items, max_size=most, unique=True)
