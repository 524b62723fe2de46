"""Owns what is wrong, in sentences: each finding once, with its subject, its reason and since when.

Worst first. What the automation would not survive is said before it happens: a group without a target is a
finding while everything is still up.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from controlplane.application.views import GroupView, RegionView, StatusView
from controlplane.console.marks import Mark, Shape, of_state, of_verdict
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _
from controlplane.domain.freeze import CONTACT_SECONDS_MAX

_CALM_STATES = frozenset({"steady", "cooldown"})
WORST_FIRST = (Shape.DOWN, Shape.MOVING, Shape.DEGRADED, Shape.UNKNOWN, Shape.UP)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know."""

    mark: Mark
    subject: str
    sentences: tuple[str, ...]
    since: Moment | None = None


def findings(status: StatusView) -> list[Finding]:
    """Everything that is wrong, worst first; empty on a quiet day."""
    found = [*_control_plane(status), *_groups(status), *_regions(status), *_vantages(status)]
    return sorted(found, key=lambda finding: WORST_FIRST.index(finding.mark.shape))


def _control_plane(status: StatusView) -> Iterator[Finding]:
    leader = status.leader
    if leader.holder is None:
        yield Finding(
            Mark(Shape.DOWN, _("no leader")),
            _("Nobody leads"),
            (_("Nothing is decided until a replica takes over; services keep what they have."),),
        )
    if status.freezes:
        yield _frozen(status)
    elif status.store_contact_seconds is None or status.store_contact_seconds > CONTACT_SECONDS_MAX:
        yield Finding(Mark(Shape.DOWN, _("no contact")), "Consul", (_contact(status.store_contact_seconds),))
    if not status.database_available:
        yield Finding(
            Mark(Shape.DEGRADED, _("no answer")),
            "PostgreSQL",
            (_("Moves and pauses work. History and new definitions wait until it answers."),),
        )
    for text in status.unsettled:
        yield Finding(Mark(Shape.MOVING, _("unsettled")), _("Publication of unknown outcome"), (text,))
    for text in status.alarms:
        yield Finding(Mark(Shape.DOWN, _("alarm")), _("Somebody has to look"), (text,))


def _frozen(status: StatusView) -> Finding:
    leader = status.leader
    if leader.holder and not leader.ours:
        subject = _("This replica decides nothing; %(leader)s leads") % {"leader": leader.holder}
        return Finding(Mark(Shape.UNKNOWN, _("not deciding")), subject, status.freezes)
    subject = _("Nothing moves by itself")
    return Finding(Mark(Shape.DOWN, _("frozen")), subject, status.freezes)


def _contact(seconds: float | None) -> str:
    if seconds is None:
        return _("It has never answered; nothing can be decided or published.")
    return _("It last answered %(seconds).1f s ago; nothing is decided or published.") % {"seconds": seconds}


def _groups(status: StatusView) -> Iterator[Finding]:
    for group in status.groups:
        if group.state not in _CALM_STATES:
            since = moment(group.since, as_of=status.as_of) if group.since else None
            yield Finding(of_state(group.state), group.name, (group.reason,), since)
        elif not status.freezes:
            yield from _without_target(group)


def _without_target(group: GroupView) -> Iterator[Finding]:
    for forecast in group.forecasts:
        if forecast.lost_region == group.active and forecast.target is None:
            mark = Mark(Shape.DEGRADED, _("no way out"))
            yield Finding(mark, group.name, (sentence(forecast.text),))


def _regions(status: StatusView) -> Iterator[Finding]:
    """Regions that are not up, each once for all its groups, unless a group told of it already."""
    affected: dict[tuple[str, str, str], list[str]] = {}
    for group in status.groups:
        for region in group.regions:
            if region.verdict != "up" and not _told_by(group, region):
                key = (region.region, region.verdict, region.reason)
                affected.setdefault(key, []).append(group.name)
    for (name, verdict, reason), groups in affected.items():
        subject = _("%(region)s for %(groups)s") % {"region": name, "groups": ", ".join(groups)}
        yield Finding(of_verdict(verdict), subject, (reason,))


def _told_by(group: GroupView, region: RegionView) -> bool:
    return region.active and group.state not in _CALM_STATES


def _vantages(status: StatusView) -> Iterator[Finding]:
    for vantage in status.vantages:
        if not vantage.votes:
            subject = _("Vantage %(name)s") % {"name": vantage.vantage}
            yield Finding(Mark(Shape.UNKNOWN, _("abstains")), subject, (vantage.reason,))


def sentence(text: str) -> str:
    """A clause of the application as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."
