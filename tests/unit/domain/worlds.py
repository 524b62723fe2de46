"""A small world that tests own: a fleet, vantages that report what is set here, clocks, a leader's memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from controlplane.contract.documents import Change, ChangeKind, FailoverDocument, FailoverState
from controlplane.contract.times import rfc3339
from controlplane.domain.budget import Budget
from controlplane.domain.decision import Evaluation, GroupMemory, Move, Situation, Stay, evaluate, spend
from controlplane.domain.evidence import Evidence, ProberKey, witness
from controlplane.domain.fleet import (
    Check,
    CheckType,
    Definitions,
    Fleet,
    Group,
    Instance,
    Policy,
    Region,
    Service,
    Vantage,
)
from controlplane.domain.report import CellCounts, CellKey, SelfTrust, VantageReport, member_set
from controlplane.domain.restraint import Restraints

EPOCH = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
REGIONS = ("us-east", "eu-west", "ap-south")
VANTAGES = (Vantage("us-1", "us-east"), Vantage("eu-1", "eu-west"), Vantage("ap-1", "ap-south"))
REGISTRY = 7
CHECK = Check("api", CheckType.HTTP, interval_seconds=1.0, fall=3)


def a_service(name: str, sizes: Mapping[str, int]) -> Service:
    """A service with so many instances per region."""
    instances = (
        Instance(f"{name}-{region}-{number}", region, "10.0.0.1", 8080)
        for region, size in sizes.items()
        for number in range(size)
    )
    return Service(name, checks=(CHECK,), instances=tuple(instances))


def a_fleet(
    *,
    sizes: Mapping[str, int] | None = None,
    vantages: tuple[Vantage, ...] = VANTAGES,
    groups: int = 1,
    policy: Policy | None = None,
    regions: tuple[str, ...] = REGIONS,
) -> Fleet:
    """Groups `group-0`, `group-1` …, each of one service `service-0` … of its own, in the given regions."""
    sizes = sizes or dict.fromkeys(regions, 5)
    return Fleet(
        regions=tuple(Region(region) for region in regions),
        vantages=vantages,
        services=tuple(a_service(f"service-{number}", sizes) for number in range(groups)),
        groups=tuple(
            Group(f"group-{number}", (f"service-{number}",), regions, policy or Policy())
            for number in range(groups)
        ),
    )


def a_change(kind: ChangeKind = ChangeKind.APPLY, at: datetime = EPOCH) -> Change:
    """A change that nobody looks into."""
    return Change(id="c-1", kind=kind, by="tests", reason="because", at=rfc3339(at))


def a_document(group: Group, *, active: str | None = None, change: Change | None = None) -> FailoverDocument:
    """The first document of a group, or one that is active elsewhere."""
    return FailoverDocument(
        group=group.name,
        revision=1,
        term=1,
        state=FailoverState.ACTIVE,
        home="dc1",
        active=active or group.regions[0],
        weights={},
        previous=None,
        change=change or a_change(),
    )


def all_in(health: str, size: int) -> CellCounts:
    """A cell whose instances all fare alike."""
    return CellCounts(**{health: size})


@dataclass
class World:
    """What is the case, as far as the core can hear of it.

    Vantages see `counts`, unless `sees` says otherwise of one of them.
    """

    fleet: Fleet = field(default_factory=a_fleet)
    monotonic: float = 1000.0
    now: datetime = EPOCH + timedelta(days=1)
    counts: dict[CellKey, CellCounts] = field(default_factory=dict)
    sees: dict[str, dict[CellKey, CellCounts]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    lag: dict[str, float] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    documents: dict[str, FailoverDocument] = field(default_factory=dict)
    memory: Mapping[str, GroupMemory] = field(default_factory=dict)
    restraints: Restraints | None = field(default_factory=Restraints)
    budget: Budget | None = field(default_factory=Budget)
    unsettled: frozenset[str] = frozenset()
    faults: dict[str, str] = field(default_factory=dict)
    registry_revision: int = REGISTRY
    contact_seconds: float = 0.1
    renewed_seconds: float = 0.5
    clock_offset_seconds: float | None = 0.0
    seq: int = 0
    moves: list[tuple[float, Move]] = field(default_factory=list)
    _reports: dict[ProberKey, tuple[VantageReport, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.heal()
        for group in self.fleet.groups:
            self.documents.setdefault(group.name, a_document(group))
        self.report()
        self.report()

    # ── what happens in it ──

    def sizes(self, *regions: str) -> dict[CellKey, int]:
        """The cells of these regions (of all, if none is named) and their sizes."""
        sizes: dict[CellKey, int] = {}
        for service in self.fleet.services:
            for instance in service.instances:
                if not regions or instance.region in regions:
                    cell = CellKey(service.name, instance.region)
                    sizes[cell] = sizes.get(cell, 0) + 1
        return sizes

    def set(self, health: str, *regions: str) -> None:
        """Everything in these regions fares alike."""
        self.counts |= {cell: all_in(health, size) for cell, size in self.sizes(*regions).items()}

    def heal(self, *regions: str) -> None:
        """Everything in these regions (or anywhere) is up."""
        self.set("up", *regions)

    def kill(self, *regions: str) -> None:
        """Everything in these regions is down."""
        self.set("down", *regions)

    def report(self, names: Iterable[str] | None = None) -> None:
        """Every vantage that is not silent writes a report, and the leader reads them all."""
        self.seq += 1
        for vantage in self.fleet.voters:
            if vantage.name in self.silent or (names is not None and vantage.name not in names):
                continue
            self._reports[vantage.name, "p"] = (self.a_report(vantage.name), self.seq)
        self.evidence = witness(self.evidence, self._reports, self.monotonic)

    def a_report(self, vantage: str) -> VantageReport:
        """What a vantage writes now."""
        return VantageReport(
            vantage=vantage,
            prober="p",
            boot=f"boot-{vantage}",
            seq=self.seq,
            members=member_set(["p"]),
            registry=REGISTRY,
            cells=self.counts | self.sees.get(vantage, {}),
            trust=SelfTrust(loop_lag_seconds=self.lag.get(vantage, 0.0)),
        )

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on, nothing else happens."""
        self.monotonic += seconds
        self.now += timedelta(seconds=seconds)

    # ── what the leader does in it ──

    def situation(self) -> Situation:
        """The snapshot that a leader would decide from."""
        return Situation(
            monotonic=self.monotonic,
            now=self.now,
            definitions=Definitions(REGISTRY, self.fleet),
            registry_revision=self.registry_revision,
            evidence=self.evidence,
            documents=dict(self.documents),
            faults=self.faults,
            unsettled=self.unsettled,
            restraints=self.restraints,
            budget=self.budget,
            term=3,
            contact_seconds=self.contact_seconds,
            renewed_seconds=self.renewed_seconds,
            clock_offset_seconds=self.clock_offset_seconds,
        )

    def decide(self) -> Evaluation:
        """One evaluation; nothing is published."""
        evaluation = evaluate(self.situation(), self.memory)
        self.memory = evaluation.memory
        return evaluation

    def publish(self, move: Move) -> None:
        """The move of a decision comes into force."""
        situation = self.situation()
        document = self.documents[move.group]
        assert document.active == move.source
        revision = document.revision + 1
        self.documents[move.group] = replace(
            document,
            revision=revision,
            active=move.target,
            previous=move.source,
            change=a_change(ChangeKind.AUTOMATIC, self.now),
        )
        self.budget = spend(self.budget or Budget(), move, situation, revision=revision)
        self.moves.append((self.monotonic, move))

    def step(self, seconds: float = 1.0) -> Evaluation:
        """Time passes, vantages report, the leader decides, and what it decides is published."""
        self.pass_time(seconds)
        self.report()
        evaluation = self.decide()
        for decision in evaluation.decisions:
            if isinstance(decision, Move):
                self.publish(decision)
        return evaluation

    def run(self, seconds: int) -> Evaluation:
        """So many steps of a second; the last evaluation."""
        evaluations = [self.step() for _ in range(seconds)]
        return evaluations[-1]

    def stay(self, evaluation: Evaluation, number: int = 0) -> Stay:
        """The decision about a group, which is to stay."""
        decision = evaluation.decisions[number]
        assert isinstance(decision, Stay), decision
        return decision

    def active(self, group: str = "group-0") -> str | None:
        """Where a group is active."""
        return self.documents[group].active
