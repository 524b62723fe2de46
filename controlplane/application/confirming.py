"""Owns what a replica makes of acknowledgements: k of n per document, and what readers know that Consul lost.

It is advice from the network. It never changes what is in force: it raises the number that the next revision
lies above, and where two instances or more hold what Consul does not, automatic moves wait for a person.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.application.mirror import StoreMirror, StoreView
from controlplane.application.numbering import Numbering
from controlplane.application.ports import Clock, Entry
from controlplane.contract.documents import DocumentKind
from controlplane.domain.acknowledgement import DocumentId, InForce, in_force
from controlplane.domain.confirmation import Confirmation, Tally, confirmation
from controlplane.domain.evidence import Evidence, vantage_views
from controlplane.domain.fleet import Definitions
from controlplane.domain.revisions import ACKNOWLEDGED_AHEAD_MAX, acknowledged_revision

AHEAD_SECONDS = 2.0
"""How long somebody must be ahead before it is said: a reader may hear of a publication before we do."""
AHEAD_NAMED_MAX = 3

FAILOVER, SWITCHES = DocumentKind.FAILOVER, DocumentKind.SWITCHES


@dataclass(frozen=True, slots=True)
class Ahead:
    """Instances that hold something else than Consul, under the same revision or a higher one."""

    document: InForce
    applied: Mapping[str, int]
    since: float
    """Monotonic seconds."""

    @property
    def believed(self) -> bool:
        """Whether more than one instance says so: one alone may be wrong."""
        return acknowledged_revision(self.applied, self.document.revision) > 0

    @property
    def restrains(self) -> bool:
        """Whether automatic moves wait for a person; an absent document has its own way back."""
        return self.believed and bool(self.document.sum)

    @property
    def text(self) -> str:
        """What a person should know, as a sentence without a full stop."""
        names = sorted(self.applied)
        more = f" and {len(names) - AHEAD_NAMED_MAX} more" if len(names) > AHEAD_NAMED_MAX else ""
        held = f"revision {max(self.applied.values())}"
        stands = f"revision {self.document.revision}" if self.document.sum else "no document"
        same = "other bytes under " if max(self.applied.values()) == self.document.revision else ""
        verb = "holds" if len(names) == 1 else "hold"
        told = f"{', '.join(names[:AHEAD_NAMED_MAX])}{more} {verb} {same}{held}, Consul holds {stands}"
        if not self.believed:
            return f"{self.document.title}: {told}; {self._doubt}"
        return f"{self.document.title}: {told}: it went back, or was edited; a person must say which is right"

    @property
    def _doubt(self) -> str:
        if len(self.applied) == 1:
            return "not believed without a second instance"
        return f"not believed, {ACKNOWLEDGED_AHEAD_MAX} or more above; they take nothing below it"


@dataclass(slots=True)
class Confirmations:
    """Looks at the reports of trusted vantages and at the documents that they are about."""

    mirror: StoreMirror
    numbering: Numbering
    definitions: Callable[[], Definitions]
    clock: Clock
    ahead: Mapping[DocumentId, Ahead] = field(default_factory=dict)
    """As of the last look."""
    _evidence: Evidence = field(default_factory=Evidence)
    _shown: tuple[Evidence, frozenset[str], tuple[Confirmation, ...]] | None = None
    """What was last asked for, and on which evidence: many may ask in one moment."""
    _stands: dict[str, tuple[Entry, InForce]] = field(default_factory=dict)
    """By key, so that a document is taken apart once."""

    def look(self, view: StoreView, evidence: Evidence) -> Mapping[str, str]:
        """Take in what is reported; answers the groups whose automatic moves have to wait, and why."""
        self._evidence, now = evidence, self.clock.monotonic()
        suspects = {
            title
            for sighting in evidence.sightings.values()
            for title, tally in sighting.report.acks.items()
            if tally.ahead
        }
        self.ahead = dict(self._ahead(view, suspects, now)) if suspects else {}
        for one in self.ahead.values():
            document = one.document
            published = max(document.revision, self.numbering.known(*document.id))
            self.numbering.see_acknowledged(*document.id, acknowledged_revision(one.applied, published))
        return {one.document.name: one.text for one in self._lasting(FAILOVER) if one.restrains}

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at."""
        return tuple(one.text for kind in DocumentKind for one in self._lasting(kind))

    def all(self, maintained: Collection[str]) -> tuple[Confirmation, ...]:
        """Every document of the definitions as of the last look; `maintained`: regions in maintenance."""
        regions = frozenset(maintained)
        if self._shown is None or self._shown[0] is not self._evidence or self._shown[1] != regions:
            self._shown = self._evidence, regions, tuple(self._confirmations(regions))
        return self._shown[2]

    def _confirmations(self, maintained: Collection[str]) -> Iterator[Confirmation]:
        words = self._words()
        for document, roster in self._documents(self.mirror.view()):
            said = words(document)
            if document.sum or said:
                yield confirmation(document, said, roster, maintained)

    def _lasting(self, kind: DocumentKind) -> Iterator[Ahead]:
        now = self.clock.monotonic()
        return (
            one
            for document, one in self.ahead.items()
            if document[0] is kind and now - one.since >= AHEAD_SECONDS
        )

    def _ahead(
        self, view: StoreView, suspects: Collection[str], now: float
    ) -> Iterator[tuple[DocumentId, Ahead]]:
        words = self._words()
        for document, roster in self._documents(view):
            if document.title not in suspects:
                continue
            applied = confirmation(document, words(document), roster).ahead
            known = self.ahead.get(document.id)
            if applied:
                yield document.id, Ahead(document, applied, known.since if known else now)

    def _words(self) -> Callable[[InForce], Mapping[str, list[Tally]]]:
        """How to ask each trusted vantage for the tallies of its probers."""
        views = vantage_views(self._evidence, self.definitions(), self.clock.monotonic())
        reports = {
            view.name: [
                self._evidence.sightings[view.name, prober].report
                for prober, distrust in view.probers.items()
                if distrust is None
            ]
            for view in views.values()
            if view.trusted
        }

        def ask(document: InForce) -> Mapping[str, list[Tally]]:
            return {
                vantage: [report.acks[document.title] for report in shares]
                for vantage, shares in reports.items()
                if all(document.title in report.acks for report in shares)
            }

        return ask

    def _documents(self, view: StoreView) -> Iterator[tuple[InForce, Mapping[str, str]]]:
        """Each document of the definitions as it stands, and the region of each instance that follows it."""
        fleet = self.definitions().fleet
        homes = {
            service.name: {instance.id: instance.region for instance in service.instances}
            for service in fleet.services
        }
        switches = self.mirror.switch_documents() or {}
        for group in fleet.groups:
            key = view.keys.document(FAILOVER, group.name)
            roster = {name: region for service in group.services for name, region in homes[service].items()}
            yield self._document(FAILOVER, group.name, view.entries.get(key)), roster
        for service in fleet.services:
            yield self._document(SWITCHES, service.name, switches.get(service.name)), homes[service.name]

    def _document(self, kind: DocumentKind, name: str, entry: Entry | None) -> InForce:
        if entry is None:
            return InForce(kind, name)
        known = self._stands.get(entry.key)
        if known is None or known[0] != entry:
            known = self._stands[entry.key] = (entry, in_force(kind, name, entry.value))
        return known[1]
