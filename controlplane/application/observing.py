"""Owns the making of a `Situation`: what stands in the store and what the vantages say, as values."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controlplane.application.composing import Held
from controlplane.application.confirming import Confirmations
from controlplane.application.leadership import Leadership
from controlplane.application.mirror import StoreMirror, StoreView
from controlplane.application.numbering import Numbering
from controlplane.application.ports import Clock, Entry, Store
from controlplane.application.publisher import CONTACT_SECONDS_MAX, Publisher
from controlplane.application.vouching import Voucher
from controlplane.contract.documents import (
    DocumentError,
    DocumentKind,
    FailoverDocument,
    parse_failover,
)
from controlplane.contract.keys import Keys
from controlplane.domain.budget import AutomaticMove, Budget, BudgetError, charge, parse_budget
from controlplane.domain.evidence import Evidence, ProberKey, forget, witness
from controlplane.domain.fleet import Definitions
from controlplane.domain.report import ReportError, VantageReport, parse_report
from controlplane.domain.restraint import RestraintError, Restraints, parse_restraints
from controlplane.domain.situation import Situation

FAILOVER = DocumentKind.FAILOVER

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Observer:
    """Sees the world through the mirror, and remembers what the vantages said.

    `in_flight` holds the automatic moves without an answer: each counts against the budgets until settled.
    """

    store: Store
    mirror: StoreMirror
    leadership: Leadership
    publisher: Publisher
    numbering: Numbering
    definitions: Callable[[], Definitions]
    clock: Clock
    evidence: Evidence = field(default_factory=Evidence)
    in_flight: dict[str, AutomaticMove] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    confirmations: Confirmations = field(init=False)
    voucher: Voucher = field(init=False)
    _read: Mapping[Entry, VantageReport] = field(default_factory=dict)
    """The reports as they were last read: each is taken apart once."""
    _broken_at: float | None = None
    _term: int = 0

    def __post_init__(self) -> None:
        self.confirmations = Confirmations(self.mirror, self.numbering, self.definitions, self.clock)
        self.voucher = Voucher(self.store, self.keys)

    @property
    def keys(self) -> Keys:
        """The key space."""
        return self.mirror.keys

    async def vouch(self, view: StoreView) -> None:
        """Find out whether the documents of this view are what was published.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        await self.voucher.judge(view.below(self.keys.documents(FAILOVER)))

    def situation(self, view: StoreView) -> Situation:
        """Everything a decision rests on, as of now, from this view of the store."""
        self._listen()
        documents, faults = self._documents(view)
        tenure = self.leadership.tenure
        return Situation(
            monotonic=self.clock.monotonic(),
            now=self.clock.now(),
            definitions=self.definitions(),
            registry_revision=view.number(self.keys.registry),
            evidence=self.evidence,
            documents=documents,
            faults={**self.confirmations.look(view, self.evidence), **faults},
            unsettled=frozenset(name for kind, name in self.publisher.pending if kind == FAILOVER),
            restraints=self._restraints(view),
            budget=self._budget(view),
            term=tenure.term if tenure else view.number(self.keys.term),
            contact_seconds=self.store.contact_seconds(),
            renewed_seconds=self.leadership.renewed_seconds(),
            clock_offset_seconds=self.store.clock_offset_seconds(),
        )

    def held(self, view: StoreView, situation: Situation, group: str) -> Held:
        """The document of a group with the index to publish under."""
        return Held(situation.documents.get(group), view.index(self.keys.document(FAILOVER, group)))

    def _listen(self) -> None:
        """Take in the reports; leftovers from before an outage or another leadership start as unseen."""
        term = self.leadership.tenure.term if self.leadership.tenure else 0
        broken = (
            self.mirror.broken_at != self._broken_at or self.store.contact_seconds() > CONTACT_SECONDS_MAX
        )
        if broken or (term and term != self._term):
            self.evidence = forget(self.evidence)
        self._broken_at, self._term = self.mirror.broken_at, term
        self.evidence = witness(self.evidence, self._reports(), self.clock.monotonic())

    def _reports(self) -> Mapping[ProberKey, tuple[VantageReport, int]]:
        read: dict[Entry, VantageReport] = {}
        unreadable: list[str] = []
        for entry in self.mirror.reports():
            vantage, _, prober = entry.key.removeprefix(self.keys.vantages).partition("/")
            try:
                read[entry] = self._read.get(entry) or parse_report(vantage, prober, entry.value)
            except ReportError as error:
                unreadable.append(f"{entry.key}: {error}")
        self.alarms, self._read = tuple(unreadable), read
        return {
            (report.vantage, report.prober): (report, entry.modify_index) for entry, report in read.items()
        }

    def _documents(self, view: StoreView) -> tuple[dict[str, FailoverDocument], dict[str, str]]:
        documents: dict[str, FailoverDocument] = {}
        faults: dict[str, str] = {}
        for entry in view.below(self.keys.documents(FAILOVER)):
            group = entry.key.removeprefix(self.keys.documents(FAILOVER))
            try:
                documents[group] = self._document(group, entry)
            except DocumentError as error:
                faults[group] = str(error)
        return documents, faults

    def _document(self, group: str, entry: Entry) -> FailoverDocument:
        document = parse_failover(entry.value)
        known = self.numbering.known(FAILOVER, group)
        if document.group != group:
            raise DocumentError(f"the document under {entry.key} is that of group {document.group!r}")
        foreign = self.voucher.fault(entry)
        if foreign:
            raise DocumentError(foreign)
        if document.revision < known:
            raise DocumentError(
                f"the document of {group} went back to revision {document.revision}, {known} was known: "
                f"`controlplane failover enforce {group}` publishes what was in force, `adopt` this one"
            )
        if self.voucher.is_sound(entry):
            self.numbering.see_revision(FAILOVER, group, document.revision)
        return document

    def _restraints(self, view: StoreView) -> Restraints | None:
        entry = view.entries.get(self.keys.pause)
        try:
            return parse_restraints(entry.value) if entry else None
        except RestraintError as error:
            self.alarms += (str(error),)
            return None

    def _budget(self, view: StoreView) -> Budget | None:
        entry = view.entries.get(self.keys.budget)
        try:
            budget = parse_budget(entry.value) if entry else None
        except BudgetError as error:
            self.alarms += (str(error),)
            return None
        return budget and self._with_in_flight(budget)

    def _with_in_flight(self, budget: Budget) -> Budget:
        unsettled = {name for kind, name in self.publisher.pending if kind == FAILOVER}
        self.in_flight = {group: move for group, move in self.in_flight.items() if group in unsettled}
        for move in self.in_flight.values():
            budget = charge(budget, move)
        return budget
