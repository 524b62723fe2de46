"""Owns what is wrong, in sentences: each finding once, with its subject, its reason and since when.

Worst first. What the automation would not survive is said before it happens: a group without a target is a
finding while everything is still up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from controlplane.application.confirm_views import ConfirmationView
from controlplane.application.views import GroupView, RegionView, StatusView
from controlplane.console.marks import Mark, Shape, of_state, of_verdict
from controlplane.console.moments import Moment, moment
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import DocumentKind
from controlplane.domain.freeze import CONTACT_SECONDS_MAX

CALM_STATES = frozenset({"steady", "cooldown"})
WORST_FIRST = (Shape.DOWN, Shape.MOVING, Shape.DEGRADED, Shape.UNKNOWN, Shape.UP)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know."""

    mark: Mark
    subject: str
    sentences: tuple[str, ...]
    since: Moment | None = None
    path: str = ""
    """The page where more is to be seen, or something to be done; empty: there is none."""


def findings(status: StatusView) -> list[Finding]:
    """Everything that is wrong, worst first; empty on a quiet day."""
    parts = (_control_plane, _groups, _regions, _readers, _vantages)
    found = [finding for part in parts for finding in part(status)]
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
        if group.state not in CALM_STATES:
            since = moment(group.since, as_of=status.as_of) if group.since else None
            yield Finding(of_state(group.state), group.name, (group.reason,), since, _group_path(group.name))
        elif not status.freezes:
            yield from _without_target(group)


def _without_target(group: GroupView) -> Iterator[Finding]:
    for forecast in group.forecasts:
        if forecast.lost_region == group.active and forecast.target is None:
            mark = Mark(Shape.DEGRADED, _("no way out"))
            yield Finding(mark, group.name, (sentence(forecast.text),), path=_group_path(group.name))


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


def _group_path(name: str) -> str:
    return f"/groups/{quote(name, safe='')}"


def _readers(status: StatusView) -> Iterator[Finding]:
    """Documents that instances refuse, and those that are still on their way."""
    for one in status.confirmations:
        refused, behind = one.counts.get("nack", 0), one.counts.get("behind", 0)
        if refused:
            title = _("%(document)s on %(refused)d of %(total)d instances")
            values = {"document": _document(one), "refused": refused, "total": one.instances}
            yield Finding(
                Mark(Shape.DOWN, _("refused")), title % values, _refusals(one), path=_readers_path(one)
            )
        if behind:
            title = _("%(document)s confirmed by %(confirmed)d of %(total)d instances")
            values = {"document": _document(one), "confirmed": one.confirmed, "total": one.instances}
            text = _("%(behind)d do not hold revision %(revision)d yet.")
            sentences = (text % {"behind": behind, "revision": one.revision},)
            yield Finding(
                Mark(Shape.MOVING, _("confirming")), title % values, sentences, path=_readers_path(one)
            )


def _document(one: ConfirmationView) -> str:
    return _("Switches of %s") % one.name if one.kind == DocumentKind.SWITCHES else one.name


def _readers_path(one: ConfirmationView) -> str:
    place = "switches" if one.kind == DocumentKind.SWITCHES else "groups"
    return f"/{place}/{quote(one.name, safe='')}"


def _refusals(one: ConfirmationView) -> tuple[str, ...]:
    """Who refuses, in their own words; each wording once."""
    said: dict[str, list[str]] = {}
    for straggler in one.stragglers:
        if straggler.ack == "nack":
            held = (
                _("still at revision %d") % straggler.revision if straggler.revision else _("nothing applied")
            )
            said.setdefault(f"{held}, “{straggler.text}”", []).append(straggler.instance)
    return tuple(f"{', '.join(instances)}: {text}" for text, instances in said.items())


def _told_by(group: GroupView, region: RegionView) -> bool:
    return region.active and group.state not in CALM_STATES


def _vantages(status: StatusView) -> Iterator[Finding]:
    for vantage in status.vantages:
        if not vantage.votes:
            subject = _("Vantage %(name)s") % {"name": vantage.vantage}
            yield Finding(Mark(Shape.UNKNOWN, _("abstains")), subject, (vantage.reason,))


def sentence(text: str) -> str:
    """A clause of the application as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."
