"""Documents for readers, and waiting for what they make of them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from controlplane.contract.applied import Applied, parse
from controlplane.contract.documents import Change, ChangeKind, FailoverDocument, FailoverState
from controlplane.contract.switches import (
    Switch,
    SwitchChange,
    SwitchChangeKind,
    SwitchDocument,
    SwitchState,
    SwitchType,
)

KEY = "controlplane/failover/checkout"
SWITCHES_KEY = "controlplane/switches/checkout"
AT = "2026-01-12T09:31:07.412Z"
DEADLINE_SECONDS = 90.0


def document(revision: int, active: str | None = "us-east", reason: str = "a test") -> FailoverDocument:
    change = Change(id=f"id-{revision}", kind=ChangeKind.MANUAL, by="alice", reason=reason, at=AT)
    return FailoverDocument(
        group="checkout",
        revision=revision,
        term=1,
        state=FailoverState.ACTIVE if active else FailoverState.FENCED,
        home="dc1",
        active=active,
        weights={active: 100} if active else {},
        previous=None,
        change=change,
    )


RECOMMENDATIONS = Switch(SwitchType.BOOL, SwitchState.NORMAL, value=True, normal=True)
SEARCH_DEPTH = Switch(SwitchType.INT, SwitchState.NORMAL, value=3, normal=3)


def switches(revision: int, **entries: Switch) -> SwitchDocument:
    """The switches of checkout: `recommendations` and `search_depth`, normal where nothing else is given."""
    named = {"recommendations": RECOMMENDATIONS, "search_depth": SEARCH_DEPTH, **entries}
    return SwitchDocument(
        service="checkout",
        revision=revision,
        switches={name.replace("_", "-"): entry for name, entry in named.items()},
        change=SwitchChange(f"id-{revision}", SwitchChangeKind.FLIP, "alice", "a test", AT),
    )


def degraded(entry: Switch, value: object, *, until: datetime | None = None, percent: int = 100) -> Switch:
    """A switch as an operator degrades it."""
    return replace(entry, state=SwitchState.DEGRADED, value=value, expires_at=until, percent=percent)


def said_of(header: str, document: str) -> Applied:
    """What a header says of one document, spelled `switches.checkout`."""
    return {f"{entry.kind}.{entry.name}": entry for entry in parse(header)}[document]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the reader does on its own."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - a reader tells changes, not states
            await asyncio.sleep(0.01)
