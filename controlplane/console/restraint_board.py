"""Owns what stands on the pages of restraints, ready to be drawn: pauses, and maintenance of regions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from controlplane.application.views import StatusView
from controlplane.console.board import Restrained, restraints
from controlplane.console.forms import Form
from controlplane.console.refusals import not_found
from controlplane.console.story import Difference
from controlplane.console.texts import gettext as _
from controlplane.console.texts import ngettext
from controlplane.console.typed import Mistyped, fresh_key, reason, seconds

LENGTH_DEFAULT = "2h"


@dataclass(frozen=True, slots=True)
class RestraintTyped:
    """The form of a restraint as it stands, in the words that were typed."""

    scope: str
    """fleet, group or region."""
    name: str = ""
    """Of the group or region; empty for the fleet."""
    length: str = LENGTH_DEFAULT
    """How long, as durations are written."""
    reason: str = ""
    key: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Field → what is wrong with it."""

    @classmethod
    def read(cls, form: Form, *, ends: bool) -> Self:
        """What was typed, with what is wrong about it; what only `ends` a restraint has no length."""
        typed = cls(
            scope=form.one("scope"),
            name=form.one("name"),
            length=form.one("for"),
            reason=form.one("reason"),
            key=form.one("key"),
        )
        asked = {"reason": (reason, typed.reason)} | ({} if ends else {"for": (seconds, typed.length)})
        wrong: dict[str, str] = {}
        for name, (reading, text) in asked.items():
            try:
                reading(text)
            except Mistyped as error:
                wrong[name] = str(error)
        return replace(typed, wrong=wrong)


@dataclass(frozen=True, slots=True)
class RestraintPage:
    """The form, and what it would do."""

    title: str
    verb: str
    action: str
    back: str
    typed: RestraintTyped
    difference: Difference
    concerned: str
    standing: Restrained | None
    """The restraint that stands there now."""
    ends: bool


def restraint_page(status: StatusView, typed: RestraintTyped, *, ends: bool, back: str) -> RestraintPage:
    """The page of an act on a restraint.

    Raises:
        PageRefused: there is no such group or region.
    """
    _check(status, typed)
    standing = _standing(status, typed)
    titles = _titles(typed.name, ends=ends)
    title, verb = titles[typed.scope]
    return RestraintPage(
        title=title,
        verb=verb,
        action="/restraints/end" if ends else "/restraints/start",
        back=back,
        typed=replace(typed, key=typed.key or fresh_key()),
        difference=Difference(typed.name or _("the fleet"), *_turn(typed.scope, standing, ends=ends)),
        concerned=_concerned(status, typed),
        standing=standing,
        ends=ends,
    )


def _check(status: StatusView, typed: RestraintTyped) -> None:
    groups = [group.name for group in status.groups]
    regions = sorted({region.region for group in status.groups for region in group.regions})
    known = {"fleet": [""], "group": groups, "region": regions}
    if typed.scope not in known:
        raise not_found(_("There is nothing to restrain of this kind."), _("Kinds: fleet, group, region."))
    if typed.name not in known[typed.scope]:
        where = ", ".join(known[typed.scope]) or _("none")
        raise not_found(_("There is no %(name)s.") % {"name": typed.name}, _("Known: %s.") % where)


def _standing(status: StatusView, typed: RestraintTyped) -> Restrained | None:
    shown = restraints(status)
    return next((one for one in shown if (one.scope, one.name) == (typed.scope, typed.name)), None)


def _titles(name: str, *, ends: bool) -> Mapping[str, tuple[str, str]]:
    """Scope → the act with its object, and the verb of the button."""
    if ends:
        return {
            "fleet": (_("Resume the fleet"), _("Resume")),
            "group": (_("Resume %s") % name, _("Resume")),
            "region": (_("End maintenance of %s") % name, _("End maintenance")),
        }
    return {
        "fleet": (_("Pause the fleet"), _("Pause")),
        "group": (_("Pause %s") % name, _("Pause")),
        "region": (_("Start maintenance of %s") % name, _("Start maintenance")),
    }


def _turn(scope: str, standing: Restrained | None, *, ends: bool) -> tuple[str, str]:
    free = _("in service") if scope == "region" else _("moves by itself when it must")
    held = (
        _("in maintenance: nothing moves there by itself") if scope == "region" else _("moves by hand only")
    )
    was = _("%(held)s, until %(until)s") % {"held": held, "until": standing.until.shown} if standing else free
    return was, free if ends else held


def _concerned(status: StatusView, typed: RestraintTyped) -> str:
    groups = [
        group
        for group in status.groups
        if typed.scope == "fleet"
        or typed.name == group.name
        or typed.name in {region.region for region in group.regions}
    ]
    return ngettext("%(num)s group", "%(num)s groups", len(groups)) % {"num": len(groups)}
