"""Owns what stands on the pages of failover groups, ready to be drawn: all, and one with its reasons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controlplane.application.history_views import StoryView
from controlplane.application.views import ForecastView, GroupView, RegionView, StatusView
from controlplane.console.attention import WORST_FIRST, sentence
from controlplane.console.board import Count, Restrained, counted, restraints, standing
from controlplane.console.life import Followed, Step, followed, in_force, life, readers_of
from controlplane.console.marks import Mark, Shape, of_state, of_verdict
from controlplane.console.moments import Moment, moment
from controlplane.console.readers import Readers
from controlplane.console.story import Entry, plain, story
from controlplane.console.texts import gettext as _
from controlplane.contract.keys import Keys

DOCUMENT_FAULTS = frozenset({"document_fault"})
"""The codes of a document that is not what was published: a person says which is right."""

_VOTES = {"up": Shape.UP, "degraded": Shape.DEGRADED, "failing": Shape.DOWN}


@dataclass(frozen=True, slots=True)
class Target:
    """A region that a group could move to."""

    region: str
    mark: Mark
    standing: str
    ready: bool
    active: bool
    why: str
    """Empty where nothing is to be said against it."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group in the list of all."""

    name: str
    services: str
    mark: Mark
    since: Moment
    reason: str
    active: str
    targets: tuple[Target, ...]
    forecast: str
    notes: tuple[str, ...]
    """Mode, revision and flags."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one vantage says of a region."""

    vantage: str
    mark: Mark
    why: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One region of a group."""

    target: Target
    verdict: str
    votes: tuple[Vote, ...]
    gates: tuple[Mark, ...]
    counts: tuple[Count, ...]
    forecast: str


@dataclass(frozen=True, slots=True)
class DocumentBox:
    """The document in force."""

    revision: str
    active: str
    change: str
    """Kind and author of what brought it."""
    reason: str
    at: Moment
    command: str
    """Shows it as services read it."""
    readers: Readers | None
    """Who has applied it; None where nobody has said."""


@dataclass(frozen=True, slots=True)
class GroupPage:
    """One group."""

    row: GroupRow
    sentences: tuple[str, ...]
    regions: tuple[RegionRow, ...]
    document: DocumentBox
    drift: str
    """What is wrong with the document; empty where nothing is."""
    life: tuple[Step, ...]
    followed: Followed | None
    restraints: tuple[Restrained, ...]
    paused: bool
    maintained: tuple[str, ...]
    """Regions of the group that are in maintenance."""
    entries: tuple[Entry, ...] | None
    """None: history is not to be had."""


def group_rows(status: StatusView) -> list[GroupRow]:
    """All groups, those in trouble first."""
    rows = [group_row(group, status) for group in status.groups]
    return sorted(rows, key=lambda row: WORST_FIRST.index(row.mark.shape))


def group_row(group: GroupView, status: StatusView) -> GroupRow:
    """One group as it stands in the list."""
    revision = _("no document") if group.revision is None else _("revision %d") % group.revision
    return GroupRow(
        name=group.name,
        services=", ".join(group.services),
        mark=of_state(group.state),
        since=moment(group.since, as_of=status.as_of),
        reason=group.reason,
        active=group.active or _("nowhere"),
        targets=targets(group, status),
        forecast=next((sentence(one.text) for one in group.forecasts if one.lost_region == group.active), ""),
        notes=(group.mode, revision, *group.flags),
    )


def targets(group: GroupView, status: StatusView) -> tuple[Target, ...]:
    """The regions of a group, each with whether it could take over."""
    maintained = {one.name for one in status.restraints if one.scope == "region" and one.name}
    return tuple(
        Target(
            region=region.region,
            mark=of_verdict(region.verdict),
            standing=standing(region, maintained),
            ready=region.ready and region.region not in maintained,
            active=region.active,
            why="" if region.ready or region.active else region.reason,
        )
        for region in group.regions
    )


def group_page(
    group: GroupView, status: StatusView, past: StoryView | None, *, change_id: str = ""
) -> GroupPage:
    """One group with its reasons; `past` is None where history does not answer."""
    changes = [one.change for one in past.entries if one.change] if past else None
    concerning = tuple(_concerning(group, status))
    return GroupPage(
        row=group_row(group, status),
        sentences=tuple(_sentences(group)),
        regions=tuple(_regions(group, status)),
        document=_document(group, status),
        drift=drift_of(group),
        life=life(group, status, changes or ()),
        followed=followed(change_id, group, status, changes),
        restraints=concerning,
        paused=any(one.scope == "group" for one in concerning),
        maintained=tuple(one.name for one in concerning if one.scope == "region"),
        entries=None if past is None else story(past.entries, as_of=status.as_of),
    )


def _sentences(group: GroupView) -> Iterator[str]:
    yield group.reason
    for obstacle in _list(group.explanation.get("obstacles")):
        text = obstacle.get("text")
        if text and str(text) not in group.reason:
            yield plain(text)


def _regions(group: GroupView, status: StatusView) -> Iterator[RegionRow]:
    found = {one.get("region"): one for one in _list(group.explanation.get("regions"))}
    gates = group.explanation.get("gates")
    forecasts: Mapping[str, ForecastView] = {one.lost_region: one for one in group.forecasts}
    by_name: Mapping[str, RegionView] = {one.region: one for one in group.regions}
    for target in targets(group, status):
        region = by_name[target.region]
        lost = forecasts.get(target.region)
        yield RegionRow(
            target=target,
            verdict=region.reason,
            votes=tuple(_votes(found.get(target.region, {}))),
            gates=_gates(gates.get(target.region) if isinstance(gates, Mapping) else None),
            counts=tuple(Count(service, counted(counts)) for service, counts in region.cells.items()),
            forecast=sentence(lost.text.partition(": ")[2] or lost.text) if lost else "",
        )


def _votes(finding: Mapping[str, Any]) -> Iterator[Vote]:
    for ballot in _list(finding.get("vantages")):
        vote = str(ballot.get("vote", ""))
        cells = ballot.get("cells")
        yield Vote(
            vantage=plain(ballot.get("vantage", "")),
            mark=Mark(_VOTES.get(vote, Shape.UNKNOWN), _(vote)),
            why=plain(ballot.get("why", "")),
            counts=tuple(_vote_counts(cells if isinstance(cells, Mapping) else {})),
        )


def _vote_counts(cells: Mapping[str, Any]) -> Iterator[Count]:
    for service, counts in cells.items():
        if isinstance(counts, Mapping):
            numbers = {name: number for name, number in counts.items() if isinstance(number, int)}
            yield Count(service, counted(numbers))


def _gates(gates: object) -> tuple[Mark, ...]:
    if not isinstance(gates, Mapping):
        return ()
    return tuple(
        Mark(Shape.UP if ok else Shape.DOWN, f"{plain(name)} {_('passes') if ok else _('fails')}")
        for name, ok in gates.items()
    )


def _document(group: GroupView, status: StatusView) -> DocumentBox:
    change = in_force(group)
    key = Keys(status.key_prefix).document("failover", group.name)
    return DocumentBox(
        revision=_("none") if group.revision is None else str(group.revision),
        active=group.active or _("nowhere"),
        change=" · ".join(plain(change[name]) for name in ("kind", "by") if change.get(name)),
        reason=plain(change.get("reason", "")),
        at=moment(str(change.get("at", "")), as_of=status.as_of),
        command=f"consul kv get {key}",
        readers=readers_of(group, status),
    )


def drift_of(group: GroupView) -> str:
    """What is wrong with a document that is not what was published; empty where nothing is."""
    return group.reason if group.code in DOCUMENT_FAULTS else ""


def _concerning(group: GroupView, status: StatusView) -> Iterator[Restrained]:
    """The restraints that bind this group: of the fleet, its own, and of its regions."""
    regions = {one.region for one in group.regions}
    ours = tuple(
        one
        for one in status.restraints
        if one.scope == "fleet"
        or (one.scope == "group" and one.name == group.name)
        or (one.scope == "region" and one.name in regions)
    )
    yield from restraints(replace(status, restraints=ours))


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    """A list of objects out of an explanation, which another version may have written."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []
