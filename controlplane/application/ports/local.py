"""Owns the sockets for what a process keeps on disk, and for what a prober touches."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from controlplane.application.ports.database import Token
from controlplane.domain.fleet import Check, Definitions, Fleet, Instance
from controlplane.domain.outcome import Outcome


class FleetFormat(Protocol):
    """How a fleet is written down for people."""

    def read(self, text: str | bytes) -> Fleet:
        """The fleet that a file declares.

        Raises:
            FleetFileError: each mistake with its line, its path, what is wrong and what is allowed.
        """

    def write(self, fleet: Fleet) -> str:
        """The canonical file of a fleet: equal fleets give equal texts."""


class DefinitionsCache(Protocol):
    """The last definitions on disk, so that a process can start without PostgreSQL."""

    def load(self) -> Definitions | None:
        """What was saved last; None where there is nothing readable."""

    def save(self, definitions: Definitions) -> None:
        """Keep these (written beside, synced, renamed)."""


class TokenCache(Protocol):
    """The hashes of known tokens on disk, so that they stay known while PostgreSQL is away."""

    def load(self) -> Sequence[Token]:
        """What was saved last; empty where there is nothing readable."""

    def save(self, tokens: Sequence[Token]) -> None:
        """Keep these (mode 0600; written beside, synced, renamed)."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The highest numbers this replica has ever seen: what is published next lies above them."""

    term: int = 0
    revisions: Mapping[str, int] = field(default_factory=dict)
    """`failover/checkout` → revision."""


class FloorCache(Protocol):
    """Those numbers on disk, so that a store that went back in time is noticed after a restart."""

    def load(self) -> Floors:
        """What was saved last; zeros where there is nothing readable."""

    def save(self, floors: Floors) -> None:
        """Keep these (written beside, synced, renamed)."""


class Probe(Protocol):
    """One check of one instance over the network. Never raises: a fault of ours is an outcome, too."""

    def start(self, instance: Instance, check: Check, done: Callable[[Outcome], None]) -> None:
        """Probe once, without a task of the caller's; `done` is called once, within the check's timeout."""

    async def __call__(self, instance: Instance, check: Check) -> Outcome:
        """Probe once, within the check's timeout."""


class Ticker(Protocol):
    """What calls a plain function every so often."""

    def __call__(self, seconds: float, call: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call on the event loop every `seconds` while the context is open; late calls are left out."""


class DefinitionsSource(Protocol):
    """Where a prober learns what to probe: the control API."""

    async def fetch(self, known_revision: int) -> Definitions | None:
        """The current definitions; None if they are still at `known_revision`.

        Raises:
            ControlUnavailable: no answer, or not admitted.
        """
