"""Owns the life of a change of a failover document: detected, decided, published, confirmed, verified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.application.views import ChangeView, GroupView, RegionView, StatusView
from controlplane.console.marks import Mark, Shape, of_verdict
from controlplane.console.moments import Moment, moment
from controlplane.console.readers import Readers, readers
from controlplane.console.texts import gettext as _
from controlplane.contract.documents import DocumentKind
from controlplane.contract.times import parse_rfc3339, rfc3339

DOWN_SECONDS_MAX = 1e9
"""What another program wrote may be any number; beyond this one there is no moment to tell."""

_SETTLED = frozenset({"up", "degraded"})
_ANSWERED = frozenset({Shape.UP, Shape.DEGRADED})
"""Everybody confirms, or everybody who says anything: whoever is gone with a region never will."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change, done or still to come."""

    mark: Mark
    text: str
    at: Moment | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What has become of the change that a person asked for, where it is not the one in force."""

    mark: Mark
    text: str


def life(group: GroupView, status: StatusView, history: Sequence[ChangeView]) -> tuple[Step, ...]:
    """The steps of the change in force; `history` has its explanation, where it is known."""
    change = in_force(group)
    if not change:
        return ()
    row = next((one for one in history if one.change_id == change.get("id")), None)
    published = Step(
        Mark(Shape.UP, _("published")),
        _("revision %(revision)d by %(by)s") % {"revision": group.revision or 0, "by": change.get("by", "")},
        moment(str(change.get("at", "")), as_of=status.as_of),
    )
    confirmed = _confirmed(readers_of(group, status))
    return (
        *_beginnings(row.explanation if row else {}, status.as_of),
        published,
        confirmed,
        _verified(group, confirmed),
    )


def followed(
    change_id: str, group: GroupView, status: StatusView, history: Sequence[ChangeView] | None
) -> Followed | None:
    """What has become of a change; None where it is the one in force. An address alone is never believed."""
    if not change_id or in_force(group).get("id") == change_id:
        return None
    found = next((one for one in history or () if one.change_id == change_id), None)
    if found:
        text = _("The change you asked for was revision %(revision)d; another one has followed it since.")
        return Followed(Mark(Shape.UP, _("published")), text % {"revision": found.revision})
    if any(f"failover/{group.name} " in text for text in status.unsettled):
        text = _("No answer from Consul yet: the change may still take effect. It is being settled.")
        return Followed(Mark(Shape.UNKNOWN, _("unknown")), text)
    where = _("neither in the document nor in the last changes")
    if history is None:
        where = _("not in the document, and history does not answer")
    text = _("This replica does not see the change %(where)s. It may still arrive.") % {"where": where}
    return Followed(Mark(Shape.UNKNOWN, _("not seen")), text)


def in_force(group: GroupView) -> Mapping[str, Any]:
    """The change that brought the document in force; empty where there is none."""
    change = (group.document or {}).get("change")
    return change if isinstance(change, Mapping) else {}


def readers_of(group: GroupView, status: StatusView) -> Readers | None:
    """Who has applied the group's document; None where no vantage says anything of it yet."""
    return readers(status.confirmations, DocumentKind.FAILOVER, group.name, group.revision)


def _beginnings(explanation: Mapping[str, Any], as_of: str) -> Iterator[Step]:
    """When the trouble was seen and the move was decided, as far as the explanation says."""
    inputs = explanation.get("inputs")
    if not isinstance(inputs, Mapping):
        return
    decided, seconds = str(inputs.get("at", "")), inputs.get("down_seconds")
    if isinstance(seconds, int | float) and 0 <= seconds <= DOWN_SECONDS_MAX and _is_moment(decided):
        seen = rfc3339(parse_rfc3339(decided) - timedelta(seconds=seconds))
        text = _("%(region)s down") % {"region": inputs.get("active", "")}
        yield Step(Mark(Shape.UP, _("detected")), text, moment(seen, as_of=as_of))
        text = _("down for %(seconds).1f s without a break") % {"seconds": seconds}
        yield Step(Mark(Shape.UP, _("decided")), text, moment(decided, as_of=as_of))


def _confirmed(told: Readers | None) -> Step:
    if told is None:
        return Step(Mark(Shape.UNKNOWN, _("confirmed")), _("no vantage has said yet who applied it"))
    text = _("by %(k)d of %(n)d instances") % {"k": told.confirmed, "n": told.instances}
    parts = ", ".join(filter(None, (text, told.took)))
    return Step(Mark(Shape.UP if told.complete else told.mark.shape, _("confirmed")), parts)


def _verified(group: GroupView, confirmed: Step) -> Step:
    """Whether the region that took over serves: all that answer confirm, and a quorum says that it is up."""
    region: RegionView | None = next((one for one in group.regions if one.active), None)
    if region is None:
        return Step(Mark(Shape.UNKNOWN, _("verified")), _("no region is judged"))
    if region.verdict not in _SETTLED:
        return Step(Mark(of_verdict(region.verdict).shape, _("not verified")), region.reason)
    if confirmed.mark.shape is Shape.DOWN:
        return Step(Mark(Shape.DOWN, _("not verified")), _("some instances refuse it"))
    if confirmed.mark.shape not in _ANSWERED:
        return Step(Mark(Shape.MOVING, _("verified once all that answer confirm")), region.reason)
    return Step(Mark(Shape.UP, _("verified")), region.reason)


def _is_moment(text: str) -> bool:
    try:
        parse_rfc3339(text)
    except ValueError:
        return False
    return True
