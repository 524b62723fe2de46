"""Owns the sockets for PostgreSQL: definitions, history, tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controlplane.domain.fleet import Definitions, Fleet, Instance


class RegistryRepository(Protocol):
    """The definitions in PostgreSQL: what the fleet file declares, and beside it what catalogs contribute."""

    async def revision(self) -> int:
        """The revision of the current definitions; 0 before the first `apply`.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def load(self) -> Definitions:
        """The current definitions, adopted instances included; an empty fleet before the first `apply`.

        Raises:
            DatabaseUnavailable: no answer.
            DefinitionsUnreadable: they were written by a newer version of the program.
        """

    async def replace(self, fleet: Fleet, *, expected: int, by: str, above: int = 0) -> int:
        """Store what the file declares in one transaction; answers the new revision.

        Adopted instances of `fleet` are ignored; those that stand in PostgreSQL stay, where their service
        still adopts from that datacenter. The new revision lies above the stored one and above `above`.

        Raises:
            RegistryConflict: the stored revision is not `expected`: somebody else was first.
            DatabaseUnavailable: no answer; it may have been stored.
        """

    async def replace_adopted(
        self, service: str, datacenter: str | None, instances: Sequence[Instance], *, above: int = 0
    ) -> int | None:
        """Store what the catalog of one datacenter (None: home) says of a service, instead of what it said.

        Answers the new revision, or None where it is what stands there already.

        Raises:
            DatabaseUnavailable: no answer; it may have been stored.
        """


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One `log/` entry on its way into history."""

    store: str
    kind: str
    name: str
    revision: int
    change_id: str
    create_index: int
    body: bytes
    """The entry's JSON, as it stands in Consul."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another change already stands in history under the same store, kind, name and revision."""

    record: LogRecord
    found_change_id: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One row of history."""

    position: int
    """Order of insertion; the cursor of pages."""
    store: str
    create_index: int
    kind: str
    name: str
    revision: int
    change_id: str
    change_kind: str
    by: str
    reason: str
    at: str
    trace_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What of history is wanted beside the kind and name of a document; None: anything.

    The same words narrow changes and evaluations.
    """

    what: str | None = None
    """The kind of a change, or the outcome of an evaluation."""
    by: str | None = None
    """Who did it; an evaluation that names nobody is the automation's."""
    reason: str | None = None
    """A part of the reason, whatever its case."""
    since: str | None = None
    """RFC 3339 in UTC with milliseconds, as every moment of history is written: this one or later."""
    until: str | None = None
    """Earlier than this one."""
    revision: int | None = None
    """Of changes; evaluations have none."""


EVERYTHING = Narrowing()


class Journal(Protocol):
    """History of everything published, in PostgreSQL."""

    async def append(self, records: Sequence[LogRecord]) -> Sequence[Conflict]:
        """Insert what is not there yet, in the given order, in one statement; say what clashes.

        Raises:
            DatabaseUnavailable: no answer; asking again is harmless.
        """

    async def stored(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        """Those of the given records that stand in history with the same change id.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def highest_revision(self, kind: str, name: str) -> int:
        """The highest revision ever journalled for a document, in any store; 0 where there is none.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def page(
        self,
        *,
        kind: str | None,
        name: str | None,
        before: int | None,
        limit: int,
        narrowed: Narrowing = EVERYTHING,
    ) -> Sequence[ChangeRow]:
        """Rows that are wanted, newest first, with a position below `before`.

        Raises:
            DatabaseUnavailable: no answer.
        """


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: never its secret, only the SHA-256 of it."""

    name: str
    role: str
    sha256: str
    vantage: str | None = None


class TokenRepository(Protocol):
    """Who may use the API."""

    async def all(self) -> Sequence[Token]:
        """Every token that is not revoked.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def add(self, token: Token) -> None:
        """Store a token; a second one of the same name replaces the first.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def remove(self, name: str) -> bool:
        """Revoke a token; False where there is none.

        Raises:
            DatabaseUnavailable: no answer; it may be gone.
        """
