"""Owns how a switch reads: what is in force in a place, what will be, and how many instances that concerns.

A switch is told from the mapping that stands in documents and in history; what it lacks is told as absent.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.application.switch_views import SwitchPreview, SwitchView
from controlplane.console.marks import Mark, Shape
from controlplane.console.moments import Moment, left, moment
from controlplane.console.story import plain
from controlplane.console.texts import gettext as _
from controlplane.contract.switches import PERCENT_MAX

Entry = Mapping[str, Any]

_STATES = {
    "normal": Shape.UP,
    "degraded": Shape.DEGRADED,
    "forced_normal": Shape.DEGRADED,
    "retired": Shape.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds in one place."""

    mark: Mark
    value: str
    share: str
    """Of which units; empty: of all."""
    until: Moment | None
    """None: until somebody changes it."""
    left: str

    @property
    def away(self) -> bool:
        """Whether somebody holds it there."""
        return self.mark.shape is Shape.DEGRADED


Places = tuple[tuple[str, Standing], ...]
"""What holds everywhere, under an empty name, and in single regions instead."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One place before and after an act."""

    place: str
    was: Standing | None
    """None: there was nothing."""
    will: Standing | None
    instances: int | None
    """That the service has there; None: the base entry, which is no place."""

    @property
    def changes(self) -> bool:
        """Whether it is another one afterwards."""
        return self.was != self.will


@dataclass(frozen=True, slots=True)
class Difference:
    """One switch before and after an act."""

    switch: str
    turns: tuple[Turn, ...]

    @property
    def concerned(self) -> int:
        """Instances in places that change."""
        return sum(turn.instances or 0 for turn in self.turns if turn.changes)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that change and have instances."""
        return tuple(turn.place for turn in self.turns if turn.changes and turn.instances)


def of_switch_state(state: str) -> Mark:
    """What a state of a switch looks like."""
    return Mark(_STATES.get(state, Shape.UNKNOWN), _(state.replace("_", " ")))


def entry_of(switch: SwitchView) -> Entry:
    """A switch as it stands in documents."""
    return {
        "type": switch.type,
        "state": switch.state,
        "value": switch.value,
        "normal": switch.normal,
        "percent": switch.percent,
        "regions": {
            one.region: {"state": one.state, "value": one.value, "expires_at": one.expires_at}
            for one in switch.regions
        },
        "expires_at": switch.expires_at,
    }


def standing(entry: Entry, *, as_of: str, region: str | None = None) -> Standing:
    """What holds in a region; None: wherever no region says otherwise."""
    place = overrides(entry).get(region, entry) if region is not None else entry
    percent = place.get("percent", PERCENT_MAX)
    end = place.get("expires_at")
    return Standing(
        mark=of_switch_state(plain(place.get("state", ""))),
        value=plain_json(place.get("value")),
        share="" if percent == PERCENT_MAX else _("for %s%% of the units") % plain(percent),
        until=moment(end, as_of=as_of) if isinstance(end, str) else None,
        left=left(end, as_of=as_of) if isinstance(end, str) else "",
    )


def places(entry: Entry, *, as_of: str) -> Places:
    """The base entry, and what holds in single regions instead."""
    regions = ((region, standing(entry, as_of=as_of, region=region)) for region in overrides(entry))
    return (("", standing(entry, as_of=as_of)), *regions)


def overrides(entry: Entry) -> Mapping[str, Entry]:
    """What holds in single regions instead of the base entry."""
    regions = entry.get("regions")
    found = regions if isinstance(regions, Mapping) else {}
    return {name: one for name, one in found.items() if isinstance(one, Mapping)}


def plain_json(value: object) -> str:
    """A value as JSON, so that the text `true` is told from the truth value; cut where it is long."""
    return plain(json.dumps(value, ensure_ascii=False, default=str))


def differences(preview: SwitchPreview, instances: Mapping[str, int], *, as_of: str) -> Iterator[Difference]:
    """Each switch that an act changes; `instances`: how many the service has in each region."""
    for name in sorted({*preview.before, *preview.after}):
        was, will = preview.before.get(name), preview.after.get(name)
        yield Difference(name, tuple(_turns(was, will, instances, as_of)))


def _turns(was: Entry | None, will: Entry | None, instances: Mapping[str, int], as_of: str) -> Iterator[Turn]:
    yield _turn(_("everywhere else"), (was, will), None, as_of=as_of)
    for region in _places((was, will), instances):
        yield _turn(region, (was, will), instances.get(region, 0), as_of=as_of)


def _turn(place: str, entries: Sequence[Entry | None], instances: int | None, *, as_of: str) -> Turn:
    region = None if instances is None else place
    was, will = (standing(one, as_of=as_of, region=region) if one else None for one in entries)
    return Turn(place, was, will, instances)


def _places(entries: Sequence[Entry | None], instances: Mapping[str, int]) -> list[str]:
    overridden = (region for one in entries if one for region in overrides(one))
    return list(dict.fromkeys((*instances, *overridden)))
