"""Owns the moves that are still news: each with its life on screen, until ten minutes have passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from controlplane.application.views import ChangeView, GroupView, StatusView
from controlplane.console.life import Step, in_force, life
from controlplane.console.marks import Mark, Shape
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import ChangeKind
from controlplane.contract.times import parse_rfc3339

NEWS_SECONDS = 600.0
"""Whoever is called out at night looks within this time."""
MOVES_SHOWN_MAX = 5
_MOVES = frozenset({ChangeKind.AUTOMATIC, ChangeKind.MANUAL, ChangeKind.DRILL, ChangeKind.FAILBACK})


@dataclass(frozen=True, slots=True)
class RecentMove:
    """A group that has moved lately."""

    mark: Mark
    group: str
    path: str
    """Of its page."""
    way: str
    """From where to where."""
    kind: str
    """automatic, manual, drill or failback; and by whom."""
    at: Moment
    reason: str
    steps: tuple[Step, ...]


def recent_moves(status: StatusView, history: Sequence[ChangeView]) -> tuple[RecentMove, ...]:
    """The latest moves that are in force, the newest first; `history` explains those that it knows."""
    moves = sorted(_moves(status), key=lambda pair: pair[0], reverse=True)
    return tuple(_drawn(group, status, history) for _at, group in moves[:MOVES_SHOWN_MAX])


def _moves(status: StatusView) -> Iterator[tuple[float, GroupView]]:
    now = _seconds(status.as_of)
    for group in status.groups:
        change = in_force(group)
        at = _seconds(str(change.get("at", ""))) if change.get("kind") in _MOVES else None
        if at is not None and now is not None and now - at <= NEWS_SECONDS:
            yield at, group


def _seconds(text: str) -> float | None:
    """A moment as a number; None where the text names none: a foreign hand may have written it."""
    try:
        return parse_rfc3339(text).timestamp()
    except ValueError:
        return None


def _drawn(group: GroupView, status: StatusView, history: Sequence[ChangeView]) -> RecentMove:
    change, document = in_force(group), group.document or {}
    return RecentMove(
        mark=Mark(Shape.MOVING, _("moved")),
        group=group.name,
        path=f"/groups/{quote(group.name, safe='')}",
        way=_way(document.get("previous"), group.active),
        kind=_("%(kind)s · %(by)s") % {"kind": _(str(change["kind"])), "by": change.get("by", "")},
        at=moment(str(change["at"]), as_of=status.as_of),
        reason=str(change.get("reason", "")),
        steps=life(group, status, history),
    )


def _way(before: Any, active: str | None) -> str:
    return f"{before} → {active}" if before else str(active)
