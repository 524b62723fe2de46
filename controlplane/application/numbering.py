"""Owns the numbers that must never be given out twice: revisions of documents, and terms.

The next number lies above everything this replica knows: the document, its log, its own memory and file, what
PostgreSQL said when it last answered, and what readers acknowledge.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from controlplane.application.ports import FloorCache, Floors, Store
from controlplane.contract.keys import REVISION_LIMIT, Keys, parse_log_key
from controlplane.domain.revisions import next_revision


@dataclass(slots=True)
class Numbering:
    """Remembers the highest numbers seen."""

    store: Store
    keys: Keys
    cache: FloorCache
    term: int = 0
    _revisions: dict[str, int] = field(default_factory=dict)
    """The highest that was ever seen in force, by `kind/name`; kept in the file."""
    _used: dict[str, int] = field(default_factory=dict)
    """The highest that history knows, abandoned ones included."""
    _acknowledged: dict[str, int] = field(default_factory=dict)
    """The highest that readers hold, as far as that is believed."""

    def __post_init__(self) -> None:
        floors = self.cache.load()
        self.term = floors.term
        self._revisions = dict(floors.revisions)

    def known(self, kind: str, name: str) -> int:
        """The highest revision of a document that this replica has seen in force; 0 where it saw none."""
        return self._revisions.get(f"{kind}/{name}", 0)

    def names(self, kind: str) -> list[str]:
        """The documents of a kind that this replica has ever seen in force."""
        return [key.removeprefix(f"{kind}/") for key in self._revisions if key.startswith(f"{kind}/")]

    def see_revision(self, kind: str, name: str, revision: int) -> None:
        """Remember a revision that is in force."""
        if self.known(kind, name) < revision < REVISION_LIMIT:
            self._revisions[f"{kind}/{name}"] = revision
            self._save()

    def see_used(self, kind: str, name: str, revision: int) -> None:
        """Remember a revision that history has, in force or abandoned."""
        self._used[f"{kind}/{name}"] = max(revision, self._used.get(f"{kind}/{name}", 0))

    def see_acknowledged(self, kind: str, name: str, revision: int) -> None:
        """Remember a revision that readers say they hold (`domain.revisions.acknowledged_revision`)."""
        key = f"{kind}/{name}"
        self._acknowledged[key] = max(revision, self._acknowledged.get(key, 0))

    def see_term(self, term: int) -> None:
        """Remember a term that exists."""
        if term > self.term:
            self.term = term
            self._save()

    async def next_revision(self, kind: str, name: str, *, in_force: int) -> int:
        """The revision that the next publication of a document carries.

        Raises:
            StoreUnavailable: the log cannot be read.
            RevisionError: there is no higher number.
        """
        listing = await self.store.list(self.keys.document_log(kind, name), consistent=True)
        places = (parse_log_key(self.keys, entry.key) for entry in listing.entries)
        return self.above(kind, name, [in_force, *(place.revision for place in places if place)])

    def above(self, kind: str, name: str, found: Iterable[int]) -> int:
        """The revision above those found in the store, and above all that this replica knows of.

        Raises:
            RevisionError: there is no higher number.
        """
        key = f"{kind}/{name}"
        known = (self._used.get(key, 0), self._acknowledged.get(key, 0), self.known(kind, name))
        return next_revision([*known, *found])

    def _save(self) -> None:
        self.cache.save(Floors(term=self.term, revisions=dict(self._revisions)))
