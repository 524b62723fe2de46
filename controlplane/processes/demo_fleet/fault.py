"""Owns the faults that an instance can have, and how a person and a pipe spell them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LATENCY_DEFAULT_SECONDS = (0.1, 0.5)
LATENCY_SECONDS_MAX = 60.0
FLAP_SECONDS = 5.0
"""A flapping instance fails and recovers in turn, each for so long."""


class FaultError(ValueError):
    """This is no fault; the text says what is allowed."""


class FaultKind(StrEnum):
    """What can be wrong with an instance."""

    KILL = "kill"
    """Connections are refused; where a whole cell is killed, its process is."""
    HANG = "hang"
    """Connections are accepted and never answered."""
    SLOW = "slow"
    """Answers are right and late."""
    FLAP = "flap"
    """Errors and right answers in turn."""
    ERROR = "error"
    """Every answer is a 500."""
    PARTITION = "partition"
    """Nobody gets through; where a whole cell is cut off, its reader is cut off from Consul, too."""


HEAL = "heal"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an instance. `latency_seconds` is the range of a slow one's delays."""

    kind: FaultKind
    latency_seconds: tuple[float, float] = LATENCY_DEFAULT_SECONDS

    def to_json(self) -> dict[str, Any]:
        """For a pipe or a request."""
        return {"kind": self.kind.value, "latency_seconds": list(self.latency_seconds)}


def fault_from_json(value: Mapping[str, Any]) -> Fault:
    """The inverse of `to_json`.

    Raises:
        FaultError: it is not a fault.
    """
    try:
        low, high = (float(seconds) for seconds in value["latency_seconds"])
        return Fault(FaultKind(value["kind"]), _range(low, high))
    except (KeyError, TypeError, ValueError) as error:
        raise FaultError(f"not a fault: {error}") from error


def read_fault(name: str, latency: str | None = None) -> Fault | None:
    """A fault as it is typed: `slow` with `100ms-500ms`; None for `heal`.

    Raises:
        FaultError: unknown, or a latency that is none or does not belong there.
    """
    if name != HEAL and name not in FaultKind.__members__.values():
        raise FaultError(f"{name!r} is not a fault: {', '.join([*FaultKind, HEAL])}")
    if latency is not None and name != FaultKind.SLOW:
        raise FaultError(f"a latency goes with {FaultKind.SLOW} only, not with {name}")
    if name == HEAL:
        return None
    return Fault(FaultKind(name), read_latency(latency) if latency else LATENCY_DEFAULT_SECONDS)


def read_latency(text: str) -> tuple[float, float]:
    """`200ms` or `100ms-1.5s`, as a range in seconds.

    Raises:
        FaultError: it is not such a range.
    """
    match = _LATENCY.fullmatch(text)
    if match is None:
        raise FaultError(f"{text!r} is not a latency: 200ms, 1.5s, or a range such as 100ms-500ms")
    low = float(match["low"]) * _UNIT_SECONDS[match["low_unit"]]
    high = float(match["high"]) * _UNIT_SECONDS[match["high_unit"]] if match["high"] else low
    return _range(low, high)


def read_share(text: str) -> float:
    """`10%`, above 0 and at most 100, as a fraction.

    Raises:
        FaultError: it is not such a share.
    """
    match = _SHARE.fullmatch(text)
    share = float(match["percent"]) / 100 if match else 0.0
    if not 0 < share <= 1:
        raise FaultError(f"{text!r} is not a share of instances: 10%, above 0% and at most 100%")
    return share


_UNIT_SECONDS = {"ms": 0.001, "s": 1.0}
_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_LATENCY = re.compile(rf"(?P<low>{_NUMBER})(?P<low_unit>ms|s)(?:-(?P<high>{_NUMBER})(?P<high_unit>ms|s))?")
_SHARE = re.compile(rf"(?P<percent>{_NUMBER})%")


def _range(low: float, high: float) -> tuple[float, float]:
    if not 0 <= low <= high <= LATENCY_SECONDS_MAX:
        raise FaultError(f"a latency goes from 0 to {LATENCY_SECONDS_MAX:g} s, the lower bound first")
    return low, high
