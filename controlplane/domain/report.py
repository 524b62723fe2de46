"""Owns the vantage report: what one prober process says it sees, as values and as JSON.

A report is a claim, not a fact: who reads one decides whether it votes (`domain.evidence`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from controlplane.contract.json_fields import integer, is_finite, json_object, text
from controlplane.domain.confirmation import Tally
from controlplane.domain.tallies import parse_tallies, tallies_json

FAILING_IDS_MAX = 50
REPORT_BYTES_MAX = 256 * 1024
MEMBER_SET_DIGITS = 16


class ReportError(ValueError):
    """These bytes are not a vantage report; the text says what is wrong."""


@dataclass(frozen=True, slots=True, order=True)
class CellKey:
    """One service in one region."""

    service: str
    region: str

    def __str__(self) -> str:
        return f"{self.service}/{self.region}"


@dataclass(frozen=True, slots=True)
class CellCounts:
    """How many instances of a cell are in which health; maintenance is counted apart."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    unknown: int = 0
    maintenance: int = 0

    def __post_init__(self) -> None:
        if min(self.up, self.degraded, self.down, self.unknown, self.maintenance) < 0:
            raise ReportError("a count of instances is negative")

    @property
    def total(self) -> int:
        """All instances that were counted."""
        return self.up + self.degraded + self.down + self.unknown + self.maintenance

    def __add__(self, other: "CellCounts") -> "CellCounts":
        return CellCounts(
            up=self.up + other.up,
            degraded=self.degraded + other.degraded,
            down=self.down + other.down,
            unknown=self.unknown + other.unknown,
            maintenance=self.maintenance + other.maintenance,
        )


@dataclass(frozen=True, slots=True)
class SelfTrust:
    """What a prober says of itself."""

    loop_lag_seconds: float = 0.0
    """The longest delay of its own event loop since the last report."""
    faults_of_ours: int = 0
    """Probes since the last report that failed by our own fault."""
    sees_all_down: bool = False


@dataclass(frozen=True, slots=True)
class VantageReport:
    """One prober's view of its share of the fleet."""

    vantage: str
    prober: str
    boot: str
    """Random per process start."""
    seq: int
    """Rises with every write: Consul does not touch a key whose bytes are equal."""
    members: str
    """`member_set` of the prober names of this vantage that it acts by."""
    registry: int
    """Revision of the definitions it probes by."""
    cells: Mapping[CellKey, CellCounts] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    trust: SelfTrust = field(default_factory=SelfTrust)
    acks: Mapping[str, Tally] = field(default_factory=dict)
    """What readers acknowledge, by document as it is spelled in keys."""

    def to_bytes(self) -> bytes:
        """The report as JSON; acknowledgements take no more room than health leaves them."""
        content = {
            "boot": self.boot,
            "seq": self.seq,
            "members": self.members,
            "registry": self.registry,
            "cells": {str(cell): counts_json(counts) for cell, counts in sorted(self.cells.items())},
            "failing": list(self.failing[:FAILING_IDS_MAX]),
            "trust": {
                "loop_lag_seconds": round(self.trust.loop_lag_seconds, 3),
                "faults_of_ours": self.trust.faults_of_ours,
                "sees_all_down": self.trust.sees_all_down,
            },
        }
        room = REPORT_BYTES_MAX - len(_compact({**content, "acks": {}}))
        return _compact({**content, "acks": tallies_json(self.acks, bytes_max=room)})


def member_set(probers: Iterable[str]) -> str:
    """The hash by which the probers of a vantage recognise that they act by the same names."""
    return sha256("\n".join(sorted(probers)).encode()).hexdigest()[:MEMBER_SET_DIGITS]


def parse_report(vantage: str, prober: str, raw: bytes) -> VantageReport:
    """Read the report that stands under `vantage/<vantage>/<prober>`; nothing in it is rounded or guessed.

    Raises:
        ReportError: not JSON, a field missing or of the wrong type.
    """
    try:
        fields = json_object(raw, bytes_max=REPORT_BYTES_MAX)
        return VantageReport(
            vantage=vantage,
            prober=prober,
            boot=text(fields["boot"]),
            seq=integer(fields["seq"]),
            members=text(fields["members"]),
            registry=integer(fields["registry"]),
            cells={_cell(name): _counts(counts) for name, counts in fields["cells"].items()},
            failing=tuple(map(text, fields["failing"][:FAILING_IDS_MAX])),
            trust=_trust(fields["trust"]),
            acks=parse_tallies(fields.get("acks")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReportError(f"vantage report of {vantage}/{prober}: {error}") from error


def counts_json(counts: CellCounts) -> dict[str, int]:
    """Counts as a JSON-able value, zeros left out."""
    names = ("up", "degraded", "down", "unknown", "maintenance")
    return {name: value for name in names if (value := getattr(counts, name))}


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _counts(fields: Mapping[str, Any]) -> CellCounts:
    return CellCounts(**{name: integer(count) for name, count in fields.items()})


def _trust(fields: Mapping[str, Any]) -> SelfTrust:
    if not isinstance(fields["sees_all_down"], bool):
        raise ReportError(f"true or false is wanted, not {fields['sees_all_down']!r}"[:200])
    return SelfTrust(
        loop_lag_seconds=_seconds(fields["loop_lag_seconds"]),
        faults_of_ours=integer(fields["faults_of_ours"]),
        sees_all_down=fields["sees_all_down"],
    )


def _seconds(value: Any) -> float:
    """A lag, which is what a prober is doubted by: one that is no number is no reason to believe it."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not is_finite(value) or value < 0:
        raise ReportError(f"no number of seconds: {value!r}"[:200])
    return float(value)


def _cell(name: str) -> CellKey:
    service, separator, region = name.partition("/")
    if not separator:
        raise ReportError(f"{name!r} is not service/region")
    return CellKey(service, region)
