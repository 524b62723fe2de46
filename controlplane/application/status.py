"""Owns the picture of the whole: what this replica knows, as one frozen value, without asking anybody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isinf

from controlplane.application.change_rows import change_view
from controlplane.application.confirm_views import ConfirmationView, confirmation_view
from controlplane.application.control_loop import ControlLoop
from controlplane.application.definitions_keeper import DefinitionsKeeper
from controlplane.application.journaller import LOG_BYTES_MAX, Journaller
from controlplane.application.leadership import Leadership
from controlplane.application.observing import Observer
from controlplane.application.ports import Clock, Journal, Store
from controlplane.application.publisher import CONTACT_SECONDS_MAX, Publisher
from controlplane.application.restraining import Restrainer
from controlplane.application.standing import Standing
from controlplane.application.views import (
    ChangeView,
    ForecastView,
    GroupView,
    LeaderView,
    Readiness,
    RegionView,
    RestraintView,
    StatusView,
    VantageStatus,
)
from controlplane.contract.times import rfc3339
from controlplane.domain.decision import Decision, Evaluation, Stay
from controlplane.domain.evidence import VantageView, vantage_views
from controlplane.domain.outlook import Outlook, look
from controlplane.domain.planning import Forecast, forecasts
from controlplane.domain.quorum import RegionFinding
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.restraint import Restraint, Restraints

ANSWERED_SECONDS = 0.5
"""Consul answers a write in milliseconds: before this, nothing is amiss with one that is under way."""
NOT_LEADING = "not_leading"
"""The code of the freeze that holds back a follower, and says nothing of the fleet."""
FORECAST_SECONDS = 1.0
"""A forecast decides about every group once per region: made at most this often."""


@dataclass(slots=True)
class StatusQueries:
    """The door for looking."""

    store: Store
    journal: Journal
    clock: Clock
    replica: str
    loop: ControlLoop
    observer: Observer
    leadership: Leadership
    publisher: Publisher
    restrainer: Restrainer
    standing: Standing
    definitions: DefinitionsKeeper
    journaller: Journaller
    unloaded: Callable[[], bool]
    """Whether the definitions have never been loaded, neither from PostgreSQL nor from the file."""
    switch_alarms: Callable[[], tuple[str, ...]]
    _forecasts: tuple[Forecast, ...] = ()
    _forecast_at: float | None = None

    def status(self) -> StatusView:
        """The picture as of now."""
        evaluation = self.loop.evaluation
        contact = self.store.contact_seconds()
        return StatusView(
            as_of=rfc3339(self.clock.now()),
            replica=self.replica,
            leader=self._leader(),
            definitions_revision=self.definitions.current().revision,
            store_contact_seconds=None if isinf(contact) else round(contact, 3),
            database_available=self.definitions.database_available,
            instances=_instances(evaluation),
            freezes=self._freezes(evaluation) if evaluation else (),
            restraints=_restraints(evaluation.outlook.restraints) if evaluation else (),
            unsettled=self._unsettled(),
            alarms=self._alarms(),
            confirmations=self._confirmations(evaluation),
            groups=self._groups(evaluation) if evaluation else (),
            vantages=self._vantages(),
            cells=_cells(evaluation),
            key_prefix=self.observer.keys.prefix,
        )

    def readiness(self) -> Readiness:
        """Ready while moves and flips can be taken: definitions loaded, Consul reachable, the store known."""
        contact = self.store.contact_seconds()
        unreachable = "never answered" if isinf(contact) else f"last answered {contact:.1f} s ago"
        checks = {
            "definitions": "not loaded" if self.unloaded() else "ok",
            "consul": "ok" if contact <= CONTACT_SECONDS_MAX else unreachable,
            "store": "ok" if self.standing.identity else self.standing.alarm or "not known yet",
        }
        ready = all(check == "ok" for check in checks.values())
        database = "ok" if self.definitions.database_available else "does not answer"
        return Readiness(ready, {**checks, "database": database})

    async def changes(
        self, *, kind: str | None, name: str | None, before: int | None, limit: int
    ) -> Sequence[ChangeView]:
        """History, newest first.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        rows = await self.journal.page(kind=kind, name=name, before=before, limit=limit)
        return [change_view(row) for row in rows]

    def _unsettled(self) -> tuple[str, ...]:
        """What was sent and has no answer: publications, and restraints or their ends."""
        late = self.clock.monotonic() - ANSWERED_SECONDS
        pending = self.publisher.pending.values()
        documents = [one.publication.title for one in pending if one.since <= late]
        restraints = [sent.text for sent in self.restrainer.unanswered.values()]
        return tuple(
            f"{title}: no answer from Consul, it may still take effect" for title in (*documents, *restraints)
        )

    def _freezes(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Why nothing moves; that a follower does not lead is not worth a word while somebody else does."""
        follows = self._follows()
        told = (freeze for freeze in evaluation.freezes if not (follows and freeze.code == NOT_LEADING))
        return tuple(freeze.text for freeze in told)

    def _follows(self) -> bool:
        """Whether somebody else leads."""
        record = self.leadership.record
        return self.leadership.tenure is None and record is not None and not record.vacant

    def _leader(self) -> LeaderView:
        record = self.leadership.record
        return LeaderView(
            holder=(record.holder or None) if record else None,
            term=record.term if record else 0,
            api=(record.api or None) if record else None,
            ours=self.leadership.tenure is not None,
        )

    def _alarms(self) -> tuple[str, ...]:
        full = (
            f"log/ holds {self.journaller.log_bytes} bytes, above {LOG_BYTES_MAX}: history must catch up"
            if self.journaller.log_bytes > LOG_BYTES_MAX
            else None
        )
        singles = tuple(alarm for alarm in (self.standing.alarm, self.leadership.alarm, full) if alarm)
        return (
            *singles,
            *self.switch_alarms(),
            *self.observer.alarms,
            *self.observer.confirmations.alarms,
            *self.journaller.alarms,
        )

    def _confirmations(self, evaluation: Evaluation | None) -> tuple[ConfirmationView, ...]:
        maintained = evaluation.outlook.restraints.regions if evaluation else {}
        return tuple(confirmation_view(one) for one in self.observer.confirmations.all(maintained))

    def _groups(self, evaluation: Evaluation) -> tuple[GroupView, ...]:
        by_group: dict[str, list[ForecastView]] = {}
        for one in self._fresh_forecasts(evaluation):
            view = ForecastView(one.lost_region, one.text, one.target, one.seconds)
            by_group.setdefault(one.group, []).append(view)
        return tuple(
            self._group(evaluation, decision, tuple(by_group.get(decision.group, ())))
            for decision in evaluation.decisions
        )

    def _fresh_forecasts(self, evaluation: Evaluation) -> tuple[Forecast, ...]:
        now = self.clock.monotonic()
        if self._forecast_at is None or now - self._forecast_at >= FORECAST_SECONDS:
            self._forecasts, self._forecast_at = forecasts(self._leaders_outlook(evaluation)), now
        return self._forecasts

    def _leaders_outlook(self, evaluation: Evaluation) -> Outlook:
        """The outlook of whoever leads: what the leader would do is not what a follower may not."""
        outlook = evaluation.outlook
        if not self._follows():
            return outlook
        return look(replace(outlook.situation, renewed_seconds=0.0), outlook.voters)

    def _group(self, evaluation: Evaluation, decision: Decision, seen: tuple[ForecastView, ...]) -> GroupView:
        situation = evaluation.outlook.situation
        group = situation.definitions.fleet.group(decision.group)
        document = situation.documents.get(group.name)
        case = evaluation.cases.get(group.name)
        stay = decision if isinstance(decision, Stay) else None
        return GroupView(
            name=group.name,
            services=group.services,
            mode=group.policy.mode,
            state=decision.state,
            code=stay.code if stay else "move",
            reason=decision.reason,
            since=self.loop.since.get(group.name, ("", ""))[1],
            flags=_flags(stay, follows=self._follows()) if stay else (),
            active=document.active if document else None,
            revision=document.revision if document else None,
            document=asdict(document) if document else None,
            regions=tuple(
                _region(
                    finding,
                    active=document.active if document else None,
                    maintained=evaluation.outlook.restraints.regions,
                )
                for finding in (case.findings.values() if case else ())
            ),
            forecasts=seen,
            explanation=decision.inputs,
        )

    def _vantages(self) -> tuple[VantageStatus, ...]:
        now = self.clock.monotonic()
        views = vantage_views(self.observer.evidence, self.definitions.current(), now)
        return tuple(status for view in views.values() for status in self._probers(view, now))

    def _probers(self, view: VantageView, now: float) -> list[VantageStatus]:
        if not view.probers:
            return [
                VantageStatus(
                    view.name, "", votes=False, reason=str(view.distrust), age_seconds=None, failing=()
                )
            ]
        sightings = self.observer.evidence.sightings
        statuses = []
        for prober, distrust in view.probers.items():
            sighting = sightings[view.name, prober]
            doubt = view.distrust or distrust
            statuses.append(
                VantageStatus(
                    vantage=view.name,
                    prober=prober,
                    votes=doubt is None,
                    reason=str(doubt or "votes"),
                    age_seconds=round(now - sighting.changed_at, 1) if sighting.changed_at else None,
                    failing=sighting.report.failing,
                )
            )
        return statuses


def _flags(stay: Stay, *, follows: bool) -> tuple[str, ...]:
    """What freezes or restrains a group by itself, and what freezes the move that is due."""
    held = (*stay.flags, *(obstacle for obstacle in stay.obstacles if obstacle.flag))
    told = (one for one in held if not (follows and one.code == NOT_LEADING))
    return tuple(sorted({str(one.flag or one.code) for one in told}))


def _region(finding: RegionFinding, *, active: str | None, maintained: Mapping[str, Restraint]) -> RegionView:
    ballot = max(
        finding.ballots, key=lambda one: sum(cell.total for cell in one.cells.values()), default=None
    )
    return RegionView(
        region=finding.region,
        verdict=finding.state,
        reason=finding.reason,
        active=finding.region == active,
        ready=finding.fit and finding.region not in maintained,
        cells={service: asdict(counts) for service, counts in ballot.cells.items()} if ballot else {},
    )


def _instances(evaluation: Evaluation | None) -> Mapping[str, int]:
    """The whole fleet as the vantage counts it that knows most of it."""
    voters = evaluation.outlook.voters if evaluation else ()
    totals = [sum(voter.cells.values(), CellCounts()) for voter in voters if voter.trusted]
    return asdict(max(totals, key=lambda counts: counts.total, default=CellCounts()))


def _cells(evaluation: Evaluation | None) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Each cell as the trusted vantage counts it that knows most of it."""
    seen: dict[CellKey, CellCounts] = {}
    for voter in evaluation.outlook.voters if evaluation else ():
        for key, counts in voter.cells.items() if voter.trusted else ():
            seen[key] = max(seen.get(key, CellCounts()), counts, key=_judged)
    cells: dict[str, dict[str, Mapping[str, int]]] = {}
    for key, counts in seen.items():
        cells.setdefault(key.service, {})[key.region] = asdict(counts)
    return cells


def _judged(counts: CellCounts) -> int:
    """How many instances of a cell are known to be one or the other."""
    return counts.total - counts.unknown


def _restraints(restraints: Restraints) -> tuple[RestraintView, ...]:
    fleet = [("fleet", None, restraints.fleet)] if restraints.fleet else []
    groups = [("group", name, one) for name, one in restraints.groups.items()]
    regions = [("region", name, one) for name, one in restraints.regions.items()]
    return tuple(
        RestraintView(scope, name, rfc3339(one.until), one.by, one.reason)
        for scope, name, one in (*fleet, *groups, *regions)
    )
