"""Owns the table of all switches: which are asked for, those away from normal first, each in one row."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from controlplane.application.switch_views import (
    DriftView,
    ServiceSwitchesView,
    SwitchChangeView,
    SwitchesView,
    SwitchView,
)
from controlplane.console.frame import is_away
from controlplane.console.moments import Moment, moment
from controlplane.console.readers import Readers
from controlplane.console.standing import Places, entry_of, places
from controlplane.console.texts import gettext as _
from controlplane.console.texts import ngettext

STATES = ("away", "normal", "degraded", "forced_normal", "retired")
"""What `state` may ask for; `away` is whatever somebody holds, anywhere."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which switches are asked for; an empty field asks for all."""

    text: str = ""
    state: str = ""
    service: str = ""
    grade: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A switch, and what belongs to its whole service."""

    of: ServiceSwitchesView
    switch: SwitchView


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from."""

    services: tuple[str, ...]
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Who changed it last."""

    at: Moment
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class NextAct:
    """What somebody most likely wants of a switch."""

    verb: str
    label: str
    query: str
    """For the form and for the review."""


@dataclass(frozen=True, slots=True)
class Row:
    """One switch."""

    service: str
    name: str
    address: str
    path: str
    """Of its page."""
    places: Places
    grade: str
    owner: str
    description: str
    changed: Changed | None
    readers: Readers | None
    waiting: str
    away: bool
    act: NextAct | None
    """What is one click away."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that is not as it should be with the switches of a service."""

    service: str
    drift: DriftView | None
    since: Moment | None
    unsettled: bool


def choices(view: SwitchesView) -> Choices:
    """What the filters offer."""
    owners = {one.owner for service in view.services for one in service.switches if one.owner}
    return Choices(tuple(one.service for one in view.services), tuple(sorted(owners)))


def found(view: SwitchesView, asked: Asked) -> list[Found]:
    """The switches that are asked for, those away from normal first, the latest change first among them."""
    fitting = [
        Found(service, one)
        for service in view.services
        for one in service.switches
        if _fits(service.service, one, asked)
    ]
    fitting.sort(key=lambda one: (one.of.service, one.switch.name))
    fitting.sort(key=_held_since, reverse=True)
    return sorted(fitting, key=lambda one: not is_away(one.switch))


def rows(some: Iterable[Found], told: Mapping[str, Readers | None], *, as_of: str) -> Iterator[Row]:
    """Draw some of them; `told`: who has applied which document, by service."""
    return (_row(one.of, one.switch, told.get(one.of.service), as_of) for one in some)


def summary(some: Collection[Found]) -> str:
    """`12 switches, 3 away from normal`."""
    away = sum(is_away(one.switch) for one in some)
    said = ngettext(
        "%(total)d switch, %(away)d away from normal",
        "%(total)d switches, %(away)d away from normal",
        len(some),
    )
    return said % {"total": len(some), "away": away}


def notices(view: SwitchesView, asked: Asked) -> Iterator[Notice]:
    """What is not as it should be."""
    for one in view.services:
        if (one.drift or one.unsettled) and asked.service in {"", one.service}:
            since = moment(one.drift.since, as_of=view.as_of) if one.drift else None
            yield Notice(one.service, one.drift, since, one.unsettled)


def page_path(service: str, switch: str | None = None) -> str:
    """The page of a switch, or of all switches of a service."""
    return "/".join(["/switches", *(quote(name, safe="") for name in (service, switch) if name)])


def changed(change: SwitchChangeView | None, *, as_of: str) -> Changed | None:
    """Who changed it last, as it is shown."""
    return Changed(moment(change.at, as_of=as_of), change.by, change.reason) if change else None


def next_act(switch: SwitchView) -> NextAct | None:
    """What somebody most likely wants of a switch; None: nothing can be asked of it."""
    if switch.state == "retired":
        return None
    if switch.state != "normal":
        return _next("restore", _("Restore"))
    held = next((place.region for place in switch.regions if place.state != "normal"), None)
    if held is not None:
        return _next("restore", _("Restore in %s") % held, scope=held)
    return _next("degrade", _("Degrade"))


def _next(verb: str, label: str, **more: str) -> NextAct:
    return NextAct(verb, label, urlencode({"verb": verb, **more}))


def _held_since(one: Found) -> str:
    change = one.switch.changed
    return change.at if change and is_away(one.switch) else ""


def _row(service: ServiceSwitchesView, one: SwitchView, told: Readers | None, as_of: str) -> Row:
    return Row(
        service=service.service,
        name=one.name,
        address=f"{service.service}/{one.name}",
        path=page_path(service.service, one.name),
        places=places(entry_of(one), as_of=as_of),
        grade=one.grade,
        owner=one.owner,
        description=one.description,
        changed=changed(one.changed, as_of=as_of),
        readers=told,
        waiting=one.waiting or "",
        away=is_away(one),
        act=next_act(one),
    )


def _fits(service: str, one: SwitchView, asked: Asked) -> bool:
    changed_by = (one.changed.by, one.changed.reason) if one.changed else ()
    texts = (f"{service}/{one.name}", one.owner, one.description, *changed_by)
    sought = asked.text.casefold()
    return (
        any(sought in text.casefold() for text in texts)
        and asked.service in {"", service}
        and asked.grade in {"", one.grade}
        and asked.owner in {"", one.owner}
        and _in_state(one, asked.state)
    )


def _in_state(one: SwitchView, state: str) -> bool:
    if state == "away":
        return is_away(one)
    return state in {"", one.state, *(place.state for place in one.regions)}
