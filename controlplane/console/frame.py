"""Owns the frame of every page: where one can go, what needs attention, and where the console is blind."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request

from controlplane.application.doors import Doors
from controlplane.application.switch_views import SwitchesView, SwitchView
from controlplane.application.views import StatusView
from controlplane.console.attention import CALM_STATES, findings
from controlplane.console.marks import Mark, Shape
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _
from controlplane.domain.freeze import CONTACT_SECONDS_MAX

THEME_COOKIE = "theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    path: str
    title: str
    here: bool
    count: int = 0
    """Of what needs attention there; 0 is not shown."""
    shape: Shape = Shape.DOWN
    """How urgent that is."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a page."""

    as_of: Moment
    places: tuple[Place, ...]
    dependencies: tuple[tuple[str, Mark], ...]
    banners: tuple[str, ...]
    """What the console cannot see or do now, and what still works."""
    leader: str
    vantages: str


def frame(doors: Doors, *, path: str) -> Frame:
    """The frame of the page at a path, as of now."""
    status, switches = doors.queries.status(), doors.switches.all()
    return Frame(
        as_of=moment(status.as_of, as_of=status.as_of),
        places=tuple(_places(status, switches, path)),
        dependencies=dependencies(status),
        banners=tuple(_banners(status)),
        leader=_leader(status),
        vantages=_vantages(status),
    )


def theme_of(request: Request) -> str:
    """The theme that the visitor has chosen; empty: as the operating system has it."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def is_away(switch: SwitchView) -> bool:
    """Whether a switch is held away from normal, anywhere."""
    held = (switch.state, *(one.state for one in switch.regions))
    return any(state in {"degraded", "forced_normal"} for state in held)


def _places(status: StatusView, switches: SwitchesView, path: str) -> Iterator[Place]:
    away = sum(is_away(one) for service in switches.services for one in service.switches)
    yield Place("/", _("Now"), path == "/", len(findings(status)))
    yield Place("/groups", _("Failover"), _within(path, "/groups"), _troubled(status))
    yield Place("/switches", _("Switches"), _within(path, "/switches"), away, Shape.DEGRADED)
    yield Place("/fleet", _("Fleet"), _within(path, "/fleet"), status.instances.get("down", 0))
    yield Place("/changes", _("Changes"), _within(path, "/changes"))


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _troubled(status: StatusView) -> int:
    return sum(group.state not in CALM_STATES for group in status.groups)


def dependencies(status: StatusView) -> tuple[tuple[str, Mark], ...]:
    """What the control plane itself rests on."""
    return ("Consul", _consul(status.store_contact_seconds)), ("PostgreSQL", _postgresql(status))


def _consul(contact_seconds: float | None) -> Mark:
    if contact_seconds is None:
        return Mark(Shape.DOWN, _("never answered"))
    if contact_seconds > CONTACT_SECONDS_MAX:
        return Mark(Shape.DOWN, _("silent for %.1f s") % contact_seconds)
    return Mark(Shape.UP, _("answers"))


def _postgresql(status: StatusView) -> Mark:
    return Mark(Shape.UP, _("answers")) if status.database_available else Mark(Shape.DEGRADED, _("no answer"))


def _banners(status: StatusView) -> Iterator[str]:
    contact = status.store_contact_seconds
    if contact is None or contact > CONTACT_SECONDS_MAX:
        yield _("Consul does not answer: no flip and no move is possible now. Services keep what they have.")
    if not status.database_available:
        yield _(
            "PostgreSQL does not answer: flips and moves work, "
            "history and changes of definitions wait until it is back."
        )


def _leader(status: StatusView) -> str:
    leader = status.leader
    if leader.holder is None:
        return _("no leader")
    holder = _("this replica") if leader.ours else leader.holder
    return _("leader %(holder)s · term %(term)d") % {"holder": holder, "term": leader.term}


def _vantages(status: StatusView) -> str:
    voting = {one.vantage for one in status.vantages if one.votes}
    known = {one.vantage for one in status.vantages}
    return _("%(voting)d of %(known)d vantages vote") % {"voting": len(voting), "known": len(known)}
