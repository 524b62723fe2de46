"""Owns what is searched for in history: the filters in the address, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from controlplane.application.change_rows import ABANDONED, UNREADABLE
from controlplane.application.history_stories import Search, StoryCursor
from controlplane.application.ports import Narrowing
from controlplane.console.ranges import Range, range_of
from controlplane.console.refusals import PageRefused
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import ChangeKind, DocumentKind
from controlplane.contract.switches import SwitchChangeKind
from controlplane.contract.times import rfc3339

FIRST_DEFAULT = "now-7d"
NOW = "now"
TEXT_CHARACTERS_MAX = 128
CURSOR_CHARACTERS_MAX = 40
"""Two positions of 19 digits."""

CHANGES, NON_DECISIONS = "changes", "non-decisions"
CHANGE_KINDS = (*dict.fromkeys((*ChangeKind, *SwitchChangeKind)), ABANDONED, UNREADABLE)
OUTCOMES = ("stay", "move", "refused", "unknown")
KINDS = tuple(DocumentKind)


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters, in the words that stand in the address."""

    what: str = ""
    """`changes`, `non-decisions`, a kind of change or an outcome; empty: everything."""
    kind: str = ""
    """Of documents: failover or switches; empty: both."""
    name: str = ""
    by: str = ""
    reason: str = ""
    first: str = FIRST_DEFAULT
    last: str = NOW
    range: Range | None = None
    """None: what was typed makes no range."""
    wrong: str = ""
    """Why it makes none."""

    @classmethod
    def read(cls, query: QueryParams, now: datetime) -> Self:
        """The filters of an address; what cannot be a filter there is told, or is no filter."""

        def one(name: str) -> str:
            return query.get(name, "").strip()[:TEXT_CHARACTERS_MAX]

        known = {CHANGES, NON_DECISIONS, *CHANGE_KINDS, *OUTCOMES}
        asked = cls(
            what=one("what") if one("what") in known else "",
            kind=one("kind") if one("kind") in KINDS else "",
            name=one("name"),
            by=one("by"),
            reason=one("reason"),
            first=one("from") or FIRST_DEFAULT,
            last=one("to") or NOW,
        )
        typed = QueryParams({"from": asked.first, "to": asked.last})
        try:
            return replace(asked, range=range_of(typed, now))
        except PageRefused as error:
            return replace(asked, wrong=error.text)

    @property
    def fields(self) -> Mapping[str, str]:
        """The filters that narrow anything, by their names in the address."""
        words = {
            "what": self.what,
            "kind": self.kind,
            "name": self.name,
            "by": self.by,
            "reason": self.reason,
        }
        return {name: text for name, text in words.items() if text} | {"from": self.first, "to": self.last}

    def query(self, **changes: str) -> str:
        """The filters as a query, some of them otherwise."""
        return urlencode({**self.fields, **changes})

    @property
    def lasting(self) -> str:
        """The query whose range stays the same, however late it is opened."""
        if self.range is None:
            return self.query()
        return self.query(**{"from": rfc3339(self.range.first), "to": rfc3339(self.range.last)})

    @property
    def search(self) -> Search | None:
        """What is asked of history; None where what was typed makes no range."""
        if self.range is None:
            return None
        is_open = self.last == NOW
        narrowed = Narrowing(
            what=self.what if self.what in {*CHANGE_KINDS, *OUTCOMES} else None,
            by=self.by or None,
            reason=self.reason or None,
            since=rfc3339(self.range.first),
            until=None if is_open else rfc3339(self.range.last),
        )
        return Search(
            kind=self.kind or None,
            name=self.name or None,
            narrowed=narrowed,
            changes=self.what not in {NON_DECISIONS, *OUTCOMES},
            evaluations=self.what not in {CHANGES, *CHANGE_KINDS},
        )


def place_of(cursor: str) -> StoryCursor:
    """Where a page of history begins, as the address names it; empty: at the newest entry.

    Raises:
        PageRefused: it names no place.
    """
    try:
        return StoryCursor.read(cursor[:CURSOR_CHARACTERS_MAX]) if cursor else StoryCursor()
    except ValueError as error:
        text = _("The address names no place in this history; begin at its newest entry.")
        raise PageRefused(422, _("Not understood"), text) from error


def choices() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """What may be chosen of `what`: titles of groups with values and words."""
    return (
        ("", (("", _("everything")), (CHANGES, _("all changes")), (NON_DECISIONS, _("all non-decisions")))),
        (_("changes of one kind"), tuple((kind, _(kind)) for kind in CHANGE_KINDS)),
        (_("evaluations with one outcome"), tuple((outcome, _(outcome)) for outcome in OUTCOMES)),
    )
