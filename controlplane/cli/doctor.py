"""Owns `controlplane doctor`: whether this machine can work with its control plane, one line per question."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime

import typer

from controlplane.adapters.clock import SystemClock
from controlplane.cli.api_client import ApiClient
from controlplane.cli.connection import DataDir, Target, target
from controlplane.cli.failures import CommandFailed
from controlplane.cli.output import AsJson, say_json, say_table

CLOCK_TILT_SECONDS_MAX = 3.0
"""Two seconds are what the control plane tolerates; one more for the coarseness of `Date`."""
DATE_LATE_SECONDS = 1.0
"""`Date` counts whole seconds and is renewed once a second: it is 0 to 2 s late, 1 s in the middle."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    question: str
    ok: bool
    text: str


def doctor(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check the way to the control plane. Address, clock, token, readiness; exit code 1 where one fails."""
    chosen = target(data_dir)
    with chosen.client() as api:
        findings = list(_findings(chosen, api))
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        say_table(
            ("", "question", "answer"),
            [("ok" if finding.ok else "FAILS", finding.question, finding.text) for finding in findings],
        )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _findings(chosen: Target, api: ApiClient) -> Iterator[Finding]:
    try:
        health = api.fetch("/healthz")
    except CommandFailed as failure:
        yield Finding("address", ok=False, text=f"{failure} (from {chosen.source})")
        return
    yield Finding("address", ok=True, text=f"{chosen.url} (from {chosen.source})")
    yield _clock(health.headers.get("date"))
    yield _token(api)
    yield _readiness(api)


def _clock(date: str | None) -> Finding:
    if date is None:
        return Finding("clock", ok=False, text="the answer has no Date")
    tilt = (SystemClock().now() - parsedate_to_datetime(date)).total_seconds() - DATE_LATE_SECONDS
    within = abs(tilt) <= CLOCK_TILT_SECONDS_MAX
    return Finding(
        "clock", ok=within, text=f"{tilt:+.1f} s off the control plane's, ±{DATE_LATE_SECONDS:g} s"
    )


def _token(api: ApiClient) -> Finding:
    try:
        who = api.read("/whoami")
    except CommandFailed as failure:
        return Finding("token", ok=False, text=str(failure))
    return Finding("token", ok=True, text=f"{who['name']}, {who['role']}")


def _readiness(api: ApiClient) -> Finding:
    answer = api.look("/readyz").json()
    checks = "; ".join(f"{name}: {found}" for name, found in answer["checks"].items())
    return Finding("ready", ok=answer["ready"], text=checks)
