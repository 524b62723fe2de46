"""Owns what a request makes of the switches as they stand: the next ones, or the reason why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from controlplane.application.logbook import Logged
from controlplane.application.results import Act
from controlplane.application.switch_reading import Reading
from controlplane.application.switch_requests import FlipRequest, UndoRequest
from controlplane.application.switch_telling import since, summary, switches_of, way_out
from controlplane.contract.documents import canonical
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import SwitchChangeKind, SwitchDocument
from controlplane.domain.switch_undo import changed_since, touched, undone
from controlplane.domain.switches import Flip, Ground, Switches, SwitchRefusal, changed_names, flipped

Decide = Callable[[SwitchDocument, Sequence[Logged], Ground], Switches]
"""All switches after an act, from the document, its log and what else it is judged by.

Raises:
    SwitchRefusal: it cannot be done.
"""


_ASKED = ("verb", "switch", "regions", "percent", "value", "undoes", "policy")
"""What the explanations of acts say of what was asked for; beside it they say what was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What somebody wants of the switches of a service, and how it is decided."""

    act: Act
    service: str
    kind: SwitchChangeKind
    switches: tuple[str, ...]
    """Those that it is about: it is not done over another change of them."""
    expected_revision: int | None
    decide: Decide
    explanation: Mapping[str, Any]
    """What was asked for, without its end: asked for again, `for` ends later."""

    def is_of(self, entry: LogEntry) -> bool:
        """Whether this, and nothing else, is what an entry was published for."""
        found = {name: entry.explanation[name] for name in _ASKED if name in entry.explanation}
        return canonical(found) == canonical(self.explanation)

    def told(self, switches: Switches) -> str:
        """What these switches are after it, as a clause."""
        return ", ".join(f"{self.service}/{name} is {summary(switches[name])}" for name in self.switches)


def flip_intent(request: FlipRequest) -> Intent:
    """What a flip wants."""
    flip = request.flip
    return Intent(
        act=request.act,
        service=request.service,
        kind=SwitchChangeKind.FLIP,
        switches=(flip.switch,),
        expected_revision=request.expected_revision,
        decide=lambda document, _, ground: flipped(document.switches, flip, ground),
        explanation=_asked(flip),
    )


def _asked(flip: Flip) -> dict[str, Any]:
    asked: dict[str, Any] = {"verb": flip.verb, "switch": flip.switch, "regions": list(flip.regions)}
    if flip.percent is not None:
        asked["percent"] = flip.percent
    if flip.value:
        asked["value"] = flip.value.value
    return asked


def undo_intent(request: UndoRequest, entry: LogEntry) -> Intent:
    """What an undo of this entry wants.

    Raises:
        SwitchRefusal: this change is not one to undo.
    """
    if entry.change.kind == SwitchChangeKind.APPLY:
        raise SwitchRefusal(
            "not_undoable", f"revision {entry.revision} follows the definitions: change the fleet file"
        )
    return Intent(
        act=request.act,
        service=request.service,
        kind=SwitchChangeKind.ROLLBACK,
        switches=tuple(touched(entry.before or {}, entry.after)),
        expected_revision=request.expected_revision,
        decide=partial(_undone, entry),
        explanation={"undoes": entry.revision},
    )


def _undone(entry: LogEntry, document: SwitchDocument, logged: Sequence[Logged], ground: Ground) -> Switches:
    before, after = entry.before or {}, entry.after
    changed = changed_since(document.switches, {name: after[name] for name in touched(before, after)})
    if changed:
        raise SwitchRefusal(
            "switch_changed",
            f"revision {entry.revision} is not undone, {', '.join(changed)} has changed since: "
            f"{since(logged, entry.revision, changed)}",
        )
    return undone(document.switches, before, after, ground.now)


def basis(intent: Intent, reading: Reading, baseline: Reading) -> SwitchDocument:
    """The document that an act is decided from; `baseline` is what was read first.

    Raises:
        SwitchRefusal: nothing can be decided from what stands there, or somebody else was first.
    """
    title = f"the switches of {reading.service}"
    document, expected = reading.document, intent.expected_revision
    if document is None:
        raise _no_basis(reading, title)
    if expected is not None and expected > document.revision:
        text = f"{title} are at revision {document.revision}, {expected} is not there yet"
        raise SwitchRefusal("revision_changed", text)
    if expected is not None and expected < document.revision:
        text = f"{title} are at revision {document.revision}, not {expected}"
        raise SwitchRefusal("revision_changed", f"{text}: {since(reading.logged, expected)}")
    _require_not_overtaken(intent, document, reading, baseline)
    return document


def _no_basis(reading: Reading, title: str) -> SwitchRefusal:
    if reading.drift:
        text = f"{title}: {reading.drift.text}; {way_out(reading.service, reading.drift)}"
        return SwitchRefusal(reading.drift.code, text)
    return SwitchRefusal(
        "unknown_service",
        f"{reading.service} has no switches, or they were not published yet; "
        "`controlplane switch list` shows what there is",
    )


def _require_not_overtaken(
    intent: Intent, document: SwitchDocument, reading: Reading, baseline: Reading
) -> None:
    """A change of the same switch between the first reading and this one is not built over."""
    first = baseline.document or document
    changed = set(changed_names(first.switches, document.switches))
    names = changed & {*intent.switches} - _only_ended(reading, first.revision)
    if names:
        who = since(reading.logged, first.revision, names)
        raise SwitchRefusal(
            "switch_changed", f"{', '.join(sorted(names))} of {reading.service} was changed meanwhile: {who}"
        )


def _only_ended(reading: Reading, revision: int) -> set[str]:
    """The switches that nothing but their own end changed after a revision: an end yields to people."""
    later = [one.published for one in reading.logged if one.revision > revision and one.published]
    ended, others = set[str](), set[str]()
    for entry in later:
        (ended if entry.change.kind == SwitchChangeKind.EXPIRY else others).update(switches_of(entry))
    return ended - others
