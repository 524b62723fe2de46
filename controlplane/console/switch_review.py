"""Owns the step before an act on switches: what was, what will be, whom it concerns, and what to mind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controlplane.application.results import Refused
from controlplane.application.switch_views import ServiceSwitchesView, SwitchPreview, SwitchView
from controlplane.application.views import StatusView
from controlplane.console.attention import sentence
from controlplane.console.marks import Mark, Shape
from controlplane.console.readers import Readers, readers
from controlplane.console.standing import Difference, Standing, differences
from controlplane.console.texts import gettext as _
from controlplane.console.texts import ngettext
from controlplane.contract.documents import DocumentKind, canonical
from controlplane.contract.switches import TEXT_VALUE_BYTES_MAX
from controlplane.domain.fleet import Fleet

LARGE_VALUE_BYTES = TEXT_VALUE_BYTES_MAX // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is about to be done, and where to go from here."""

    title: str
    subject: str
    """What it is about, on the way back."""
    verb: str
    """On the button."""
    action: str
    """Where the form is sent."""
    back: str
    """Where it is left without doing anything."""
    change: str = ""
    """Where what was typed is changed; empty: there is nothing to change."""
    hint: str = ""
    """What is otherwise between review and commit; empty: nothing."""
    fields: tuple[tuple[str, str], ...] = ()
    """What the form carries beside the reason."""


@dataclass(frozen=True, slots=True)
class Review:
    """What would happen."""

    differences: tuple[Difference, ...]
    concerns: str
    readers: Readers | None
    notes: tuple[tuple[Mark, str], ...]
    revision: int | None
    refusal: str
    """Why it cannot be done; empty: it can."""

    @property
    def possible(self) -> bool:
        """Whether there is anything to do."""
        return not self.refusal and bool(self.differences)


def review(
    preview: SwitchPreview | Refused, view: ServiceSwitchesView, status: StatusView, fleet: Fleet
) -> Review:
    """What stands on the review of an act, from its preview."""
    told = readers(status.confirmations, DocumentKind.SWITCHES, view.service, view.revision)
    if isinstance(preview, Refused):
        return Review((), "", told, (), view.revision, refusal=sentence(preview.text))
    instances = instances_by_region(fleet, view.service)
    found = tuple(differences(preview, instances, as_of=status.as_of))
    return Review(
        differences=found,
        concerns=_concerns(found, instances),
        readers=told,
        notes=tuple(_notes(found, preview, view)),
        revision=preview.revision,
        refusal="",
    )


def instances_by_region(fleet: Fleet, service: str) -> Mapping[str, int]:
    """How many instances a service has, by region, in the order of the fleet file."""
    counts = {region.name: 0 for region in fleet.regions}
    for one in fleet.services:
        if one.name == service:
            for instance in one.instances:
                counts[instance.region] = counts.get(instance.region, 0) + 1
    return {region: count for region, count in counts.items() if count}


def _concerns(found: tuple[Difference, ...], instances: Mapping[str, int]) -> str:
    if not found:
        return _("It is so already: nothing would be published.")
    regions = [region for region in instances if any(region in one.regions for one in found)]
    concerned, total = sum(instances[region] for region in regions), sum(instances.values())
    if not concerned:
        return _("No instance that is known here reads what changes.")
    said = ngettext(
        "Concerns %(some)d of %(all)d instances, in %(num)d region: %(names)s.",
        "Concerns %(some)d of %(all)d instances, in %(num)d regions: %(names)s.",
        len(regions),
    )
    return said % {"some": concerned, "all": total, "num": len(regions), "names": ", ".join(regions)}


def _notes(
    found: tuple[Difference, ...], preview: SwitchPreview, view: ServiceSwitchesView
) -> Iterator[tuple[Mark, str]]:
    known = {one.name: one for one in view.switches}
    for one in found:
        yield from _notes_of(one, known.get(one.switch), preview)
    if view.unsettled:
        mark = Mark(Shape.MOVING, _("unsettled"))
        yield mark, _("A publication of unknown outcome is being settled; it may still take effect.")


def _notes_of(
    one: Difference, known: SwitchView | None, preview: SwitchPreview
) -> Iterator[tuple[Mark, str]]:
    changed = [turn.will for turn in one.turns if turn.changes and turn.will]
    if known and known.grade == "core":
        yield (
            Mark(Shape.DEGRADED, _("core")),
            _("%s is declared core: the service does not do its work without it.") % one.switch,
        )
    if any(_endless(will) for will in changed):
        yield (
            Mark(Shape.DEGRADED, _("no end")),
            _("%s stays so until somebody restores it: it does not end by itself.") % one.switch,
        )
    if any(turn.will and turn.will.away and not turn.changes for turn in one.turns):
        yield (
            Mark(Shape.DEGRADED, _("stays away")),
            _("%s is held in other places, and stays so there.") % one.switch,
        )
    size = len(canonical(preview.after.get(one.switch, {}).get("value")))
    if size > LARGE_VALUE_BYTES:
        said = {"name": one.switch, "size": size, "most": TEXT_VALUE_BYTES_MAX}
        text = _("The value of %(name)s takes %(size)d of at most %(most)d bytes; every reader holds it.")
        yield Mark(Shape.DEGRADED, _("large")), text % said


def _endless(will: Standing) -> bool:
    return will.away and will.until is None
