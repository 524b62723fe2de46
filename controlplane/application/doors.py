"""Owns the doors that programs and people enter by: what the API and the pages may ask of the application."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.application.accounts import Accounts
from controlplane.application.events import EventKind, EventReader
from controlplane.application.history_ingest import HistoryIngest
from controlplane.application.history_reading import Timelines
from controlplane.application.history_stories import Stories
from controlplane.application.people import People
from controlplane.application.ports import Relay
from controlplane.application.results import (
    GroupDriftRequest,
    MoveRequest,
    PauseRequest,
    Refused,
    Result,
    ResumeRequest,
)
from controlplane.application.switch_requests import DriftRequest, FlipRequest, UndoRequest
from controlplane.application.switch_views import ServiceSwitchesView, SwitchesView, SwitchPreview
from controlplane.application.views import (
    ChangeView,
    PlanView,
    Principal,
    Readiness,
    StatusView,
)
from controlplane.domain.fleet import Definitions


class NotLeading(Exception):
    """This replica does not lead: the act belongs to the leader, whose API address this is, if known."""

    def __init__(self, leader_api: str | None) -> None:
        super().__init__("this replica does not lead")
        self.leader_api = leader_api


@dataclass(frozen=True, slots=True)
class Applied:
    """What an `apply` changed, or would change."""

    revision: int
    differences: tuple[str, ...]
    """Readable lines; empty when nothing differs."""
    dry_run: bool


class Queries(Protocol):
    """What may be looked at. None of these waits for Consul."""

    def status(self) -> StatusView:
        """The picture as of now."""

    def readiness(self) -> Readiness:
        """Whether this replica can take acts."""

    async def changes(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Sequence[ChangeView]:
        """History, newest first; `before` is a position.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """


class Operations(Protocol):
    """What a person may ask for."""

    async def plan(self, group: str, target: str) -> PlanView:
        """A move's plan.

        Raises:
            KeyError: no such group.
            NotLeading: ask the leader.
        """

    async def move(self, request: MoveRequest) -> Result:
        """Move a group.

        Raises:
            NotLeading: ask the leader.
        """

    async def pause(self, request: PauseRequest) -> Result:
        """Restrain the automation; any replica may do it."""

    async def resume(self, request: ResumeRequest) -> Result:
        """End a restraint; any replica may do it."""

    async def resolve(self, request: GroupDriftRequest) -> Result:
        """Say which is right where a group's document is not what was published.

        Raises:
            NotLeading: ask the leader.
        """


class Switches(Protocol):
    """What may be looked at and asked for of switches; any replica publishes what it is asked."""

    def all(self) -> SwitchesView:
        """The switches of every service. Does not wait for Consul."""

    def of(self, service: str) -> ServiceSwitchesView:
        """The switches of one service. Does not wait for Consul.

        Raises:
            KeyError: no such service, or it has no switches.
        """

    async def preview(self, request: FlipRequest | UndoRequest | DriftRequest) -> SwitchPreview | Refused:
        """What an act would change if it were done now, or why it would be refused. Nothing is written.

        Raises:
            DatabaseUnavailable: what to undo is older than the log, and PostgreSQL does not answer.
        """

    async def flip(self, request: FlipRequest) -> Result:
        """Degrade, restore or force a switch; done, too, where it is so already."""

    async def undo(self, request: UndoRequest) -> Result:
        """Take back what a revision changed, unless somebody has changed it since."""

    async def resolve(self, request: DriftRequest) -> Result:
        """Say which is right where a document is not what was published last."""


class Registry(Protocol):
    """The definitions."""

    def current(self) -> Definitions:
        """What this replica works by."""

    def mapping(self) -> dict[str, Any]:
        """The same as a JSON-able fleet, for probers."""

    async def apply(self, text: str, *, by: str, dry_run: bool) -> Applied:
        """Take a fleet file.

        Raises:
            FleetFileError: mistakes, each with line and path; nothing has changed.
            RegistryConflict: somebody else was first; nothing has changed.
            DatabaseUnavailable: PostgreSQL does not answer.
        """

    def export(self) -> str:
        """The definitions as a fleet file."""


class Gatekeeper(Protocol):
    """Who may come in."""

    def authenticate(self, secret: str) -> Principal | None:
        """Who holds this token; None for nobody. Works from memory while PostgreSQL is away."""


class Events(Protocol):
    """What may be followed as it happens."""

    def open(self, after: str | None, kinds: Collection[EventKind]) -> EventReader:
        """A reader from a place on, or from now on; of some kinds, or, where none is named, of all.

        Raises:
            TooManyReaders: another one has to end first.
        """

    def close(self) -> None:
        """End all readers, because the process ends."""


@dataclass(frozen=True, slots=True)
class History:
    """What probers bring and people ask; all of it waits for PostgreSQL."""

    ingest: HistoryIngest
    timelines: Timelines
    stories: Stories


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything that the API and the pages are given."""

    queries: Queries
    operations: Operations
    switches: Switches
    registry: Registry
    gatekeeper: Gatekeeper
    people: People
    """Who logs in, and whose browser is asking."""
    accounts: Accounts
    history: History
    events: Events
    relay: Relay
    """The way to the replica that leads, for acts that belong to it."""
