"""Documents for readers, and waiting for what they make of them."""

import asyncio
from collections.abc import Callable

from controlplane.contract.documents import Change, ChangeKind, FailoverDocument, FailoverState

KEY = "controlplane/failover/checkout"
DEADLINE_SECONDS = 90.0


def document(revision: int, active: str | None = "us-east", reason: str = "a test") -> FailoverDocument:
    change = Change(
        id=f"id-{revision}", kind=ChangeKind.MANUAL, by="alice", reason=reason, at="2026-01-12T09:31:07.412Z"
    )
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


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the reader does on its own."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - a reader tells changes, not states
            await asyncio.sleep(0.01)
