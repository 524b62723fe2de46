"""Owns how history is told: a change or a non-decision as one entry of a list, and what a change changed."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from controlplane.application.history_views import EntryView, EvaluationView
from controlplane.application.moving import AUTOMATION
from controlplane.application.views import ChangeView
from controlplane.console.marks import Mark, Shape, of_state
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import DocumentKind

DIFFERENCES_MAX = 200
VALUE_CHARACTERS_MAX = 300
TITLES_MAX = 3
"""How many switches of one change are named in its title."""

NOTHING = "nothing"
"""Stands where there was nothing, or is nothing any more."""

_UNTOLD_FIELDS = frozenset({"schema", "group", "service", "revision", "term"})
"""What every document says of itself: no change of what services do."""
_OUTCOMES = {"move": Shape.MOVING, "refused": Shape.DOWN, "unknown": Shape.UNKNOWN}
_KINDS = {"abandoned": Shape.UNKNOWN, "unreadable": Shape.UNKNOWN, "repair": Shape.DEGRADED}
_SWITCH_STATES = {"degraded": Shape.DEGRADED, "forced_normal": Shape.DEGRADED}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is another one after a change."""

    what: str
    was: str
    will: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, as it stands in a list."""

    at: Moment
    mark: Mark
    """What it was: automatic, manual, flip …; of a non-decision, its state or outcome."""
    subject: str
    """The document or switch that it happened to."""
    title: str
    """What became of it, in a few words."""
    by: str
    reason: str
    revision: int | None
    """None where nothing was published."""
    change_id: str
    address: str
    """The page that tells everything of it."""


def story(entries: Iterable[EntryView], *, as_of: str) -> tuple[Entry, ...]:
    """Entries of history, in their order."""
    return tuple(_entry(one, as_of) for one in entries)


def told(change: ChangeView, *, as_of: str) -> Entry:
    """A change as an entry."""
    subject, title = _headline(change)
    return Entry(
        at=moment(change.at, as_of=as_of),
        mark=Mark(_shape(change), _(change.change_kind)),
        subject=subject,
        title=title,
        by=change.by,
        reason=change.reason,
        revision=change.revision,
        change_id=change.change_id,
        address=address_of(change.kind, change.name, change.revision),
    )


def untold(evaluation: EvaluationView, *, as_of: str) -> Entry:
    """A non-decision, or a publication that is not known to be in force, as an entry."""
    shape = _OUTCOMES.get(evaluation.outcome)
    word = _(evaluation.outcome) if shape else ""
    return Entry(
        at=moment(evaluation.at, as_of=as_of),
        mark=Mark(shape, word) if shape else of_state(evaluation.state),
        subject=evaluation.name,
        title=_stayed(evaluation),
        by=plain(evaluation.inputs.get("by") or AUTOMATION),
        reason=evaluation.reason,
        revision=None,
        change_id="",
        address=f"/changes/evaluations/{evaluation.position}",
    )


def address_of(kind: str, name: str, revision: int) -> str:
    """Where the page of a change is."""
    return f"/changes/{quote(kind, safe='')}/{quote(name, safe='')}/{revision}"


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Difference, ...]:
    """The fields that changed, each with what it was and what it is; at most `DIFFERENCES_MAX`."""
    was, will = dict(_leaves(before or {})), dict(_leaves(after or {}))
    names = [name for name in dict.fromkeys((*was, *will)) if was.get(name) != will.get(name)]
    return tuple(
        Difference(name, was.get(name, NOTHING), will.get(name, NOTHING)) for name in names[:DIFFERENCES_MAX]
    )


def plain(value: object) -> str:
    """A value as text: strings as they are, everything else as JSON; cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[: VALUE_CHARACTERS_MAX - 1]}…"


def _entry(one: EntryView, as_of: str) -> Entry:
    if one.change:
        return told(one.change, as_of=as_of)
    if one.evaluation:
        return untold(one.evaluation, as_of=as_of)
    raise ValueError("an entry of history is a change or an evaluation")


def _shape(change: ChangeView) -> Shape:
    if change.change_kind in _KINDS:
        return _KINDS[change.change_kind]
    if change.kind == DocumentKind.SWITCHES:
        states = {state for _name, _was, state in _switch_turns(change)}
        return next((_SWITCH_STATES[state] for state in states if state in _SWITCH_STATES), Shape.UP)
    return Shape.UP if _stays(change) else Shape.MOVING


def _headline(change: ChangeView) -> tuple[str, str]:
    """What a change is about, and what became of it."""
    if change.kind == DocumentKind.SWITCHES:
        return _switch_headline(change)
    was, now = (change.before or {}).get("active"), (change.after or {}).get("active")
    if not now:
        return change.name, ""
    return change.name, plain(now) if _stays(change) else f"{plain(was)} → {plain(now)}"


def _stays(change: ChangeView) -> bool:
    was, now = (change.before or {}).get("active"), (change.after or {}).get("active")
    return was is None or was == now


def _switch_headline(change: ChangeView) -> tuple[str, str]:
    turns = list(_switch_turns(change))
    if len(turns) == 1:
        name, was, now = turns[0]
        return f"{change.name}/{name}", f"{was} → {now}" if was != now else now
    named, more = ", ".join(name for name, _was, _now in turns[:TITLES_MAX]), len(turns) - TITLES_MAX
    if more > 0:
        named = _("%(named)s and %(more)d more") % {"named": named, "more": more}
    return change.name, named


def _switch_turns(change: ChangeView) -> Iterator[tuple[str, str, str]]:
    """Each switch of a change with its state before and after."""
    before, after = change.before or {}, change.after or {}
    for name in _changed(before, after):
        yield name, _state(before.get(name)), _state(after.get(name))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Collection[str]:
    return [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]


def _state(switch: object) -> str:
    return plain(switch.get("state", NOTHING)) if isinstance(switch, Mapping) else NOTHING


def _stayed(evaluation: EvaluationView) -> str:
    if evaluation.outcome == "stay" and evaluation.before and evaluation.before != evaluation.state:
        return f"{_worded(evaluation.before)} → {_worded(evaluation.state)}"
    if evaluation.outcome == "stay":
        return _("stays")
    return _("not published") if evaluation.outcome == "refused" else ""


def _worded(state: str) -> str:
    return _(state.replace("_", " "))


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a value that have no fields of their own, by their path."""
    for name, field in value.items():
        if not path and name in _UNTOLD_FIELDS:
            continue
        below = f"{path}.{name}" if path else name
        if isinstance(field, Mapping) and field:
            yield from _leaves(field, below)
        else:
            yield below, NOTHING if field is None else plain(field)
