"""Owns what stands on the page of a switch, ready to be drawn: what is in force, who reads it, its past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.application.switch_views import ServiceSwitchesView, SwitchView
from controlplane.application.views import ChangeView, StatusView
from controlplane.console.marks import Mark, Shape
from controlplane.console.moments import Moment, moment
from controlplane.console.readers import Readers, readers
from controlplane.console.standing import Places, entry_of, places, plain_json
from controlplane.console.story import Entry, told
from controlplane.console.switch_rows import Changed, NextAct, changed, next_act, page_path
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import DocumentKind, canonical
from controlplane.contract.switches import SwitchChangeKind


@dataclass(frozen=True, slots=True)
class Told:
    """One change of the switch."""

    entry: Entry
    was: Places
    """Empty: it was not there."""
    became: Places
    undo: str
    """Where it is taken back; empty where it cannot be."""


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one change: published, applied, confirmed."""

    mark: Mark
    title: str
    by: str
    reason: str
    at: Moment | None
    revision: int | None
    readers: Readers | None
    """Only while its revision is in force."""
    note: str
    """What else one must know; empty: nothing."""
    undo: str


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page, but for its history."""

    service: str
    name: str
    path: str
    revision: int | None
    type: str
    normal: str
    degraded: str
    grade: str
    owner: str
    description: str
    declared: bool
    places: Places
    changed: Changed | None
    waiting: str
    act: NextAct | None
    """None: nothing can be asked of it."""
    readers: Readers | None
    drift: str
    drift_since: Moment | None
    adoptable: bool
    unsettled: bool
    commands: tuple[tuple[str, str], ...]
    """What each shows, and the line to type."""


def board(view: ServiceSwitchesView, one: SwitchView, status: StatusView) -> Board:
    """Draw a switch."""
    entry, drift = entry_of(one), view.drift
    return Board(
        service=view.service,
        name=one.name,
        path=page_path(view.service, one.name),
        revision=view.revision,
        type=one.type,
        normal=plain_json(one.normal),
        degraded=plain_json(one.degraded) if one.declared else "",
        grade=one.grade,
        owner=one.owner,
        description=one.description,
        declared=one.declared,
        places=places(entry, as_of=status.as_of),
        changed=changed(one.changed, as_of=status.as_of),
        waiting=one.waiting or "",
        act=next_act(one),
        readers=_readers(view, status),
        drift=drift.text if drift else "",
        drift_since=moment(drift.since, as_of=status.as_of) if drift else None,
        adoptable=drift is not None and drift.code == "foreign_edit",
        unsettled=view.unsettled,
        commands=_commands(view, one),
    )


def history(
    changes: Sequence[ChangeView], view: ServiceSwitchesView, switch: str, *, as_of: str
) -> tuple[Told, ...]:
    """The changes of a switch, each with what it made of it."""
    return tuple(
        Told(
            entry=told(change, as_of=as_of),
            was=_places(change.before, switch, as_of),
            became=_places(change.after, switch, as_of),
            undo=undo_path(view, switch, change.revision) if is_undoable(change, view) else "",
        )
        for change in changes
    )


def life(
    change_id: str,
    view: ServiceSwitchesView,
    one: SwitchView,
    status: StatusView,
    changes: Sequence[ChangeView] | None,
) -> Life:
    """What became of a change: it is looked up, the address alone proves nothing."""
    current, last = view.change, one.changed
    if current and current.id == change_id:
        return _in_force(view, one, status)
    row = next((row for row in changes or () if row.change_id == change_id), None)
    if row:
        at, revision = moment(row.at, as_of=status.as_of), row.revision
        return _overtaken(view, row.by, row.reason, at=at, revision=revision)
    if last and last.id == change_id:
        return _overtaken(view, last.by, last.reason, at=moment(last.at, as_of=status.as_of), revision=None)
    return _unseen(view, changes)


def is_undoable(change: ChangeView, view: ServiceSwitchesView) -> bool:
    """Whether every switch that it changed was there before, and is still as it left it."""
    before, after = change.before or {}, change.after or {}
    touched = before.keys() & after.keys()
    if change.change_kind == SwitchChangeKind.APPLY or not touched:
        return False
    standing_now = {one.name: entry_of(one) for one in view.switches}
    return all(
        name in standing_now and canonical(standing_now[name]) == canonical(after[name]) for name in touched
    )


def undo_path(view: ServiceSwitchesView, switch: str, revision: int) -> str:
    """Where a revision is taken back."""
    return f"{page_path(view.service, switch)}/undo/{revision}"


def _readers(view: ServiceSwitchesView, status: StatusView) -> Readers | None:
    return readers(status.confirmations, DocumentKind.SWITCHES, view.service, view.revision)


def _in_force(view: ServiceSwitchesView, one: SwitchView, status: StatusView) -> Life:
    change, revision = view.change, view.revision
    if change is None or revision is None:
        raise ValueError("a change in force has a document")
    ours = one.changed is not None and one.changed.id == change.id
    undoable = ours and change.kind != SwitchChangeKind.APPLY
    return Life(
        mark=Mark(Shape.UP, _("published")),
        title=_("revision %d is in force") % revision,
        by=change.by,
        reason=change.reason,
        at=moment(change.at, as_of=status.as_of),
        revision=revision,
        readers=_readers(view, status),
        note="",
        undo=undo_path(view, one.name, revision) if undoable else "",
    )


def _overtaken(view: ServiceSwitchesView, by: str, reason: str, *, at: Moment, revision: int | None) -> Life:
    later = _("Later changes of %(service)s were published since: revision %(now)s is in force.")
    return Life(
        mark=Mark(Shape.UP, _("published")),
        title=_("revision %d was published") % revision if revision else _("it was published"),
        by=by,
        reason=reason,
        at=at,
        revision=revision,
        readers=None,
        note=later % {"service": view.service, "now": view.revision},
        undo="",
    )


def _unseen(view: ServiceSwitchesView, changes: Sequence[ChangeView] | None) -> Life:
    if view.unsettled:
        mark, title = Mark(Shape.MOVING, _("unknown")), _("no answer from Consul yet")
        note = _("It was sent and may still take effect. It is being settled: do not repeat it, wait here.")
    elif changes is None:
        mark, title = Mark(Shape.UNKNOWN, _("not seen")), _("this change is not known here")
        note = _("PostgreSQL does not answer, so that only the last change of each switch can be told.")
    else:
        mark, title = Mark(Shape.UNKNOWN, _("not seen")), _("no revision carries this change")
        note = _("Nothing was published for it: it was so already, or it was given up as unanswered.")
    return Life(
        mark=mark, title=title, by="", reason="", at=None, revision=None, readers=None, note=note, undo=""
    )


def _places(content: Mapping[str, Any] | None, switch: str, as_of: str) -> Places:
    entry = (content or {}).get(switch)
    return places(entry, as_of=as_of) if isinstance(entry, Mapping) else ()


def _commands(view: ServiceSwitchesView, one: SwitchView) -> tuple[tuple[str, str], ...]:
    return (
        (_("the document that services follow"), f"consul kv get {view.document_key}"),
        (_("the plain value, for readers without region and unit"), f"consul kv get {one.value_key}"),
        (_("the same from the control plane"), f"controlplane switch show {view.service}/{one.name}"),
    )
