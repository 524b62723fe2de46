"""Four pictures of one fleet, as the application would give them: quiet, in trouble, frozen, hostile."""

from collections.abc import Mapping
from dataclasses import replace

from controlplane.application.views import (
    ChangeView,
    ForecastView,
    GroupView,
    LeaderView,
    RegionView,
    RestraintView,
    StatusView,
    VantageStatus,
)

AS_OF = "2026-01-12T09:31:14.207Z"
REGIONS = ("us-east", "eu-west", "ap-south")

Cells = Mapping[str, Mapping[str, int]]


def cells(*services: str, up: int = 5, degraded: int = 0, down: int = 0, unknown: int = 0) -> Cells:
    """Equal counts for each of these services."""
    counts = {"up": up, "degraded": degraded, "down": down, "unknown": unknown, "maintenance": 0}
    return {service: {health: count for health, count in counts.items() if count} for service in services}


def region(name: str, counts: Cells, *, active: bool = False, **changes: object) -> RegionView:
    """A region that is up and ready, unless the changes say otherwise."""
    view = RegionView(
        region=name,
        verdict="up",
        reason="up from 3 of 3 vantages",
        active=active,
        ready=not active,
        cells=counts,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def group(name: str, *services: str, active: str = "us-east", **changes: object) -> GroupView:
    """A steady group of three regions."""
    targets = {lost: next(other for other in REGIONS if other != lost) for lost in REGIONS}
    view = GroupView(
        name=name,
        services=services,
        mode="automatic",
        state="steady",
        code="steady",
        reason=f"{active} is up from 3 of 3 vantages",
        since="2026-01-12T08:02:51.000Z",
        flags=(),
        active=active,
        revision=16,
        document={"schema": "controlplane.failover/1", "group": name, "revision": 16, "active": active},
        regions=tuple(region(item, cells(*services), active=item == active) for item in REGIONS),
        forecasts=(
            ForecastView(
                active, f"moves to {targets[active]} in about 5 s", target=targets[active], seconds=5.0
            ),
        ),
        explanation={"verdicts": dict.fromkeys(REGIONS, "up")},
    )
    return replace(view, **changes)  # type: ignore[arg-type]


VANTAGES = tuple(
    VantageStatus(
        vantage=name,
        prober="prober-1",
        votes=True,
        reason="fresh, and sees the whole fleet",
        age_seconds=0.4,
        failing=(),
    )
    for name in ("us-1", "eu-1", "ap-1")
)

GOOD = StatusView(
    as_of=AS_OF,
    replica="cp-us-1",
    leader=LeaderView(holder="cp-eu-1", term=3, api="http://127.0.0.1:8600", ours=False),
    definitions_revision=12,
    store_contact_seconds=0.3,
    database_available=True,
    instances={"up": 45, "degraded": 0, "down": 0, "unknown": 0, "maintenance": 0},
    freezes=(),
    restraints=(),
    unsettled=(),
    alarms=(),
    groups=(group("checkout", "checkout", "payments"), group("catalog", "catalog", active="eu-west")),
    vantages=VANTAGES,
)

_CHECKOUT_IN_TROUBLE = group(
    "checkout",
    "checkout",
    "payments",
    state="verifying",
    code="moved",
    reason="us-east is down from 3 of 3 vantages for 5.2 s; eu-west passes every gate",
    since="2026-01-12T09:31:07.412Z",
    active="eu-west",
    revision=17,
    regions=(
        region(
            "us-east",
            cells("checkout", "payments", up=0, down=5),
            verdict="down",
            reason="down from 3 of 3 vantages since 09:31:02",
            ready=False,
        ),
        region("eu-west", cells("checkout", "payments"), active=True),
        region("ap-south", cells("checkout", "payments")),
    ),
    forecasts=(ForecastView("eu-west", "moves to ap-south in about 5 s", target="ap-south", seconds=5.0),),
)

_CATALOG_IN_TROUBLE = group(
    "catalog",
    "catalog",
    state="blocked",
    code="no_target",
    reason="us-east is suspect, and eu-west fails gate target-healthy (2 of 5, needs 3)",
    since="2026-01-12T09:28:40.000Z",
    flags=("paused until 10:00:00",),
    regions=(
        region(
            "us-east",
            cells("catalog", up=2, down=1, unknown=2),
            active=True,
            verdict="suspect",
            reason="down from 1 of 3 vantages",
        ),
        region(
            "eu-west",
            cells("catalog", up=2, degraded=3),
            verdict="degraded",
            reason="3 of 5 instances are slow",
            ready=False,
        ),
        region(
            "ap-south",
            cells("catalog", up=0, unknown=5),
            verdict="unknown",
            reason="vantage ap-1 abstains: its loop is late by 2.4 s",
            ready=False,
        ),
    ),
    forecasts=(
        ForecastView(
            "us-east",
            "stays: eu-west fails target-healthy and ap-south is unknown",
            target=None,
            seconds=None,
        ),
    ),
)

DEGRADED = replace(
    GOOD,
    database_available=False,
    instances={"up": 24, "degraded": 3, "down": 11, "unknown": 7, "maintenance": 0},
    restraints=(
        RestraintView(
            scope="group",
            name="catalog",
            until="2026-01-12T10:00:00.000Z",
            by="alice",
            reason="INC-4821 schema migration",
        ),
        RestraintView(
            scope="region",
            name="ap-south",
            until="2026-01-13T06:00:00.000Z",
            by="bob",
            reason="kernel updates",
        ),
    ),
    unsettled=("failover/search revision 9, sent at 09:31:10: no answer yet, it may still take effect",),
    alarms=(
        "failover/catalog was edited by somebody else at 09:30:55; policy hold: nothing was overwritten",
    ),
    groups=(_CHECKOUT_IN_TROUBLE, _CATALOG_IN_TROUBLE),
    vantages=(
        replace(VANTAGES[0], failing=("checkout-us-1", "checkout-us-2", "payments-us-1", "catalog-us-4")),
        VANTAGES[1],
        replace(VANTAGES[2], votes=False, reason="abstains: its loop is late by 2.4 s", age_seconds=2.4),
    ),
)

FROZEN = replace(
    GOOD,
    leader=LeaderView(holder=None, term=3, api=None, ours=False),
    store_contact_seconds=14.2,
    instances={"up": 12, "degraded": 0, "down": 30, "unknown": 3, "maintenance": 0},
    freezes=(
        "Consul does not answer: its last confirmed word is 14.2 s old",
        "panic: 24 of 30 instances outside us-east fail at once",
    ),
    groups=tuple(
        replace(item, flags=("frozen",), state="evaluating", code="frozen", reason="frozen: panic")
        for item in GOOD.groups
    ),
)


def change(position: int, **changes: object) -> ChangeView:
    """A row of history; the higher its position, the later it was."""
    view = ChangeView(
        position=position,
        kind="failover",
        name="checkout",
        revision=position,
        change_id=f"change-{position}",
        change_kind="automatic",
        by="controlplane",
        reason="us-east down from 3 of 3 vantages for 5.2 s",
        at=f"2026-01-12T09:31:{position % 60:02d}.412Z",
        trace_id=None,
        before={"active": "us-east"},
        after={"active": "eu-west"},
        explanation={"verdicts": {"us-east": "down"}},
    )
    return replace(view, **changes)  # type: ignore[arg-type]


HISTORY = (
    change(7),
    change(
        6,
        name="catalog",
        change_kind="manual",
        by="alice",
        reason="INC-4821 drain us-east before the schema migration",
        before={"active": "us-east"},
        after={"active": "eu-west"},
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    ),
    change(
        5, change_kind="apply", by="ci", reason="first document", before=None, after={"active": "us-east"}
    ),
)


def hostile(text: str) -> StatusView:
    """A picture with `text` in every field that holds a text, names and keys included."""
    nasty = GroupView(
        name=text,
        services=(text,),
        mode=text,
        state=text,
        code=text,
        reason=text,
        since=text,
        flags=(text,),
        active=text,
        revision=1,
        document={text: text},
        regions=(RegionView(text, text, text, active=True, ready=False, cells={text: {text: 1}}),),
        forecasts=(ForecastView(text, text, target=text, seconds=1.0),),
        explanation={text: text},
    )
    return replace(
        GOOD,
        as_of=text,
        replica=text,
        leader=LeaderView(holder=text, term=1, api=text, ours=False),
        instances={text: 1},
        freezes=(text,),
        restraints=(RestraintView(text, text, text, text, text),),
        unsettled=(text,),
        alarms=(text,),
        groups=(nasty,),
        vantages=(VantageStatus(text, text, votes=False, reason=text, age_seconds=1.0, failing=(text,)),),
    )


def hostile_change(text: str) -> ChangeView:
    """A row of history with `text` in every field that holds a text."""
    return change(
        1,
        kind=text,
        name=text,
        change_id=text,
        change_kind=text,
        by=text,
        reason=text,
        at=text,
        trace_id=text,
        before={"active": text},
        after={"active": text},
        explanation={text: text},
    )
