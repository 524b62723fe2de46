"""Owns the form of a flip: what stands in it at first, how what was typed is read, and what is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.application.fleet_tree import FleetFileError, Mistake, locate
from controlplane.application.fleet_values import json_value
from controlplane.application.switch_views import SwitchView
from controlplane.console.texts import gettext as _
from controlplane.console.typed import Mistyped, seconds
from controlplane.contract.documents import DocumentError
from controlplane.contract.switches import PERCENT_MAX, SwitchType, check_value
from controlplane.domain.switches import PERCENT_MIN, Flip, Given, Verb

ENDS = {"15m": _("15 minutes"), "1h": _("1 hour"), "2h": _("2 hours"), "8h": _("8 hours")}
"""How long, as durations are written, and in words."""
ENDS_DEFAULT = "2h"
ENDLESS = "never"
OTHER = "other"
FIELDS = ("verb", "value", "scope", "percent", "ends", "duration")


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it stands, in the words that were typed."""

    verb: str
    value: str
    scope: str
    """A region; empty: everywhere."""
    percent: str
    ends: str
    """One of `ENDS`, `ENDLESS`, or `OTHER`: then `duration` says it."""
    duration: str
    reason: str

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Everything but the reason, which is typed anew where the act is reviewed."""
        return tuple((name, getattr(self, name)) for name in FIELDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form asks for."""

    flip: Flip | None
    """None: something is wrong with it."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Field → what is wrong, and what is allowed."""


def typed(fields: Mapping[str, str], switch: SwitchView) -> Typed:
    """The form with what was typed; what was not is what somebody most likely wants of the switch."""
    held = switch.state != "normal"
    return Typed(
        verb=fields.get("verb") or ("restore" if held else "degrade"),
        value=fields.get("value", value_text(switch, switch.degraded) if switch.declared else ""),
        scope=fields.get("scope", ""),
        percent=fields.get("percent", str(PERCENT_MAX)),
        ends=fields.get("ends") or ENDS_DEFAULT,
        duration=fields.get("duration", ""),
        reason=fields.get("reason", ""),
    )


def wanted(form: Typed, switch: SwitchView, now: datetime) -> Wanted:
    """What the form asks for, or all that is wrong with it."""
    reader = _Reader(switch, now, form)
    if form.verb not in set(Verb):
        reader.wrong["verb"] = _("Choose what to do: degrade, restore or force.")
        return Wanted(None, reader.wrong)
    verb = Verb(form.verb)
    degrades = verb is Verb.DEGRADE
    flip = Flip(
        switch=switch.name,
        verb=verb,
        regions=(form.scope,) if form.scope else (),
        value=reader.value() if degrades else None,
        percent=reader.percent() if degrades else None,
        expires_at=None if verb is Verb.RESTORE else reader.end(),
    )
    return Wanted(None if reader.wrong else flip, reader.wrong)


def value_text(switch: SwitchView, value: Any) -> str:
    """A value as it is typed: texts bare, everything else as JSON."""
    if switch.type == SwitchType.STRING and isinstance(value, str):
        return value
    indent = 2 if switch.type == SwitchType.JSON else None
    return json.dumps(value, ensure_ascii=False, indent=indent)


def read_value(kind: str, text: str) -> Any:
    """A value of a switch's type.

    Raises:
        Mistyped: it is none.
    """
    try:
        value = text if kind == SwitchType.STRING else _json(text)
        check_value(SwitchType(kind), value)
    except (DocumentError, UnicodeEncodeError) as error:
        raise Mistyped(_("Not possible: %(why)s.") % {"why": error}) from error
    return value


def _json(text: str) -> Any:
    try:
        return json_value(locate(json.loads(text, parse_constant=_no_constant)))
    except json.JSONDecodeError as error:
        said = {"what": error.msg, "line": error.lineno, "column": error.colno}
        raise Mistyped(_("Not JSON: %(what)s in line %(line)d, column %(column)d.") % said) from error
    except Mistake as mistake:
        said_so = {"wrong": mistake.wrong, "allowed": mistake.allowed}
        raise Mistyped(_("%(wrong)s; allowed: %(allowed)s.") % said_so) from mistake
    except (FleetFileError, ValueError, RecursionError) as error:
        raise Mistyped(_("Not JSON: %(why)s.") % {"why": error}) from error


def _no_constant(constant: str) -> Any:
    raise ValueError(_("%s is not JSON") % constant)


@dataclass(slots=True)
class _Reader:
    """Reads one field after another and notes what is wrong with each."""

    switch: SwitchView
    now: datetime
    form: Typed
    wrong: dict[str, str] = field(default_factory=dict)

    def value(self) -> Given | None:
        text = self.form.value
        try:
            return Given(read_value(self.switch.type, text))
        except Mistyped as error:
            self.wrong["value"] = str(error)
            return None

    def percent(self) -> int | None:
        text = self.form.percent.strip()
        share = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(PERCENT_MAX)) else 0
        if not PERCENT_MIN <= share <= PERCENT_MAX:
            bounds = {"least": PERCENT_MIN, "most": PERCENT_MAX}
            self.wrong["percent"] = _("A whole number from %(least)d to %(most)d is wanted.") % bounds
        elif share < PERCENT_MAX and self.form.scope:
            self.wrong["percent"] = _("A share goes with everywhere only: a region is degraded as a whole.")
        return share if share < PERCENT_MAX else None

    def end(self) -> datetime | None:
        if self.form.ends == ENDLESS:
            return None
        text = self.form.duration if self.form.ends == OTHER else self.form.ends
        try:
            return self.now + timedelta(seconds=seconds(text))
        except Mistyped as error:
            self.wrong["ends"] = str(error)
            return None
