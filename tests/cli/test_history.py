"""What the command line tells of history: one instance, cell, group or switch, and why nothing was done."""

import asyncio
import json
from typing import Any

import pytest

from controlplane.application.ports import ChangeRow
from controlplane.contract.documents import Change, ChangeKind, DocumentKind
from controlplane.contract.log_entries import LogEntry
from controlplane.contract.switches import SwitchChange, SwitchChangeKind
from tests.cli.conftest import Command
from tests.fakes.doors import FakeDoors
from tests.probe_histories import OK, SERIES, TIMEOUT, block, turn, upload
from tests.web.test_now import STAYED

COLUMNS = 80
HOUR = ("--from", "2026-01-12T09:00:00Z", "--to", "2026-01-12T10:00:00Z")


MOVE = Change("01JMOVE", ChangeKind.MANUAL, "alice", "INC-1", "2026-01-12T09:31:07.412Z")
FLIP = SwitchChange("01JFLIP", SwitchChangeKind.FLIP, "alice", "INC-1", "2026-01-12T09:31:07.412Z")


def changed(change: Change | SwitchChange, name: str, after: dict[str, Any]) -> ChangeRow:
    """A row of history."""
    kind = DocumentKind.FAILOVER if isinstance(change, Change) else DocumentKind.SWITCHES
    entry = LogEntry(kind, name, 7, 3, change, None, after, {}, "0" * 64, None)
    return ChangeRow(
        position=1,
        store="s",
        create_index=1,
        kind=kind,
        name=name,
        revision=7,
        change_id=change.id,
        change_kind=change.kind,
        by=change.by,
        reason=change.reason,
        at=change.at,
        trace_id=None,
        body=entry.to_bytes(),
    )


@pytest.fixture
def found(fakes: FakeDoors) -> None:
    """A minute of probes, and a change of health in it."""
    asyncio.run(
        fakes.history.store(upload([(SERIES, block(codes=[OK, OK, TIMEOUT]))], turns=[turn()], first=1))
    )


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("thing", [("instance", "checkout-us-1"), ("cell", "checkout/us-east")])
def test_what_was_found_is_told_over_time(controlplane: Command, thing: tuple[str, str]):
    """The sum first, then each minute, then the changes of health with their reason; nothing is too wide."""
    ended = controlplane("history", *thing, *HOUR)

    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert f"{thing[1]}: 2026-01-12T09:00:00.000Z to 2026-01-12T10:00:00.000Z, by minute" in said
    assert "3 probes, available 66.67%: 2 ok, 1 timeout" in said
    assert "checkout-us-1 up → down, seen from us-1; api: no answer within 1 s" in said
    assert max(map(len, ended.out.splitlines())) <= COLUMNS


@pytest.mark.usefixtures("found")
def test_every_probe_can_be_told(controlplane: Command):
    """With resolution raw each probe is a row with its verdict."""
    raw = controlplane("history", "instance", "checkout-us-1", *HOUR, "--resolution", "raw")

    assert raw.code == 0
    assert raw.out.count("success (ok)") == 2
    assert raw.out.count("failure (timeout)") == 1


def test_a_group_is_told_with_what_was_not_done(controlplane: Command, fakes: FakeDoors):
    """Moves, and between them the reasons for staying."""
    fakes.journal.rows = [changed(MOVE, STAYED.name, {"active": "eu-west"})]
    fakes.evaluations.rows = [STAYED]

    said = " ".join(controlplane("history", "group", STAYED.name).out.split())

    assert f"failover/{STAYED.name} revision 7 → eu-west manual by alice: INC-1" in said
    assert f"{STAYED.code}: {STAYED.reason}" in said


def test_a_switch_is_told_alone(controlplane: Command, fakes: FakeDoors):
    """Its changes, with the value it had and where."""
    entry = {
        "state": "degraded",
        "value": 1,
        "percent": 20,
        "regions": {"eu-west": {"state": "degraded", "value": 2}},
    }
    fakes.journal.rows = [changed(FLIP, "checkout", {"depth": entry})]

    said = " ".join(controlplane("history", "switch", "checkout/depth").out.split())

    assert "→ depth degraded 1 for 20% (eu-west degraded 2) flip by alice: INC-1" in said
    assert controlplane("history", "switch", "checkout/other").out == "nothing is known of checkout/other\n"


def test_why_nothing_was_done_can_be_asked(controlplane: Command, fakes: FakeDoors):
    """The newest evaluations, of all or of one group, as text or as JSON."""
    assert controlplane("history", "evaluations").out == "no evaluations\n"
    fakes.evaluations.rows = [STAYED]

    assert f"{STAYED.outcome}" in controlplane("history", "evaluations", "--group", STAYED.name).out
    told = json.loads(controlplane("history", "evaluations", "--json").out)
    assert [one["code"] for one in told["evaluations"]] == [STAYED.code]


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "group", "checkout"),
        ("cell", "checkout"),
        ("switch", "checkout/Bad"),
        ("instance", "../status"),
        ("evaluations", "--group", "checkout", "--service", "checkout"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_in_the_command(controlplane: Command, words: tuple[str, ...]):
    """Exit code 2, and nothing is printed that could be taken for an answer."""
    ended = controlplane("history", *words)

    assert (ended.code, ended.out) == (2, "")
    assert "Error:" in ended.err
