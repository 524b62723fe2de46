"""What holds in every history: promises of the core, searched for counterexamples."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from controlplane.contract.documents import ChangeKind
from controlplane.domain.budget import EVACUATIONS_MAX, SINGLE_MOVES_MAX, Cause
from controlplane.domain.decision import Evaluation, GroupState, Move, Stay, evaluate
from controlplane.domain.evidence import forget
from controlplane.domain.fleet import Policy
from controlplane.domain.report import CellCounts, CellKey
from controlplane.domain.restraint import Restraint, Restraints
from tests.unit.domain.strategies import counts_of, happenings
from tests.unit.domain.worlds import REGIONS, VANTAGES, World, a_change, a_fleet

HOLD_DOWN, DWELL = 3.0, 60.0
POLICY = Policy(hold_down_seconds=HOLD_DOWN, dwell_seconds=DWELL)
SIZE = 3
CELLS = [CellKey("service-0", region) for region in REGIONS]


def healthy(counts: CellCounts) -> bool:
    """An independent reckoning of a cell that serves: half of what is known, and most is known."""
    seen = counts.up + counts.degraded + counts.down
    return seen > 0 and seen >= counts.unknown and 2 * (counts.up + counts.degraded) >= seen


def failing(counts: CellCounts) -> bool:
    """An independent reckoning of a cell that fails."""
    seen = counts.up + counts.degraded + counts.down
    return seen > 0 and seen >= counts.unknown and 2 * (counts.up + counts.degraded) < seen


@dataclass
class History:
    """A world that things happen to, with what an onlooker notes down about it."""

    world: World = field(default_factory=lambda: World(fleet=a_fleet(groups=3, policy=POLICY)))
    heard: dict[str, float] = field(default_factory=dict)
    """When each vantage was last heard twice in a row, so that it may vote."""
    down_since: dict[str, float] = field(default_factory=dict)
    """Group → since when the onlooker counts its active region down without a break."""

    def happen(self, what: str, where: int, who: int) -> None:
        """One thing happens, then a second passes and the leader decides."""
        region, vantage = REGIONS[where], VANTAGES[who].name
        acts: dict[str, Callable[[], object]] = {
            "kill": lambda: self.world.kill(region),
            "heal": lambda: self.world.heal(region),
            "heal all": self.world.heal,
            "darken": lambda: self.world.set("unknown", region),
            "break one service": lambda: self._set(where, region, CellCounts(up=1, down=4)),
            "silence": lambda: self.world.silent.add(vantage),
            "speak": self.world.silent.clear,
            "lie": lambda: self._lie(vantage, region),
            "be honest": self.world.sees.clear,
            "lag": lambda: self.world.lag.update({vantage: 9.0}),
            "catch up": self.world.lag.clear,
            "lose Consul": self._lose_consul,
            "find Consul": lambda: setattr(self.world, "contact_seconds", 0.1),
            "pause": lambda: self._restrain(fleet=True, region=region),
            "maintain": lambda: self._restrain(fleet=False, region=region),
            "resume": lambda: setattr(self.world, "restraints", Restraints()),
            "depose": lambda: setattr(self.world, "renewed_seconds", float("inf")),
            "lead": lambda: setattr(self.world, "renewed_seconds", 0.5),
            "move by hand": lambda: self._move_by_hand(f"group-{who}", region),
            "wait": lambda: self._wait(10),
            "wait long": lambda: self._wait(70),
        }
        acts[what]()
        self.step()

    def step(self) -> None:
        """A second passes; the leader decides; every promise is checked; moves come into force."""
        self.world.pass_time(1.0)
        self.world.report()
        situation, memory = self.world.situation(), dict(self.world.memory)
        evaluation = self.world.decide()
        assert evaluation == evaluate(situation, memory)
        self._note()
        for decision in evaluation.decisions:
            self._check(decision, evaluation)
            if isinstance(decision, Move):
                self.world.publish(decision)
        self._check_budgets()

    def _note(self) -> None:
        for vantage in VANTAGES:
            if vantage.name not in self.world.silent:
                self.heard[vantage.name] = self.world.monotonic
        for group, document in self.world.documents.items():
            cell = CellKey(group.replace("group", "service"), str(document.active))
            key = f"{group}/{document.active}"
            accusers = sum(failing(counts) for counts in self._seen(cell))
            self.down_since = {
                other: since
                for other, since in self.down_since.items()
                if not other.startswith(f"{group}/") or (other == key and accusers >= 2)
            }
            if accusers >= 2:
                self.down_since.setdefault(key, self.world.monotonic)

    def _seen(self, cell: CellKey) -> list[CellCounts]:
        """What those vantages last said of a cell that may vote at all."""
        said = {name: report for (name, _), (report, _) in self.world._reports.items()}
        return [
            report.cells[cell]
            for name, report in said.items()
            if self.world.monotonic - self.heard.get(name, -9.0) < 6.0
            and report.trust.loop_lag_seconds <= 2.0
        ]

    def _check(self, decision: Move | Stay, evaluation: Evaluation) -> None:
        assert decision.reason
        if isinstance(decision, Move):
            self._check_move(decision, evaluation)
        else:
            self._check_stay(decision)

    def _check_move(self, move: Move, evaluation: Evaluation) -> None:
        world = self.world
        assert not evaluation.freezes
        assert move.state is GroupState.ACTIVATING
        assert world.contact_seconds < 2.0
        assert world.renewed_seconds < 2.0
        restraints = (world.restraints or Restraints()).in_force(world.now)
        assert restraints.fleet is None
        assert not {move.source, move.target} & restraints.regions.keys()
        since = self.down_since[f"{move.group}/{move.source}"]
        assert world.monotonic - since >= HOLD_DOWN
        target = CellKey(move.group.replace("group", "service"), move.target)
        assert sum(healthy(counts) for counts in self._seen(target)) >= 2
        change = world.documents[move.group].change
        if change.kind in (ChangeKind.MANUAL, ChangeKind.AUTOMATIC):
            last = max(at for at, group in self.moved if group == move.group)
            assert world.monotonic - last >= DWELL
        self.moved.append((world.monotonic, move.group))

    def _check_stay(self, stay: Stay) -> None:
        document = self.world.documents[stay.group]
        since = self.down_since.get(f"{stay.group}/{document.active}")
        overdue = since is not None and self.world.monotonic - since >= HOLD_DOWN
        if stay.state is GroupState.BLOCKED:
            assert stay.obstacles
            assert stay.code == stay.obstacles[0].code
        if stay.state in (GroupState.BLOCKED, GroupState.EVALUATING):
            assert overdue

    def _check_budgets(self) -> None:
        moves = self.world.budget.moves if self.world.budget else ()
        for last in moves:
            window = [move for move in moves if last.at - timedelta(seconds=600) < move.at <= last.at]
            assert len({move.source for move in window if move.cause is Cause.REGION}) <= EVACUATIONS_MAX
            assert sum(move.cause is Cause.GROUP for move in window) <= SINGLE_MOVES_MAX
            assert sum(move.group == last.group for move in window) <= POLICY.max_automatic

    moved: list[tuple[float, str]] = field(default_factory=list)
    """When which group was moved, by whomever."""

    def _wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.step()

    def _set(self, number: int, region: str, counts: CellCounts) -> None:
        self.world.counts[CellKey(f"service-{number}", region)] = counts

    def _lie(self, vantage: str, region: str) -> None:
        lies = {cell: CellCounts(down=size) for cell, size in self.world.sizes(region).items()}
        self.world.sees[vantage] = self.world.sees.get(vantage, {}) | lies

    def _lose_consul(self) -> None:
        self.world.contact_seconds = 9.0
        self.world.evidence = forget(self.world.evidence)

    def _restrain(self, *, fleet: bool, region: str) -> None:
        pause = Restraint(self.world.now + timedelta(seconds=30), "alice", "deploy")
        self.world.restraints = Restraints(fleet=pause) if fleet else Restraints(regions={region: pause})

    def _move_by_hand(self, group: str, region: str) -> None:
        document = self.world.documents[group]
        change = a_change(ChangeKind.MANUAL, self.world.now)
        revision = document.revision + 1
        self.world.documents[group] = replace(document, active=region, revision=revision, change=change)
        self.moved.append((self.world.monotonic, group))


@given(st.lists(happenings(), max_size=25))
def test_every_history_keeps_the_promises(happened):
    """Whatever happens: no move on thin evidence, too early, while frozen, or into a bad region."""
    history = History()
    for what, where, who in happened:
        history.happen(what, where, who)
    times = [at for at, _ in history.world.moves]
    assert all(earlier <= later for earlier, later in pairwise(times))


def outcome(world: World) -> list[tuple[str, str | None]]:
    """What is decided, apart from the words."""
    decisions = world.decide().decisions
    return [(found.group, found.target if isinstance(found, Move) else None) for found in decisions]


def a_world_of(truth: list[CellCounts], lies: dict[str, dict[CellKey, CellCounts]], mute: set[str]) -> World:
    """A world without hold-down in which all vantages see the truth, except for the liars and the mute."""
    policy = Policy(hold_down_seconds=0.0)
    world = World(fleet=a_fleet(sizes=dict.fromkeys(REGIONS, SIZE), policy=policy), sees=lies)
    world.counts |= dict(zip(CELLS, truth, strict=True))
    world.silent |= mute
    for _ in range(8):
        world.pass_time(1.0)
        world.report()
    return world


@given(
    st.lists(counts_of(SIZE), min_size=3, max_size=3),
    st.lists(counts_of(SIZE), min_size=3, max_size=3),
    st.sampled_from([vantage.name for vantage in VANTAGES]),
    st.booleans(),
)
def test_no_minority_changes_the_outcome(truth, lies, liar, mute):
    """Whatever one vantage of three says, or if it falls silent, the same is decided as without it lying."""
    honest = a_world_of(truth, {}, set())
    lied_to = a_world_of(truth, {liar: dict(zip(CELLS, lies, strict=True))}, {liar} if mute else set())

    assert outcome(lied_to) == outcome(honest)


@given(st.lists(counts_of(SIZE), min_size=3, max_size=3))
def test_unknown_never_moves(truth):
    """With everything unknown in the active region nothing moves, whatever the other regions look like."""
    world = a_world_of([CellCounts(unknown=SIZE), *truth[1:]], {}, set())

    assert outcome(world) == [("group-0", None)]


@given(
    st.lists(counts_of(SIZE), min_size=3, max_size=3), st.sets(st.sampled_from([v.name for v in VANTAGES]))
)
def test_thin_evidence_never_moves(truth, mute):
    """With fewer than two vantages heard nothing moves, whatever the one that is left says."""
    world = a_world_of(truth, {}, mute)
    if len(mute) >= 2:
        assert outcome(world) == [("group-0", None)]
