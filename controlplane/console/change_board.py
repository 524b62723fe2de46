"""Owns what stands on the pages of one change and of one evaluation, ready to be drawn."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.application.history_views import EvaluationView
from controlplane.application.views import ChangeView, StatusView
from controlplane.console.readers import Readers, readers
from controlplane.console.story import Difference, Entry, address_of, differences, plain, told, untold
from controlplane.console.texts import gettext as _

INPUTS = "inputs"
"""The part of an explanation that a decision was made from: shown whole, apart from the rest."""


@dataclass(frozen=True, slots=True)
class ChangeBoard:
    """One change."""

    entry: Entry
    kind: str
    name: str
    differences: tuple[Difference, ...]
    facts: tuple[tuple[str, str], ...]
    """The explanation, without what the decision was made from."""
    inputs: str
    """What it was made from, as JSON; empty where the explanation says nothing of it."""
    trace_id: str
    change_id: str
    standing: str
    """Whether it is in force."""
    in_force: bool
    readers: Readers | None
    """Who has applied it; None where nobody has said, or it is in force no more."""
    before: str
    """Address of the change before; empty: there is none."""
    after: str


@dataclass(frozen=True, slots=True)
class EvaluationBoard:
    """One evaluation: a non-decision, or a publication that is not known to be in force."""

    entry: Entry
    kind: str
    name: str
    outcome: str
    code: str
    facts: tuple[tuple[str, str], ...]
    inputs: str
    """What it was made from, as JSON."""
    trace_id: str


def evaluation_board(evaluation: EvaluationView, status: StatusView) -> EvaluationBoard:
    """One evaluation."""
    obstacles = evaluation.inputs.get("obstacles")
    texts = (
        [one.get("text") for one in obstacles if isinstance(one, Mapping)]
        if isinstance(obstacles, list)
        else []
    )
    return EvaluationBoard(
        entry=untold(evaluation, as_of=status.as_of),
        kind=evaluation.kind,
        name=evaluation.name,
        outcome=evaluation.outcome,
        code=evaluation.code,
        facts=tuple((_("in the way"), plain(text)) for text in texts),
        inputs=_json(evaluation.inputs),
        trace_id=evaluation.trace_id or "",
    )


def change_board(change: ChangeView, status: StatusView, *, current: int | None) -> ChangeBoard:
    """One change; `current` is the revision in force of its document, None where it is not known."""
    is_current = current == change.revision
    return ChangeBoard(
        entry=told(change, as_of=status.as_of),
        kind=change.kind,
        name=change.name,
        differences=differences(change.before, change.after),
        facts=_facts(change.explanation),
        inputs=_json(change.explanation.get(INPUTS)),
        trace_id=change.trace_id or "",
        change_id=change.change_id,
        standing=_standing(change.revision, current),
        in_force=is_current,
        readers=readers(status.confirmations, change.kind, change.name, change.revision)
        if is_current
        else None,
        before=address_of(change.kind, change.name, change.revision - 1) if change.revision > 1 else "",
        after=_after(change, current),
    )


def _facts(explanation: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    told_apart = {
        name: value for name, value in explanation.items() if name != INPUTS and value not in ([], {})
    }
    return tuple((name.replace("_", " "), _fact(value)) for name, value in told_apart.items())


def _fact(value: object) -> str:
    """A part of an explanation in words: gates with their outcome, lists and objects in one line."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_fact(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_fact(one) for one in value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return plain(value)


def _json(inputs: object) -> str:
    return json.dumps(inputs, ensure_ascii=False, indent=2, default=str) if inputs else ""


def _standing(revision: int, current: int | None) -> str:
    if current is None:
        return _("which revision is in force is not known here")
    if current == revision:
        return _("in force")
    if current > revision:
        return _("followed by revision %d, which is in force") % current
    return _("above revision %d, which is in force here") % current


def _after(change: ChangeView, current: int | None) -> str:
    has_followed = current is not None and current > change.revision
    return address_of(change.kind, change.name, change.revision + 1) if has_followed else ""
