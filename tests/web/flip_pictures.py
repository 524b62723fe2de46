"""A service with switches to flip: its instances, who confirms, what was done, and what a flip would do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controlplane.application.confirm_views import SpreadView
from controlplane.application.ports import LogRecord
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchPreview, SwitchView
from controlplane.console.standing import entry_of
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import SwitchChange, SwitchChangeKind
from controlplane.domain.fleet import Definitions, Fleet, Instance, Region, Service
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import confirmation, straggler
from tests.web.pictures import AS_OF, GOOD, REGIONS
from tests.web.switch_pictures import (
    APPLY,
    CHECKOUT,
    PAYMENTS,
    RECOMMENDATIONS,
    SEARCH_DEPTH,
    UNPUBLISHED,
)

NORMAL = replace(RECOMMENDATIONS, state="normal", value=True, percent=100, expires_at=None, changed=APPLY)
BANNER = replace(
    NORMAL,
    name="banner",
    type="string",
    value="hello",
    normal="hello",
    degraded="",
    grade="core",
    owner="web",
    description="What greets everybody",
    changed=None,
)
LIMITS = replace(
    BANNER,
    name="limits",
    type="json",
    value={"carts": 100, "lines": [1, 2]},
    normal={"carts": 100, "lines": [1, 2]},
    degraded={"carts": 10},
    description="How many of what",
)
GONE = replace(BANNER, name="old-banner", state="retired", declared=False, grade="", owner="", description="")
SWITCHED = replace(CHECKOUT, switches=(BANNER, LIMITS, GONE, RECOMMENDATIONS, SEARCH_DEPTH))
PICTURE = SwitchesView(AS_OF, (SWITCHED, PAYMENTS, UNPUBLISHED))

FLEET = Fleet(
    regions=tuple(Region(name) for name in REGIONS),
    services=(
        Service(
            "checkout",
            instances=tuple(
                Instance(f"checkout-{region}-{number}", region, "10.0.0.1", 8080)
                for region in REGIONS
                for number in range(1, 6)
            ),
        ),
    ),
)

REFUSING = straggler("checkout-us-east-2", "nack", "recommendations: not a bool", revision=41)
BEHIND = straggler("checkout-us-east-4", "behind", revision=41)
SPREAD = SpreadView(p50_ms=180, p95_ms=900, max_ms=1240)
INCOMPLETE = confirmation(
    "checkout",
    REFUSING,
    BEHIND,
    kind="switches",
    instances=15,
    revision=42,
    counts={"nack": 1, "behind": 1, "silent": 1, "confirmed": 12},
    took=SPREAD,
)
COMPLETE = confirmation("checkout", kind="switches", instances=15, revision=42, took=SPREAD)


def preview(
    before: SwitchView, after: SwitchView, *, revision: int | None = 42, service: str = "checkout"
) -> SwitchPreview:
    """One switch that would become another one."""
    name = after.name
    return SwitchPreview(service, revision, before={name: entry_of(before)}, after={name: entry_of(after)})


def entry(
    revision: int, kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], **change: str
) -> LogEntry:
    """What the log has of a revision of the switches of checkout."""
    told = {"id": f"change-{revision}", "by": "alice", "reason": "INC-4821 shed recommendation load"} | change
    at = f"2026-01-12T09:{(revision - 11) % 60:02d}:07.412Z"
    return LogEntry(
        kind="switches",
        name="checkout",
        revision=revision,
        term=3,
        change=SwitchChange(kind=SwitchChangeKind(kind), at=at, **told),
        before=before,
        after=after,
        explanation={},
        sha256="0" * 64,
        trace_id=None,
    )


HISTORY = (
    entry(
        40, "apply", None, {"recommendations": entry_of(NORMAL)}, by="controlplane", reason="first document"
    ),
    entry(
        41,
        "flip",
        {"search-depth": entry_of(replace(SEARCH_DEPTH, regions=()))},
        {"search-depth": entry_of(SEARCH_DEPTH)},
        by="bob",
        reason="INC-4822 slow search in eu-west",
    ),
    entry(42, "flip", {"recommendations": entry_of(NORMAL)}, {"recommendations": entry_of(RECOMMENDATIONS)}),
)


async def furnish(fakes: FakeDoors, *services: ServiceSwitchesView) -> None:
    """Put all of it behind the doors; the services take the place of those of the picture."""
    fakes.queries.picture = replace(GOOD, confirmations=(INCOMPLETE,))
    fakes.switches.picture = SwitchesView(AS_OF, services) if services else PICTURE
    fakes.switches.previewed = preview(RECOMMENDATIONS, NORMAL)
    fakes.registry.definitions = Definitions(12, FLEET)
    await remember(fakes, *HISTORY)


async def remember(fakes: FakeDoors, *entries: LogEntry) -> None:
    """Put changes into history, the oldest first; what is there already stays."""
    records = [
        LogRecord("store", one.kind, one.name, one.revision, one.change.id, one.revision, one.to_bytes())
        for one in entries
    ]
    await fakes.journal.append(records)
