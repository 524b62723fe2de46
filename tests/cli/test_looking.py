"""What the command line shows: status, groups, history, definitions."""

import json

import pytest

from controlplane.application.ports import DatabaseUnavailable
from tests.cli.conftest import Command
from tests.fakes.doors import NOTHING, FakeDoors
from tests.web.pictures import DEGRADED, FROZEN, hostile

COLUMNS = 80


def test_status_tells_the_whole_in_a_screen(controlplane: Command):
    """Leader, dependencies, instances and each group with its regions, as of a moment."""
    ended = controlplane("status")

    assert ended.code == 0
    assert (
        ended.out
        == """\
as of 2026-01-12T09:31:14.207Z
cp-eu-1 leads in term 3; Consul answered 0.3 s ago; PostgreSQL answers
instances: 45 up

checkout: steady in us-east (automatic, revision 16)
  us-east up from 3 of 3 vantages
  applied 30 of 30 (100.0 %)
    region    verdict  standing  instances up
 *  us-east   up       active    checkout 5/5, payments 5/5
    eu-west   up       ready     checkout 5/5, payments 5/5
    ap-south  up       ready     checkout 5/5, payments 5/5
  if us-east were lost now: moves to eu-west in about 8 s

catalog: steady in eu-west (automatic, revision 16)
  eu-west up from 3 of 3 vantages
  applied 15 of 15 (100.0 %)
    region    verdict  standing  instances up
    us-east   up       ready     catalog 5/5
 *  eu-west   up       active    catalog 5/5
    ap-south  up       ready     catalog 5/5
  if eu-west were lost now: moves to us-east in about 8 s
"""
    )


@pytest.mark.parametrize("picture", [DEGRADED, FROZEN, NOTHING], ids=["degraded", "frozen", "empty"])
def test_every_line_fits_eighty_columns(controlplane: Command, fakes: FakeDoors, picture):
    """Whatever is wrong can be read on the narrowest terminal."""
    fakes.queries.picture = picture

    ended = controlplane("status")

    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= COLUMNS


def test_what_is_wrong_comes_before_the_groups(controlplane: Command, fakes: FakeDoors):
    """Alarms, unknown outcomes, restraints and abstentions are told first, in capitals."""
    fakes.queries.picture = DEGRADED

    out = controlplane("status").out

    places = [
        out.index(word)
        for word in (
            "DOES NOT ANSWER",
            "ALARM:",
            "UNSETTLED:",
            "RESTRAINED:",
            "ABSTAINS:",
            "checkout: cooldown",
        )
    ]
    assert places == sorted(places)


def test_nobodys_data_moves_the_cursor(controlplane: Command, fakes: FakeDoors):
    """Escape sequences in names and reasons are spelled out."""
    fakes.queries.picture = hostile("\x1b[2Jred\x07")

    out = controlplane("status").out

    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\u001b[2Jred\\u0007" in out


def test_json_is_the_answer_of_the_api(controlplane: Command):
    """What a program reads is the interface, unchanged."""
    picture = json.loads(controlplane("status", "--json").out)

    assert picture["groups"][0]["regions"][0]["cells"] == {"checkout": {"up": 5}, "payments": {"up": 5}}


def test_one_group_or_all_of_them(controlplane: Command):
    """`failover status` takes a name or none."""
    assert controlplane("failover", "status").out.count("steady in") == 2
    assert controlplane("failover", "status", "catalog").out.startswith("catalog: steady in eu-west")
    assert "applied 15 of 15 (100.0 %)" in controlplane("failover", "status", "catalog").out
    assert json.loads(controlplane("failover", "status", "catalog", "--json").out)["name"] == "catalog"
    assert len(json.loads(controlplane("failover", "status", "--json").out)["groups"]) == 2


def test_an_unknown_group_is_refused_with_the_known_ones(controlplane: Command):
    """The sentence says what is allowed, the exit code says refused."""
    ended = controlplane("failover", "status", "chekout")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "There is no group chekout; groups: checkout, catalog.\n"


def test_history_is_told_by_who_what_and_why(controlplane: Command):
    """Newest first, two lines per change."""
    assert (
        controlplane("history").out
        == """\
2026-01-12T09:31:07.412Z  failover/checkout revision 7 → eu-west
  automatic by controlplane: us-east down from 3 of 3 vantages for 5.2 s
2026-01-12T09:31:06.412Z  failover/catalog revision 6 → eu-west
  manual by alice: INC-4821 drain us-east before the schema migration
2026-01-12T09:31:05.412Z  failover/checkout revision 5 → us-east
  apply by ci: first document
"""
    )


def test_history_comes_in_pages(controlplane: Command):
    """A page ends with the option that shows the next one."""
    first = controlplane("history", "--limit", "2")
    assert first.out.endswith("older: --cursor 6\n")

    second = controlplane("history", "--limit", "2", "--cursor", "6")
    assert second.out.startswith("2026-01-12T09:31:05.412Z")
    assert "older" not in second.out


def test_history_is_narrowed_by_kind_and_name(controlplane: Command):
    """Only one document's changes are shown."""
    assert controlplane("history", "--kind", "failover", "--name", "catalog").out.count("revision") == 1
    assert controlplane("history", "--kind", "switches").out == "no changes\n"


def test_an_answer_that_waits_for_the_database_fails(controlplane: Command, fakes: FakeDoors):
    """While PostgreSQL is away history is one sentence and exit code 1."""
    fakes.queries.failure = DatabaseUnavailable("connection refused")

    ended = controlplane("history", "--json")

    assert ended.code == 1
    assert json.loads(ended.out)["code"] == "database_unavailable"
    assert "history and definitions wait for it" in " ".join(ended.err.split())


def test_the_doctor_asks_four_questions(controlplane: Command, fakes: FakeDoors):
    """Address, clock, token and readiness, each with its answer."""
    ended = controlplane("doctor")

    assert [line.split()[:2] for line in ended.out.splitlines()[1:]] == [
        ["ok", "address"],
        ["ok", "clock"],
        ["ok", "token"],
        ["ok", "ready"],
    ]
    assert ended.code == 0


def test_the_doctor_fails_with_what_fails(
    controlplane: Command, fakes: FakeDoors, monkeypatch: pytest.MonkeyPatch
):
    """A token that is not known and a control plane that is not ready are each one line and exit code 1."""
    monkeypatch.setenv("CONTROLPLANE_TOKEN", "nobody-token")
    fakes.queries.ready = type(fakes.queries.ready)(ready=False, checks={"consul": "never answered"})

    ended = controlplane("doctor", "--json")

    assert ended.code == 1
    assert {item["question"]: item["ok"] for item in json.loads(ended.out)} == {
        "address": True,
        "clock": True,
        "token": False,
        "ready": False,
    }


def test_the_doctor_finds_nobody_at_home(command: Command, monkeypatch: pytest.MonkeyPatch):
    """Where nothing listens the first answer is the last."""
    monkeypatch.setenv("CONTROLPLANE_URL", "http://127.0.0.1:1")

    ended = command("doctor", "--json")

    (finding,) = json.loads(ended.out)
    assert (ended.code, finding["question"], finding["ok"]) == (1, "address", False)
