"""Groups with their explanations, and their past, as the application would give them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from controlplane.application.ports import LogRecord
from controlplane.application.views import GateView, PlanView, RestraintView, StatusView
from controlplane.contract.documents import Change, ChangeKind
from controlplane.contract.log_entries import LogEntry
from controlplane.domain.history_records import EvaluationRecord, Origin
from tests.fakes.doors import FakeDoors
from tests.web.confirmations import confirmation, straggler
from tests.web.pictures import DEGRADED, GOOD, MOVED, REGIONS, STUCK

DOCUMENT = {
    "schema": "controlplane.failover/1",
    "group": "checkout",
    "revision": 17,
    "state": "active",
    "active": "eu-west",
    "change": {
        "id": "change-17",
        "kind": "automatic",
        "by": "controlplane",
        "reason": "us-east down from 3 of 3 vantages for 5.2 s",
        "at": "2026-01-12T09:31:07.412Z",
    },
}


def explained(**regions: tuple[str, str, bool]) -> dict[str, Any]:
    """Region (with `_` for `-`) → state, vote of every vantage, whether it is fit."""
    told = {name.replace("_", "-"): fate for name, fate in regions.items()}
    return {
        "at": "2026-01-12T09:31:07.301Z",
        "active": "us-east",
        "down_seconds": 5.2,
        "obstacles": [],
        "gates": {
            name: {"target_healthy": fit, "target_in_service": True} for name, (_, _, fit) in told.items()
        },
        "regions": [
            {
                "region": name,
                "state": state,
                "fit": fit,
                "reason": f"{name} {state} from 3 of 3 vantages",
                "vantages": [
                    {"vantage": vantage, "vote": vote, "cells": {"checkout": {"up" if fit else "down": 5}}}
                    for vantage in ("us-1", "eu-1", "ap-1")
                ],
            }
            for name, (state, vote, fit) in told.items()
        ],
    }


WHY = explained(
    us_east=("down", "failing", False), eu_west=("up", "up", True), ap_south=("suspect", "failing", False)
)
FAILED_OVER = replace(MOVED, document=DOCUMENT, explanation=WHY)
DRIFTED = replace(
    STUCK,
    state="needs_operator",
    code="document_fault",
    reason="the document of catalog was edited by somebody else: its bytes are not those of revision 16",
    explanation={"obstacles": [{"code": "document_fault", "text": "edited"}]},
)
TROUBLED: StatusView = replace(
    DEGRADED,
    database_available=True,
    groups=(GOOD.groups[0], replace(FAILED_OVER, name="shop"), DRIFTED),
    restraints=(
        RestraintView("group", "catalog", "2026-01-12T10:00:00.000Z", "alice", "INC-4821 schema migration"),
        RestraintView("region", "ap-south", "2026-01-13T06:00:00.000Z", "bob", "kernel updates"),
    ),
    confirmations=(
        confirmation(
            "shop",
            straggler("payments-us-3", "nack", "weights: not understood", revision=16),
            straggler("checkout-us-1", "silent"),
            instances=30,
            revision=17,
            counts={"confirmed": 28, "nack": 1, "silent": 1},
        ),
    ),
)
CHECKOUT_MOVED = replace(
    GOOD,
    groups=(FAILED_OVER,),
    confirmations=(confirmation("checkout", instances=30, revision=17),),
)


def plan(*, failing: Sequence[str] = (), refusals: Sequence[str] = (), plan_hash: str = "0a1b2c3d4e5f6071"):
    """A plan to move `checkout` to ap-south."""
    texts = {
        "target_healthy": "ap-south failing from 1 of 3 vantages",
        "target_in_service": "ap-south is in service",
    }
    return PlanView(
        group="checkout",
        source="us-east",
        target="ap-south",
        revision=16,
        gates=tuple(GateView(name, name not in failing, text) for name, text in texts.items()),
        warnings=("the automation is paused: fleet is paused until 2026-01-12T10:00:00.000Z by bob",),
        refusals=tuple(refusals),
        plan_hash=plan_hash,
    )


def record(revision: int, **changes: Any) -> LogRecord:
    """An entry of the log: each revision moves `checkout` on to the next region."""
    fields: dict[str, Any] = {
        "id": f"change-{revision}",
        "kind": ChangeKind.AUTOMATIC,
        "by": "controlplane",
        "reason": "us-east down from 3 of 3 vantages for 5.2 s",
        "at": f"2026-01-12T09:{revision:02d}:07.412Z",
    }
    name, kind = changes.pop("name", "checkout"), changes.pop("document", "failover")
    explanation = changes.pop("explanation", {"plan_hash": "0a1b2c3d4e5f6071", "inputs": WHY})
    entry = LogEntry(
        kind=kind,
        name=name,
        revision=revision,
        term=3,
        change=Change(**(fields | changes)),
        before={"active": REGIONS[(revision - 1) % 3], "revision": revision - 1},
        after={"active": REGIONS[revision % 3], "revision": revision},
        explanation=explanation,
        sha256="0" * 64,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )
    change_id = (fields | changes)["id"]
    index = revision + sum(name.encode()) * 1000
    return LogRecord("store-1", kind, name, revision, change_id, index, entry.to_bytes())


STAYED = EvaluationRecord(
    kind="failover",
    name="checkout",
    at="2026-01-12T09:16:30.000Z",
    outcome="stay",
    code="no_target",
    reason="us-east down from 3 of 3 vantages for 5.0 s; not moved: no other region passes its gates",
    before="suspect",
    state="blocked",
    inputs=WHY,
)
REFUSED = replace(
    STAYED,
    at="2026-01-12T09:10:30.000Z",
    outcome="refused",
    code="document_changed",
    reason="somebody else was first",
    before="",
    state="",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    inputs={"by": "alice", "change_id": "change-x", "revision": 11},
)


async def remember(fakes: FakeDoors, *records: LogRecord, stays: Sequence[EvaluationRecord] = ()) -> None:
    """Put changes and non-decisions into history."""
    await fakes.journal.append(records)
    await fakes.evaluations.store(Origin("", "control", "boot"), list(enumerate(stays, 1)))
