"""The vectors of docs/readers hold for the reader library: what they say to other languages, it does."""

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from controlplane.client.following import parse_region, parse_values
from controlplane.client.judgement import Accept, Held, Refuse, Same, judge
from controlplane.client.switches import SwitchesInForce
from controlplane.contract.applied import Applied, AppliedSource, AppliedState, render, shorten
from controlplane.contract.documents import DocumentKind, canonical, checksum
from controlplane.contract.switches import bucket, effective_value, parse_switches
from controlplane.contract.times import parse_rfc3339

VECTORS = Path(__file__).parents[2] / "docs/readers/vectors"
REGION = "eu-west"
START = "2026-01-12T09:00:00Z"


def vectors(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((VECTORS / file).read_text())
    return content


def named(file: str) -> Any:
    return pytest.mark.parametrize("case", vectors(file)["cases"], ids=lambda case: case["name"])


class SetClock:
    """Says what it was told to."""

    def __init__(self, start: str = START) -> None:
        self.set(start)

    def set(self, now: str) -> None:
        self._now = parse_rfc3339(now)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return 0.0


def test_buckets():
    """Every unit falls into the bucket that is published for it."""
    for case in vectors("buckets.json")["cases"]:
        assert bucket(case["service"], case["switch"], case["unit"]) == case["bucket"]


@named("effective.json")
def test_effective_values(case):
    """A switch is worth what is published, of the published type."""
    document = parse_switches(canonical(vectors("effective.json")["document"]))
    now = parse_rfc3339(case["now"])
    value = effective_value(document, case["switch"], region=case["region"], unit=case["unit"], now=now)
    assert (value, type(value)) == (case["value"], type(case["value"]))


@named("expiries.json")
def test_expiries(case):
    """Whatever the clock does, an expiry passes once."""
    clock = SetClock(case.get("at", START))
    held: Held[SwitchesInForce] | None = None
    for step in case["steps"]:
        if "publish" in step:
            held = read_by(clock, held, canonical(step["publish"]))
        else:
            assert held is not None
            clock.set(step["now"])
            assert held.document.value("recommendations", None) is step["value"], step


def read_by(clock: SetClock, held: Held[SwitchesInForce] | None, raw: bytes) -> Held[SwitchesInForce] | None:
    """What is in force after these bytes were read."""
    decision = judge(
        held, raw, lambda read: parse_values(read, service="checkout", region=REGION, clock=clock)
    )
    return Held(decision.document, raw, AppliedSource.LIVE) if isinstance(decision, Accept) else held


@named("documents.json")
def test_documents(case):
    """Bytes are applied, ignored or refused as it is published, and acknowledged with the published sum."""

    def parse(raw: bytes) -> Any:
        if case["kind"] == DocumentKind.FAILOVER:
            return parse_region(raw, group="checkout")
        return parse_values(raw, service="checkout", region=REGION, clock=SetClock())

    raw = vectors("documents.json")["held"][case["kind"]].encode()
    held = None if case.get("first") else Held(parse(raw), raw, AppliedSource.LIVE)
    read = joined(case["read"])
    match judge(held, read, parse, may_lag=case.get("stale", False)):
        case Accept():
            assert ("apply", checksum(read)) == (case["does"], case.get("sum"))
        case Same():
            assert case["does"] == "ignore"
        case Refuse(observed, err):
            assert ("nack", observed) == (case["does"], case.get("observed"))
            assert err == case.get("err", err)
            assert err


def joined(parts: str | list[Any]) -> bytes:
    """The bytes that a vector describes."""
    return b"".join(map(_part, [parts] if isinstance(parts, str) else parts))


def _part(part: str | dict[str, Any]) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if "base64" in part:
        return base64.b64decode(part["base64"])
    return str(part["repeat"]).encode() * int(part["times"])


@named("header.json")
def test_headers(case):
    """Acknowledgements are written as it is published, to the last byte."""
    entries = [
        Applied(
            kind=DocumentKind(entry["kind"]),
            name=entry["name"],
            revision=entry["revision"],
            sum=entry["sum"],
            state=AppliedState(entry["state"]),
            src=AppliedSource(entry["src"]),
            observed=entry["observed"],
            err=entry["err"],
        )
        for entry in case["applied"]
    ]
    assert render(entries) == case["header"]


def test_errors_are_shortened():
    """What is too long for `err` is cut between characters."""
    for case in vectors("header.json")["errors"]:
        assert shorten(case["text"]) == case["err"]
