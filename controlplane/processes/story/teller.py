"""Owns the plot of the story: a region is lost and comes back, on real parts, watched from outside."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from controlplane.application.ports import Clock
from controlplane.contract.documents import FailoverDocument
from controlplane.contract.times import parse_rfc3339
from controlplane.domain.report import CellCounts, CellKey
from controlplane.processes.chaos import apply_fault
from controlplane.processes.demo_fleet.fleet_json import read_fleet
from controlplane.processes.demo_fleet.layout import EVERYTHING, DemoInstance
from controlplane.processes.story.consul_view import ConsulView
from controlplane.processes.story.control_view import ControlView
from controlplane.processes.story.readers_view import ReadersView
from controlplane.processes.story.timeline import History, Step, StepName, StoryResult, verify
from controlplane.processes.story.watching import first, polled, within

STEADY_SECONDS_MAX = 180.0
LOSS_SECONDS_MAX = 30.0
RECOVERY_SECONDS_MAX = 90.0
FAILBACK_SECONDS_MAX = 30.0
JOURNAL_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1

_MILLISECOND = timedelta(milliseconds=1)


class Teller:
    """One story of one group. `on_step` is called as things happen."""

    def __init__(
        self,
        *,
        group: str,
        data_dir: Path,
        consul: ConsulView,
        control: ControlView,
        readers: ReadersView,
        clock: Clock,
        on_step: Callable[[Step], None],
    ) -> None:
        self._group = group
        self._data_dir = data_dir
        self._consul = consul
        self._control = control
        self._readers = readers
        self._clock = clock
        self._on_step = on_step
        self._fault_at = clock.now()
        self.steps: list[Step] = []

    async def tell(self) -> StoryResult:
        """Play the story.

        Raises:
            Interrupted: something did not happen in time.
        """
        home = await within(STEADY_SECONDS_MAX, "everything is steady", self._until_steady())
        before = await self._document(after=0)
        moved, mirrored = await within(LOSS_SECONDS_MAX, "the group has moved", self._lose(home, before))
        well = await within(RECOVERY_SECONDS_MAX, f"{home} is up again", self._recover(home))
        back = await within(FAILBACK_SECONDS_MAX, "the group is back", self._fail_back(well, moved))
        rows = await within(JOURNAL_SECONDS_MAX, "both changes are in history", self._journalled(moved, back))
        history = History(
            revision_before=before.revision,
            revision_moved=moved.revision,
            revision_back=back.revision,
            kind_of_move=moved.change.kind,
            mirrored=mirrored,
            moved_to=moved.active or "",
            rows=rows,
            published={document.revision: document.change.id for document in (moved, back)},
        )
        return StoryResult(self.steps, verify(self.steps, history))

    async def _until_steady(self) -> str:
        """Heal everything, wait for peace and bring every group home; answers the primary region of ours."""
        await apply_fault(self._data_dir, "heal", EVERYTHING)
        status = await self._peace()
        while await self._bring_home(status):
            status = await self._peace()
        return next(_home(group) for group in status["groups"] if group["name"] == self._group)

    async def _peace(self) -> Mapping[str, Any]:
        return await first(polled(self._control.status, POLL_SECONDS), self._is_calm)

    def _is_calm(self, status: Mapping[str, Any]) -> bool:
        """Nothing is held, moving or missing: the automation could act, and has no reason to."""
        held = status["freezes"] or status["restraints"] or status["unsettled"]
        known = any(group["name"] == self._group for group in status["groups"])
        return known and not held and all(map(_is_steady, status["groups"]))

    async def _bring_home(self, status: Mapping[str, Any]) -> bool:
        """Move what is not at home; says whether there was anything."""
        strays = [group for group in status["groups"] if group["active"] != _home(group)]
        for group in strays:
            await self._control.move(group["name"], _home(group), "the story begins and ends at home")
        return bool(strays)

    async def _lose(self, home: str, before: FailoverDocument) -> tuple[FailoverDocument, str]:
        self._fault_at = self._clock.now()
        await apply_fault(self._data_dir, "kill", home)
        self._step(StepName.LOSS, at=self._fault_at)
        cell = CellKey(self._group, home)
        await first(self._consul.cells(cell), lambda counts: counts.down > 0)
        self._step(StepName.DETECTION)
        await first(self._consul.cells(cell), _is_bad)
        self._step(StepName.REGION_DOWN)
        moved = await self._document(after=before.revision)
        published_at = self._clock.now()
        self._step(StepName.DECISION, at=parse_rfc3339(moved.change.at))
        self._step(StepName.PUBLICATION, at=published_at)
        await self._applied(moved, without=home)
        self._step(StepName.PROPAGATION)
        return moved, await self._consul.mirrored(self._group)

    async def _recover(self, home: str) -> Mapping[str, Any]:
        await apply_fault(self._data_dir, "heal", home)
        statuses = polled(self._control.status, POLL_SECONDS)
        status = await first(statuses, lambda status: all(map(_is_up, status["groups"])))
        self._step(StepName.RECOVERY)
        return status

    async def _fail_back(self, status: Mapping[str, Any], moved: FailoverDocument) -> FailoverDocument:
        await self._bring_home(status)
        back = await self._document(after=moved.revision)
        await self._applied(back)
        self._step(StepName.FAILBACK)
        return back

    async def _journalled(self, *documents: FailoverDocument) -> Mapping[int, str]:
        revisions = {document.revision for document in documents}
        pages = polled(partial(self._control.rows, self._group), POLL_SECONDS)
        return await first(pages, lambda rows: revisions <= rows.keys())

    async def _document(self, *, after: int) -> FailoverDocument:
        return await first(self._consul.documents(self._group), lambda document: document.revision > after)

    async def _applied(self, document: FailoverDocument, without: str | None = None) -> None:
        """Wait for one reader in each region, but for one region."""
        instances = [reader for reader in self._one_per_region() if reader.cell.region != without]
        await self._readers.until_applied(
            instances, self._group, revision=document.revision, active=document.active
        )

    def _one_per_region(self) -> list[DemoInstance]:
        instances = read_fleet(self._data_dir).instances
        return [one for one in instances if one.cell.service == self._group and one.number == 1]

    def _step(self, name: StepName, *, at: datetime | None = None) -> None:
        step = Step(name, round(((at or self._clock.now()) - self._fault_at) / _MILLISECOND))
        self.steps.append(step)
        self._on_step(step)


def _home(group: Mapping[str, Any]) -> str:
    return str(group["regions"][0]["region"])


def _is_up(group: Mapping[str, Any]) -> bool:
    return all(region["verdict"] == "up" for region in group["regions"])


def _is_steady(group: Mapping[str, Any]) -> bool:
    return _is_up(group) and group["state"] == "steady"


def _is_bad(counts: CellCounts) -> bool:
    """Less than half of the instances work: the demo's `min_healthy`."""
    return counts.up + counts.degraded < counts.down
