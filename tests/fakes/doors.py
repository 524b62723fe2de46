"""The doors of the application without an application: scripted answers, and a record of what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.adapters.relay import HttpRelay
from controlplane.application.doors import Applied, Doors, History
from controlplane.application.events import EventHub
from controlplane.application.history_ingest import HistoryIngest
from controlplane.application.history_reading import Timelines
from controlplane.application.history_stories import Stories
from controlplane.application.results import (
    Done,
    GroupDriftRequest,
    MoveRequest,
    PauseRequest,
    Refused,
    Result,
    ResumeRequest,
)
from controlplane.application.retention import Retention
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchPreview
from controlplane.application.views import (
    ChangeView,
    LeaderView,
    PlanView,
    Principal,
    Readiness,
    StatusView,
)
from controlplane.domain.fleet import Definitions, Fleet
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeEvaluations, FakeHistory
from tests.fakes.journal import FakeJournal
from tests.fakes.people import FakePeople

NOTHING = StatusView(
    as_of="2026-01-12T09:31:14.000Z",
    replica="cp-us-1",
    leader=LeaderView(holder=None, term=0, api=None, ours=False),
    definitions_revision=0,
    store_contact_seconds=None,
    database_available=True,
    instances={},
    freezes=(),
    restraints=(),
    unsettled=(),
    alarms=(),
    groups=(),
    vantages=(),
)
"""What a control plane sees before anything was told to it."""


@dataclass
class FakeQueries:
    """Answers with what a test put there."""

    picture: StatusView = NOTHING
    ready: Readiness = field(default_factory=lambda: Readiness(ready=True, checks={"consul": "ok"}))
    history: Sequence[ChangeView] = ()
    failure: Exception | None = None
    """Raised by everything that would ask PostgreSQL."""

    def status(self) -> StatusView:
        return self.picture

    def readiness(self) -> Readiness:
        return self.ready

    async def changes(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Sequence[ChangeView]:
        if self.failure:
            raise self.failure
        rows = [
            row
            for row in sorted(self.history, key=lambda row: -row.position)
            if kind in {None, row.kind} and name in {None, row.name}
        ]
        return [row for row in rows if before is None or row.position < before][:limit]


DONE = Done(change_id="change-1", text="checkout is active in eu-west", revision=18)
Request = GroupDriftRequest | MoveRequest | PauseRequest | ResumeRequest


@dataclass
class FakeOperations:
    """Gives every act the same answer and remembers what it was asked."""

    result: Result = DONE
    failure: Exception | None = None
    plans: Mapping[str, PlanView] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    async def plan(self, group: str, target: str) -> PlanView:
        if self.failure:
            raise self.failure
        return self.plans[group]

    async def move(self, request: MoveRequest) -> Result:
        return self._act(request)

    async def pause(self, request: PauseRequest) -> Result:
        return self._act(request)

    async def resume(self, request: ResumeRequest) -> Result:
        return self._act(request)

    async def resolve(self, request: GroupDriftRequest) -> Result:
        return self._act(request)

    def _act(self, request: Request) -> Result:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        return self.result


@dataclass
class FakeSwitches:
    """Shows what a test put there, gives every act the same answer and remembers what it was asked."""

    picture: SwitchesView = field(default_factory=lambda: SwitchesView(NOTHING.as_of, ()))
    result: Result = field(
        default_factory=lambda: Done(
            change_id="change-2", text="checkout/recommendations is degraded", revision=43
        )
    )
    previewed: SwitchPreview | Refused = field(
        default_factory=lambda: SwitchPreview("checkout", 42, before={}, after={})
    )
    failure: Exception | None = None
    asked: list[FlipRequest | UndoRequest | DriftRequest] = field(default_factory=list)
    looked_ahead: list[FlipRequest | UndoRequest | DriftRequest] = field(default_factory=list)
    """What was previewed."""

    def all(self) -> SwitchesView:
        return self.picture

    def of(self, service: str) -> ServiceSwitchesView:
        return {view.service: view for view in self.picture.services}[service]

    async def preview(self, request: FlipRequest | UndoRequest | DriftRequest) -> SwitchPreview | Refused:
        self.looked_ahead.append(request)
        if self.failure:
            raise self.failure
        return self.previewed

    async def flip(self, request: FlipRequest) -> Result:
        return self._act(request)

    async def undo(self, request: UndoRequest) -> Result:
        return self._act(request)

    async def resolve(self, request: DriftRequest) -> Result:
        return self._act(request)

    def _act(self, request: FlipRequest | UndoRequest | DriftRequest) -> Result:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        return self.result


@dataclass
class FakeRegistry:
    """Definitions without a database; `applied` holds the texts that were taken."""

    definitions: Definitions = field(default_factory=lambda: Definitions(7, Fleet()))
    fleet: Mapping[str, Any] = field(default_factory=lambda: {"regions": [{"name": "us-east"}]})
    text: str = "apiVersion: controlplane/v1\nregions: [{name: us-east}]\n"
    failure: Exception | None = None
    applied: list[tuple[str, str, bool]] = field(default_factory=list)

    def current(self) -> Definitions:
        return self.definitions

    def mapping(self) -> dict[str, Any]:
        return dict(self.fleet)

    async def apply(self, text: str, *, by: str, dry_run: bool) -> Applied:
        self.applied.append((text, by, dry_run))
        if self.failure:
            raise self.failure
        return Applied(revision=8, differences=("+ region ap-south",), dry_run=dry_run)

    def export(self) -> str:
        return self.text


ROLES = ("viewer", "operator", "admin", "prober")


@dataclass
class FakeGatekeeper:
    """Knows one token per role: `viewer-token` is held by `a-viewer`, and so on."""

    roles: Sequence[str] = ROLES

    def authenticate(self, secret: str) -> Principal | None:
        role = secret.removesuffix("-token")
        if secret != f"{role}-token" or role not in self.roles:
            return None
        return Principal(name=f"a-{role}", role=role, vantage="us-1" if role == "prober" else None)


@dataclass
class FakeDoors:
    """The fakes, and the `Doors` made of them; history is real code on what is kept in memory."""

    queries: FakeQueries = field(default_factory=FakeQueries)
    operations: FakeOperations = field(default_factory=FakeOperations)
    switches: FakeSwitches = field(default_factory=FakeSwitches)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    gatekeeper: FakeGatekeeper = field(default_factory=FakeGatekeeper)
    people: FakePeople = field(default_factory=lambda: FakePeople(FakeClock()))
    history: FakeHistory = field(default_factory=FakeHistory)
    evaluations: FakeEvaluations = field(default_factory=FakeEvaluations)
    journal: FakeJournal = field(default_factory=FakeJournal)
    events: EventHub = field(default_factory=lambda: EventHub("01HFAKE", FakeClock()))

    def doors(self) -> Doors:
        return Doors(
            queries=self.queries,
            operations=self.operations,
            switches=self.switches,
            registry=self.registry,
            gatekeeper=self.gatekeeper,
            people=self.people.door,
            accounts=self.people.accounts,
            history=History(
                ingest=HistoryIngest(self.history, FakeClock(), Retention()),
                timelines=Timelines(self.history),
                stories=Stories(self.journal, self.evaluations),
            ),
            events=self.events,
            relay=HttpRelay(),
        )
