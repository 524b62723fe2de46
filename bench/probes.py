"""What a probe costs: one prober process with the whole walk, beside blackbox_exporter and HAProxy.

Each run starts every program anew, pinned to one core; the targets and whoever asks have the other one. The
prober runs what runs in production, from the tick to the report in a private Consul, and opens a new
connection for each probe, as the two others do. A probe is counted when it was started (by the prober), when
it succeeded (by blackbox_exporter), when a target answered it (by HAProxy).
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench._consul import private_consul
from bench._harness import Row, options, present
from bench._probes_prober import Load
from bench._probes_programs import (
    OTHERS_CORE,
    Targets,
    blackbox_exporter,
    cpu_seconds,
    drive_blackbox,
    haproxy_checks,
    pin,
    targets,
)

RUNS = 3
STEADY = Load(interval_seconds=0.2)
"""5,000 probes a second: half a core, as it is meant to be run."""
FLAT_OUT = Load(interval_seconds=0.1, checks=2)
"""20,000 a second are asked for, more than one core can do."""
WARM_UP_SECONDS = 2.0
MEASURED_SECONDS = 6.0
PROBER_SECONDS_MAX = 60
BLACKBOX_RATIO_MAX = 0.4

BENCH = "probes"
PROBER, BLACKBOX, HAPROXY = "controlplane", "blackbox_exporter", "HAProxy"
CPU, RATE = "CPU-s per 10,000", "probes/s"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of one program came to."""

    probes: int
    cpu_seconds: float
    seconds: float

    @property
    def per_10_000(self) -> float:
        """CPU seconds per 10,000 probes."""
        return self.cpu_seconds / self.probes * 10_000

    @property
    def rate(self) -> float:
        """Probes per second."""
        return self.probes / self.seconds


def prober(listening: Targets, consul: str, load: Load) -> Cost:
    """One run of our prober process.

    Raises:
        RuntimeError: it failed, or it does not find the targets healthy.
    """
    argv = [sys.executable, "-m", "bench._probes_prober", "--consul", consul, "--port", str(listening.port)]
    argv += ["--interval", str(load.interval_seconds), "--checks", str(load.checks)]
    done = subprocess.run(argv, capture_output=True, timeout=PROBER_SECONDS_MAX, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the prober failed: {done.stderr}")
    measured = json.loads(done.stdout)
    if measured["unhealthy"]:
        raise RuntimeError(f"the prober finds {measured['unhealthy']} of the targets unhealthy")
    return Cost(measured["probes"], measured["cpu_seconds"], measured["seconds"])


def blackbox(listening: Targets) -> Cost | None:
    """One run of blackbox_exporter, asked over 32 connections for as much as it does."""
    with blackbox_exporter() as found:
        if found is None:
            return None
        pid, port = found
        asyncio.run(drive_blackbox(port, listening.port, WARM_UP_SECONDS))
        used, moment = cpu_seconds(pid), _now()
        probes = asyncio.run(drive_blackbox(port, listening.port, MEASURED_SECONDS))
        return Cost(probes, cpu_seconds(pid) - used, _now() - moment)


def haproxy(listening: Targets) -> Cost | None:
    """One run of HAProxy's own health checks at the steady load."""
    with haproxy_checks(listening.port, STEADY.interval_seconds) as pid:
        if pid is None:
            return None
        time.sleep(WARM_UP_SECONDS)
        used, moment, answered = cpu_seconds(pid), _now(), listening.answered()
        time.sleep(MEASURED_SECONDS)
        return Cost(listening.answered() - answered, cpu_seconds(pid) - used, _now() - moment)


def rows(runs: Sequence[dict[str, Cost]]) -> list[Row]:
    """The table: medians over the runs, ratios within each run."""
    steady, flat_out = f"{PROBER}, steady", f"{PROBER}, flat out"
    table = [
        _row(runs, steady, CPU, lambda cost: cost.per_10_000, peer=HAPROXY),
        _row(runs, steady, RATE, lambda cost: cost.rate, peer=HAPROXY),
        _row(runs, flat_out, CPU, lambda cost: cost.per_10_000, peer=BLACKBOX),
        _row(runs, flat_out, RATE, lambda cost: cost.rate, peer=BLACKBOX),
    ]
    for peer in (HAPROXY, BLACKBOX):
        if peer in runs[0]:
            table.append(_row(runs, peer, CPU, lambda cost: cost.per_10_000))
            table.append(_row(runs, peer, RATE, lambda cost: cost.rate))
    return table


def _row(
    runs: Sequence[dict[str, Cost]],
    case: str,
    unit: str,
    figure: Callable[[Cost], float],
    peer: str | None = None,
) -> Row:
    beside = peer if peer in runs[0] else None
    ratios = [figure(run[case]) / figure(run[beside]) for run in runs if beside]
    return Row(
        bench=BENCH,
        case=case,
        value=median(figure(run[case]) for run in runs),
        unit=unit,
        peer=beside,
        ratio=median(ratios) if ratios else None,
        runs=len(runs),
    )


def one_run() -> dict[str, Cost]:
    """Every program once, on the same targets."""
    with targets() as listening, private_consul() as consul:
        found = {
            f"{PROBER}, steady": prober(listening, consul, STEADY),
            f"{PROBER}, flat out": prober(listening, consul, FLAT_OUT),
            BLACKBOX: blackbox(listening),
            HAPROXY: haproxy(listening),
        }
    return {case: cost for case, cost in found.items() if cost is not None}


def main() -> None:
    """Measure, print, and say whether the target is met."""
    json_file = options("what a probe costs: one prober process beside blackbox_exporter and HAProxy")
    pin(OTHERS_CORE)
    runs = [one_run() for _ in range(RUNS)]
    table = rows(runs)
    present(table, json_file)
    (ratio,) = (row.ratio for row in table if row.case == f"{PROBER}, flat out" and row.unit == CPU)
    if ratio is None:
        print("blackbox_exporter is not installed: nothing to compare with")
    else:
        verdict = "met" if ratio <= BLACKBOX_RATIO_MAX else "MISSED"
        print(f"target, CPU at most {BLACKBOX_RATIO_MAX:g} of blackbox_exporter's: {verdict}")


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - measures real time


if __name__ == "__main__":
    main()
