"""Owns the story's view of services: what their readers have applied, asked of real instances."""

from collections.abc import Sequence
from functools import partial

import httpx

from controlplane.contract.applied import APPLIED_HEADER, AppliedError, AppliedState, parse
from controlplane.contract.documents import DocumentKind
from controlplane.processes.demo_fleet.layout import DemoInstance
from controlplane.processes.story.watching import first, polled

POLL_SECONDS = 0.01
ANSWER_SECONDS_MAX = 1.0


class ReadersView:
    """Asks one instance per cell: instances of a cell share one reader."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def until_applied(
        self, instances: Sequence[DemoInstance], group: str, *, revision: int, active: str | None
    ) -> None:
        """Wait until each of them says that it acts by this revision and region."""
        for instance in instances:
            asked = partial(self._has_applied, instance, group, revision, active)
            await first(polled(asked, POLL_SECONDS), bool)

    async def _has_applied(
        self, instance: DemoInstance, group: str, revision: int, active: str | None
    ) -> bool:
        try:
            view = (await self._ask(instance, "/active")).json()
            if (view.get("revision"), view.get("active")) != (revision, active):
                return False
            header = (await self._ask(instance, "/health")).headers.get(APPLIED_HEADER, "")
            said = {(entry.kind, entry.name): entry for entry in parse(header)}.get(
                (DocumentKind.FAILOVER, group)
            )
        except (httpx.TransportError, ValueError, AppliedError):
            return False
        return said is not None and (said.revision, said.state) == (revision, AppliedState.OK)

    async def _ask(self, instance: DemoInstance, path: str) -> httpx.Response:
        return await self._http.get(f"http://127.0.0.1:{instance.port}{path}", timeout=ANSWER_SECONDS_MAX)
