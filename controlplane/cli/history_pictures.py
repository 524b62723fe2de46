"""Owns how history reads on a terminal: what was found over time, and what happened to a document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controlplane.cli.output import say, say_item, say_table
from controlplane.cli.pictures import say_change

Picture = Mapping[str, Any]

POINTS_HEADER = ("at", "probes", "failed", "faults", "available", "p50", "p95", "max")
SAMPLES_HEADER = ("at", "vantage", "check", "latency", "verdict")


def say_timeline(title: str, timeline: Picture) -> None:
    """What was found of an instance or a cell: the sum, each point of time, then the changes of health."""
    say(f"{title}: {timeline['first']} to {timeline['last']}, by {timeline['resolution']}")
    say(_sum(timeline["total"]), indent=1)
    if timeline["points"]:
        say_table(POINTS_HEADER, (_point(point) for point in timeline["points"]))
    if timeline["samples"]:
        say_table(SAMPLES_HEADER, (_sample(sample) for sample in timeline["samples"]))
    for turn in timeline["turns"]:
        say_item(_turn(turn))
    for line in _ends(timeline):
        say(line)


def say_entries(entries: Iterable[Picture]) -> None:
    """What happened to a document: changes, and why there was none."""
    for entry in entries:
        say_change(entry["change"]) if entry["change"] else say_evaluation(entry["evaluation"])


def say_evaluation(evaluation: Picture) -> None:
    """Why nothing was moved, or what became of a publication."""
    document = f"{evaluation['kind']}/{evaluation['name']}"
    turned = f" {evaluation['before']} → {evaluation['state']}" if evaluation["state"] else ""
    say(f"{evaluation['at']}  {document} {evaluation['outcome']}{turned}")
    say(f"{evaluation['code']}: {evaluation['reason']}", indent=1)


def _sum(total: Picture) -> str:
    if not total["probes"]:
        return "nothing was probed"
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(total["reasons"].items()))
    return f"{total['probes']} probes, available {_percent(total['availability'])}: {reasons}"


def _point(point: Picture) -> tuple[str, ...]:
    took = point["latency_ms"] or {}
    counts = (str(point[name]) for name in ("probes", "failures", "faults"))
    return (
        point["at"].replace(":00.000Z", "Z"),
        *counts,
        _percent(point["availability"]),
        *(_milliseconds(took.get(name)) for name in ("p50", "p95", "max")),
    )


def _sample(sample: Picture) -> tuple[str, ...]:
    verdict = f"{sample['verdict']} ({sample['reason']})"
    return sample["at"], sample["vantage"], sample["check"], _milliseconds(sample["latency_ms"]), verdict


def _turn(turn: Picture) -> str:
    why = ": ".join(part for part in (turn["check"], turn["detail"] or turn["reason"]) if part)
    turned = f"{turn['instance']} {turn['before']} → {turn['after']}"
    return f"{turn['at']}  {turned}, seen from {turn['vantage']}; {why}"


def _ends(timeline: Picture) -> Iterator[str]:
    if timeline["damaged"]:
        yield f"NOT COUNTED: {timeline['damaged']} blocks that cannot be read"
    if timeline["next_from"]:
        yield f"later: --from {timeline['next_from']}"
    if timeline["turns_cursor"]:
        yield f"more changes of health: --turns-cursor {timeline['turns_cursor']}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
