"""Owns what stands on the pages of a move, ready to be drawn: what was typed, and what would happen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from controlplane.application.views import GateView, GroupView, PlanView, StatusView
from controlplane.console.forms import Form
from controlplane.console.life import readers_of
from controlplane.console.marks import Mark, Shape
from controlplane.console.story import Difference
from controlplane.console.texts import gettext as _
from controlplane.console.texts import ngettext
from controlplane.console.typed import Mistyped, fresh_key, reason

REVISION_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class MoveTyped:
    """The form of a move as it stands, in the words that were typed."""

    target: str = ""
    reason: str = ""
    overrides: tuple[str, ...] = ()
    """Names of gates that may fail."""
    revision: str = ""
    """Of the document that was looked at."""
    plan_hash: str = ""
    """Of the plan that was looked at."""
    key: str = ""
    """The same act, however often it is sent."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Field → what is wrong with it."""

    @classmethod
    def read(cls, form: Form) -> Self:
        """What was typed, with what is wrong about it."""
        typed = cls(
            target=form.one("to"),
            reason=form.one("reason"),
            overrides=tuple(form.all("override")),
            revision=form.one("revision"),
            plan_hash=form.one("plan"),
            key=form.one("key"),
        )
        return replace(typed, wrong=typed._mistakes())

    @property
    def expected_revision(self) -> int | None:
        """The revision that was looked at; None where the form names none."""
        text = self.revision
        is_number = text.isascii() and text.isdigit() and len(text) <= REVISION_DIGITS_MAX
        return int(text) if is_number else None

    def _mistakes(self) -> dict[str, str]:
        wrong = {} if self.target else {"to": _("Choose the region to move to.")}
        try:
            reason(self.reason)
        except Mistyped as error:
            wrong["reason"] = str(error)
        return wrong


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate of a plan."""

    name: str
    mark: Mark
    text: str
    fails: bool
    overridden: bool


@dataclass(frozen=True, slots=True)
class MoveReview:
    """What a move would do."""

    group: str
    typed: MoveTyped
    differences: tuple[Difference, ...]
    concerned: str
    gates: tuple[GateRow, ...]
    warnings: tuple[str, ...]
    refusals: tuple[str, ...]
    """Why it cannot be done at all."""
    said: str
    """Why it was not done when it was asked for; empty before."""


def move_review(
    plan: PlanView, typed: MoveTyped, group: GroupView, status: StatusView, *, said: str = ""
) -> MoveReview:
    """The review of a move, from its plan."""
    seen = replace(
        typed,
        revision="" if plan.revision is None else str(plan.revision),
        plan_hash=plan.plan_hash,
        key=typed.key or fresh_key(),
    )
    return MoveReview(
        group=plan.group,
        typed=seen,
        differences=(Difference(_("active region"), plan.source or _("nowhere"), plan.target),),
        concerned=_concerned(group, status),
        gates=tuple(_gate(gate, typed) for gate in plan.gates),
        warnings=plan.warnings,
        refusals=plan.refusals,
        said=said,
    )


def objection(plan: PlanView, typed: MoveTyped) -> str:
    """Why a move that was reviewed is not made now; empty: nothing speaks against it here."""
    if plan.refusals:
        return _("This move is not possible now.")
    if plan.plan_hash != typed.plan_hash:
        return _("Meanwhile the plan has become another one. Look at it again.")
    unmet = [gate.name for gate in plan.gates if not gate.ok and gate.name not in typed.overrides]
    if unmet:
        names = ", ".join(unmet)
        return _("Not passed: %s. Tick each gate that may fail, or leave the group where it is.") % names
    return ""


def _gate(gate: GateView, typed: MoveTyped) -> GateRow:
    mark = Mark(Shape.UP, _("passes")) if gate.ok else Mark(Shape.DOWN, _("fails"))
    return GateRow(gate.name, mark, gate.text, fails=not gate.ok, overridden=gate.name in typed.overrides)


def _concerned(group: GroupView, status: StatusView) -> str:
    """Whom the move concerns: the instances that follow the document."""
    told = readers_of(group, status)
    services = ", ".join(group.services)
    if told is None:
        return _("the instances of %s; nobody has said how many follow the document") % services
    text = ngettext("%(num)s instance of %(of)s", "%(num)s instances of %(of)s", told.instances)
    return text % {"num": told.instances, "of": services}
