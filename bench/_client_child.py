"""Owns what the process of each client measures: look-ups, memory, processor time per change.

It runs in that client's own environment, on the standard library alone, as
`python -m bench._client_unleash MODE SOURCE`.
"""

import gc
import json
import os
import random
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol
from urllib.parse import parse_qs

CORE = 0
PLAIN, SHARED, TEXT = "plain", "shared", "text"
"""Kinds of switches: on; on for half of all units; a text. Of each kind there are equally many."""
VALUE = "deep"
READY_SECONDS_MAX = 30.0
LOOK_UPS = 20_000
ROUNDS = 5
HALF_MIN, HALF_MAX = 0.45, 0.55
"""What share of units may pass for half of them."""
_NS_PER_SECOND = 1_000_000_000


class Mode(StrEnum):
    """What is measured."""

    LOOK_UPS = "look-ups"
    MEMORY = "memory"
    CHANGES = "changes"


class Reader(Protocol):
    """One client, behind the three questions that all of them answer."""

    def enabled(self, switch: str) -> bool:
        """Whether a switch is on; False where it is not known."""

    def enabled_for(self, switch: str, unit: str) -> bool:
        """The same for one unit."""

    def value(self, switch: str) -> str:
        """What a switch with a text is worth."""


Open = Callable[[str, float, Callable[[], None]], Reader]
"""A source, the seconds between two looks at it (of those who poll), and what to call after each change."""


def name(kind: str, number: int) -> str:
    """A switch."""
    return f"{kind}-{number}"


def measure(open_reader: Open) -> None:
    """Do what the command line asks for, and print it as JSON, one object per line."""
    mode, source, options = Mode(sys.argv[1]), sys.argv[2], parse_qs(sys.argv[3])
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {CORE})
    changes: SimpleQueue[float] = SimpleQueue()
    poll_seconds = float(options["poll"][0])
    reader = open_reader(source, poll_seconds, lambda: changes.put(time.process_time()))
    _wait_until_ready(reader)
    match mode:
        case Mode.LOOK_UPS:
            _say(_look_ups(reader, switches=int(options["switches"][0])))
        case Mode.MEMORY:
            gc.collect()
            _say({"bytes": _resident_bytes()})
        case Mode.CHANGES:
            _tell_changes(changes, int(options["changes"][0]))


def _wait_until_ready(reader: Reader) -> None:
    until = _now() + READY_SECONDS_MAX
    while not reader.enabled(name(PLAIN, 0)):
        if _now() > until:
            raise RuntimeError(f"the switches are not there within {READY_SECONDS_MAX:g} s")
        time.sleep(0.02)


def _look_ups(reader: Reader, *, switches: int) -> dict[str, float]:
    """Nanoseconds of each kind of look-up, the fastest of some rounds; the closure's own call is in all."""
    chosen = random.Random(0).choices(range(switches), k=LOOK_UPS)
    plain, shared, text = ([name(kind, number) for number in chosen] for kind in (PLAIN, SHARED, TEXT))
    units = [f"user-{number}" for number in range(LOOK_UPS)]
    on = sum(map(reader.enabled_for, shared, units))
    if not all(map(reader.enabled, plain)) or set(map(reader.value, text)) != {VALUE}:
        raise RuntimeError("a switch is not worth what was published")
    if not HALF_MIN < on / LOOK_UPS < HALF_MAX:
        raise RuntimeError(f"{on} of {LOOK_UPS} units are in the half that a switch is on for")
    return {
        "enabled": _fastest_ns(lambda: [reader.enabled(switch) for switch in plain]),
        "enabled for a unit": _fastest_ns(
            lambda: [reader.enabled_for(switch, unit) for switch, unit in zip(shared, units, strict=True)]
        ),
        "value": _fastest_ns(lambda: [reader.value(switch) for switch in text]),
    }


def _fastest_ns(look_all_up: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        look_all_up()
        seconds.append(time.perf_counter() - began)
    return min(seconds) / LOOK_UPS * _NS_PER_SECOND


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _tell_changes(changes: "SimpleQueue[float]", count: int) -> None:
    """Say that changes may come, then of each how much processor time the process had used."""
    while not changes.empty():
        changes.get()
    _say({"ready": True})
    for _ in range(count):
        _say({"cpu_seconds": changes.get()})


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - measures real time
