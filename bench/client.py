"""What a reader costs its service: look-ups, memory, processor time per change; beside Unleash and flagd.

Each figure is taken in a fresh process of one client, pinned to one core, on its library as people install
it. All of them hold the same switches: a third are on, a third are on for half of all units, a third have a
text. Peers are installed by pip into environments of their own, in the user's cache.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from urllib.parse import urlencode

from bench._client_child import Mode
from bench._client_programs import OURS, PEERS, PeerMissing, Program, interpreter, running
from bench._harness import Row, options, present
from bench._probes_programs import OTHERS_CORE, pin

RUNS = 3
SWITCHES = 160
"""Of each kind: 480 in all, about as many as a document of ours holds."""
FEW_SWITCHES = 4
"""Of each kind: as a small service has."""
KINDS = 3
CHANGES = 12
PAUSE_SECONDS = 0.6
"""From one change to the next: our reader asks twice a second at most."""
POLL_SECONDS = 1
"""Of the clients that poll, while changes are measured."""
SELDOM_SECONDS = 60
"""Of the same, while anything else is measured."""
LOOK_UP_RATIO_MAX = 1.0

LOOK_UPS = ("enabled", "enabled for a unit", "value")
MEMORY = "memory of a switch"
FEW_CHANGE = f"a change among {FEW_SWITCHES * KINDS} switches"
CHANGE = f"a change among {SWITCHES * KINDS} switches"
UNITS = {**dict.fromkeys(LOOK_UPS, "ns"), MEMORY: "bytes", FEW_CHANGE: "CPU-ms", CHANGE: "CPU-ms"}
BENCH = "client"
_MS = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """What the runs of one program came to."""

    program: Program
    runs: Sequence[Mapping[str, float]]
    """Figure → value; empty where the program could not be installed."""


def one_run(program: Program) -> dict[str, float]:
    """Every figure of a program once."""
    with program.source(SWITCHES) as source:
        found = _asked(program, Mode.LOOK_UPS, source.address, switches=SWITCHES)
        many = _asked(program, Mode.MEMORY, source.address)["bytes"]
        found[CHANGE] = _cpu_ms_per_change(program, source.address, source.publish)
    with program.source(FEW_SWITCHES) as source:
        few = _asked(program, Mode.MEMORY, source.address)["bytes"]
        found[FEW_CHANGE] = _cpu_ms_per_change(program, source.address, source.publish)
    found[MEMORY] = (many - few) / ((SWITCHES - FEW_SWITCHES) * KINDS)
    return found


def _asked(program: Program, mode: Mode, address: str, **more: int) -> dict[str, float]:
    with running(program, mode, address, urlencode({"poll": SELDOM_SECONDS, **more})) as child:
        assert child.stdout
        answer: dict[str, float] = json.loads(child.stdout.readline() or "{}")
    return answer


def _cpu_ms_per_change(program: Program, address: str, publish: Callable[[int], None]) -> float:
    """Of the whole process from one change in force to another, waiting included."""
    asked = urlencode({"poll": POLL_SECONDS, "changes": CHANGES})
    used: list[float] = []
    with running(program, Mode.CHANGES, address, asked) as child:
        assert child.stdout
        child.stdout.readline()
        for revision in range(2, CHANGES + 2):
            time.sleep(PAUSE_SECONDS)
            publish(revision)
            used.append(json.loads(child.stdout.readline())["cpu_seconds"])
    return (used[-1] - used[0]) / (len(used) - 1) * _MS


def rows(ours: Measured, peers: Sequence[Measured]) -> list[Row]:
    """The table: ours alone where no peer is here, else once beside each of them; then theirs."""
    here: list[Measured | None] = [peer for peer in peers if peer.runs]
    table = []
    for figure in UNITS:
        table += [_our_row(ours, figure, peer) for peer in here or [None]]
        table += [_peer_row(peer, figure) for peer in peers]
    return table


def _our_row(ours: Measured, figure: str, peer: Measured | None) -> Row:
    """The median over the runs, and that of the ratios within each run."""
    row = partial(_row, f"{ours.program.title}, {figure}", _median(ours, figure), figure, len(ours.runs))
    if peer is None:
        return row()
    pairs = zip(ours.runs, peer.runs, strict=True)
    return row(peer=peer.program.title, ratio=median(run[figure] / other[figure] for run, other in pairs))


def _peer_row(peer: Measured, figure: str) -> Row:
    case = f"{peer.program.title}, {figure}"
    if not peer.runs:
        return _row(f"{case}: not installed", None, figure, 0)
    return _row(case, _median(peer, figure), figure, len(peer.runs))


def _median(measured: Measured, figure: str) -> float:
    return median(run[figure] for run in measured.runs)


def _row(
    case: str,
    value: float | None,
    figure: str,
    runs: int,
    *,
    peer: str | None = None,
    ratio: float | None = None,
) -> Row:
    return Row(bench=BENCH, case=case, value=value, unit=UNITS[figure], peer=peer, ratio=ratio, runs=runs)


def installed(peers: Sequence[Program]) -> list[Program]:
    """Those of them that are here, or can be fetched; says why the others are not."""
    found = []
    for peer in peers:
        try:
            interpreter(peer)
        except PeerMissing as error:
            print(f"{peer.title} cannot be installed: {error}")
        else:
            found.append(peer)
    return found


def verdict(table: Sequence[Row]) -> str:
    """Whether no look-up is slower than a peer's."""
    ratios = [row.ratio for row in table if row.ratio is not None and row.unit == UNITS[LOOK_UPS[0]]]
    if not ratios:
        return "no peer is installed: nothing to compare with"
    met = "met" if max(ratios) <= LOOK_UP_RATIO_MAX else "MISSED"
    return f"target, a look-up takes at most as long as a peer's: {met}"


def main() -> None:
    """Measure, print, and say whether the target is met."""
    json_file = options("what a reader costs: controlplane.client beside Unleash and flagd")
    pin(OTHERS_CORE)
    here = installed(PEERS)
    runs: dict[str, list[dict[str, float]]] = {program.title: [] for program in (OURS, *PEERS)}
    for _ in range(RUNS):
        for program in (OURS, *here):
            runs[program.title].append(one_run(program))
    ours, *peers = (Measured(program, runs[program.title]) for program in (OURS, *PEERS))
    table = rows(ours, peers)
    present(table, json_file)
    print(verdict(table))


if __name__ == "__main__":
    main()
