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
from tests.web.confirmations import confirmation

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
        reason=f"{name} up from 3 of 3 vantages",
        active=active,
        ready=not active,
        cells=counts,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def forecast(lost: str, active: str) -> ForecastView:
    """What a healthy group would do: stay, or move to the next region of its list."""
    if lost != active:
        return ForecastView(lost, f"if {lost} were lost now: stays in {active}", target=None, seconds=None)
    target = next(item for item in REGIONS if item != lost)
    text = f"if {lost} were lost now: moves to {target} in about 8 s"
    return ForecastView(lost, text, target=target, seconds=8.0)


def group(name: str, *services: str, active: str = "us-east", **changes: object) -> GroupView:
    """A steady group of three regions."""
    view = GroupView(
        name=name,
        services=services,
        mode="automatic",
        state="steady",
        code="up",
        reason=f"{active} up from 3 of 3 vantages",
        since="2026-01-12T08:02:51.000Z",
        flags=(),
        active=active,
        revision=16,
        document={"schema": "controlplane.failover/1", "group": name, "revision": 16, "active": active},
        regions=tuple(region(item, cells(*services), active=item == active) for item in REGIONS),
        forecasts=tuple(forecast(item, active) for item in REGIONS),
        explanation={"verdicts": dict.fromkeys(REGIONS, "up")},
    )
    return replace(view, **changes)  # type: ignore[arg-type]


VANTAGES = tuple(
    VantageStatus(
        vantage=name,
        prober="prober-1",
        votes=True,
        reason="votes",
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
    confirmations=(confirmation("checkout", instances=30), confirmation("catalog", instances=15)),
)

MOVED = group(
    "checkout",
    "checkout",
    "payments",
    state="cooldown",
    reason="eu-west up from 3 of 3 vantages; no automatic move until 2026-01-12T09:41:07.412Z, "
    "because it moved lately",
    since="2026-01-12T09:31:07.412Z",
    active="eu-west",
    revision=17,
    regions=(
        region(
            "us-east",
            cells("checkout", "payments", up=0, down=5),
            verdict="down",
            reason="us-east down from 3 of 3 vantages",
            ready=False,
        ),
        region("eu-west", cells("checkout", "payments"), active=True),
        region("ap-south", cells("checkout", "payments")),
    ),
    forecasts=(
        ForecastView(
            "eu-west",
            "if eu-west were lost now: moves to ap-south in about 8 s",
            target="ap-south",
            seconds=8.0,
        ),
    ),
)

_STUCK_WHY = (
    "no other region passes its gates: 2 of 5 instances of catalog in eu-west are up or degraded, 3 needed; "
    "ap-south unknown: 1 of 3 vantages can say, 2 needed"
)

STUCK = group(
    "catalog",
    "catalog",
    state="blocked",
    code="no_target",
    reason="us-east down from 2 of 3 vantages (ap-1 its event loop is late) for 154.2 s; "
    f"not moved: {_STUCK_WHY}",
    since="2026-01-12T09:28:40.000Z",
    flags=("paused",),
    regions=(
        region(
            "us-east",
            cells("catalog", up=1, down=4),
            active=True,
            verdict="down",
            reason="us-east down from 2 of 3 vantages (ap-1 its event loop is late)",
        ),
        region(
            "eu-west",
            cells("catalog", up=1, degraded=1, down=3),
            verdict="suspect",
            reason="eu-west failing from 1 of 3 vantages: us-1",
            ready=False,
        ),
        region(
            "ap-south",
            cells("catalog", up=0, unknown=5),
            verdict="unknown",
            reason="ap-south unknown: 1 of 3 vantages can say, 2 needed",
            ready=False,
        ),
    ),
    forecasts=(
        ForecastView(
            "us-east", f"if us-east were lost now: stays, because {_STUCK_WHY}", target=None, seconds=None
        ),
    ),
)

MOVING = group(
    "search",
    "search",
    state="activating",
    code="unsettled",
    reason="us-east down from 3 of 3 vantages for 5.2 s",
    since="2026-01-12T09:31:10.010Z",
    revision=8,
    regions=(
        region(
            "us-east",
            cells("search", up=0, degraded=2, down=3),
            active=True,
            verdict="degraded",
            reason="us-east degraded from 3 of 3 vantages",
        ),
        region("eu-west", cells("search")),
    ),
    forecasts=(
        ForecastView(
            "us-east",
            "if us-east were lost now: moves to eu-west in about 8 s",
            target="eu-west",
            seconds=8.0,
        ),
    ),
)

DEGRADED = replace(
    GOOD,
    leader=replace(GOOD.leader, ours=True, holder="cp-us-1"),
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
    unsettled=("failover/search revision 9: no answer from Consul, it may still take effect",),
    alarms=("failover/catalog was edited by somebody else: its bytes are not those of revision 16",),
    groups=(MOVED, STUCK, MOVING),
    vantages=(
        replace(VANTAGES[0], failing=("checkout-us-1", "checkout-us-2", "payments-us-1", "catalog-us-4")),
        VANTAGES[1],
        replace(VANTAGES[2], votes=False, reason="its event loop is late", age_seconds=2.4),
    ),
)

_FROZEN_REGIONS = (
    region("us-east", cells("checkout", up=0, down=5), active=True, verdict="down", reason="us-east down"),
    region(
        "eu-west",
        cells("checkout", up=1, down=4),
        verdict="down",
        reason="eu-west down from 3 of 3 vantages",
        ready=False,
    ),
    region("ap-south", cells("checkout"), reason="ap-south up from 3 of 3 vantages"),
)

FROZEN = replace(
    GOOD,
    leader=LeaderView(holder=None, term=3, api=None, ours=False),
    store_contact_seconds=14.2,
    instances={"up": 12, "degraded": 0, "down": 30, "unknown": 3, "maintenance": 0},
    freezes=(
        "the lease was renewed 14.2 s ago",
        "Consul last answered 14.2 s ago",
    ),
    groups=(
        group(
            "checkout",
            "checkout",
            state="blocked",
            code="panic",
            reason="us-east down from 3 of 3 vantages for 16.0 s; not moved: Consul last answered 14.2 s ago",
            flags=("frozen",),
            regions=_FROZEN_REGIONS,
            forecasts=(
                ForecastView(
                    "us-east",
                    "if us-east were lost now: freezes, because Consul last answered 14.2 s ago",
                    target=None,
                    seconds=None,
                ),
            ),
        ),
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
