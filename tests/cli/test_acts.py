"""What the command line does: once, with a reason, and exact about what became of it."""

import json
from datetime import timedelta

import httpx
import pytest

from controlplane.application.doors import NotLeading
from controlplane.application.results import MoveRequest, PauseRequest, Refused, ResumeRequest, Unknown
from controlplane.application.views import GateView, PlanView
from tests.cli.conftest import Command, served_in_thread
from tests.fakes.clock import EPOCH
from tests.fakes.doors import FakeDoors

MOVE = ("failover", "move", "checkout", "--to", "eu-west", "--reason", "INC-1 us-east is slow")
PLAN = ("failover", "plan", "checkout", "--to", "eu-west")
PLANNED = PlanView(
    group="checkout",
    source="us-east",
    target="eu-west",
    revision=16,
    gates=(GateView("target-healthy", ok=True, text="5 of 5 instances are up, 3 are needed"),),
    warnings=("the automation is paused: until 10:00 by alice",),
    refusals=(),
    plan_hash="9f2c",
)


def test_a_move_is_done_and_said(controlplane: Command, fakes: FakeDoors):
    """Done is one sentence and exit code 0; the request carried everything that was typed."""
    ended = controlplane(*MOVE, "--revision", "16", "--override", "target-healthy", "--override", "capacity")

    assert (ended.code, ended.out, ended.err) == (0, "done: checkout is active in eu-west\n", "")
    (request,) = fakes.operations.asked
    assert isinstance(request, MoveRequest)
    assert (request.group, request.target, request.expected_revision) == ("checkout", "eu-west", 16)
    assert request.overrides == ("target-healthy", "capacity")
    assert (request.act.by, request.act.reason) == ("a-admin", "INC-1 us-east is slow")


def test_each_act_has_a_key_of_its_own_unless_one_is_given(controlplane: Command, fakes: FakeDoors):
    """Two commands are two acts; two commands with one key are one."""
    controlplane(*MOVE)
    controlplane(*MOVE)
    controlplane(*MOVE, "--idempotency-key", "deploy-77")

    first, second, third = (request.act.idempotency_key for request in fakes.operations.asked)
    assert first
    assert second
    assert first != second
    assert third == "deploy-77"


def test_a_refusal_is_said_on_standard_error(controlplane: Command, fakes: FakeDoors):
    """Refused is exit code 1, the reason for people, the code for programs."""
    fakes.operations.result = Refused("gate_failed", "eu-west has 2 of 5 instances up, 3 are needed")

    spoken, written = controlplane(*MOVE), controlplane(*MOVE, "--json")

    assert (spoken.code, spoken.out) == (1, "")
    assert spoken.err == "eu-west has 2 of 5 instances up, 3 are needed\n"
    answer = json.loads(written.out)
    assert (answer["outcome"], answer["code"]) == ("refused", "gate_failed")


def test_an_unknown_outcome_is_never_called_done_or_refused(controlplane: Command, fakes: FakeDoors):
    """Unknown is exit code 1, and says how to find out or to repeat it harmlessly."""
    fakes.operations.result = Unknown(change_id="c1", text="no answer from Consul")

    spoken = controlplane(*MOVE, "--idempotency-key", "deploy-77")
    written = controlplane(*MOVE, "--json")

    assert spoken.code == 1
    said = " ".join(spoken.err.split())
    assert said.startswith("unknown, it may still take effect: no answer from Consul")
    assert "--idempotency-key deploy-77" in said
    answer = json.loads(written.out)
    assert (answer["outcome"], answer["change_id"]) == ("unknown", "c1")
    assert answer["idempotency_key"] == fakes.operations.asked[-1].act.idempotency_key


async def _breaks_off(scope, receive, send):
    """Takes a request and ends the connection within the answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionAbortedError


async def _fails(scope, receive, send):
    """What a proxy says when the server behind it is gone."""
    await send({"type": "http.response.start", "status": 502, "headers": []})
    await send({"type": "http.response.body", "body": b"bad gateway"})


@pytest.mark.parametrize("server", [_breaks_off, _fails])
def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    command: Command, monkeypatch: pytest.MonkeyPatch, server
):
    """A broken connection and a proxy's error say nothing about what the control plane did."""
    with served_in_thread(server) as url:
        monkeypatch.setenv("CONTROLPLANE_URL", url)
        ended = command(*MOVE, "--json")

    assert (ended.code, json.loads(ended.out)["outcome"]) == (1, "unknown")


def test_a_server_that_is_not_there_got_nothing(command: Command, monkeypatch: pytest.MonkeyPatch):
    """A refused connection is a failure, not an unknown outcome."""
    monkeypatch.setenv("CONTROLPLANE_URL", "http://127.0.0.1:1")

    ended = command(*MOVE, "--json")

    answer = json.loads(ended.out)
    assert (ended.code, answer["outcome"], answer["code"]) == (1, "failed", "unreachable")
    assert "nothing was done" in answer["text"]


@pytest.mark.parametrize(
    ("failure", "code"), [(NotLeading(None), "leader_unreachable")], ids=["nobody leads"]
)
def test_a_certain_refusal_with_a_server_error_is_a_refusal(
    controlplane: Command, fakes: FakeDoors, failure: Exception, code: str
):
    """Codes that promise that nothing has changed are believed."""
    fakes.operations.failure = failure

    answer = json.loads(controlplane(*MOVE, "--json").out)

    assert (answer["outcome"], answer["code"]) == ("refused", code)


def test_a_plan_shows_gates_and_ends_with_whether_it_would_be_done(controlplane: Command, fakes: FakeDoors):
    """Exit code 0 where the move would be done, 1 where a gate fails or it is refused."""
    fakes.operations.plans = {"checkout": PLANNED}
    good = controlplane(*PLAN)
    failing = GateView("target-healthy", ok=False, text="2 of 5 instances are up, 3 are needed")
    fakes.operations.plans = {
        "checkout": PlanView("checkout", "us-east", "eu-west", 16, (failing,), (), (), "h")
    }
    bad = controlplane(*PLAN)

    assert good.code == 0
    assert (
        good.out
        == """\
checkout: us-east → eu-west, revision 16
  gate target-healthy passes: 5 of 5 instances are up, 3 are needed
  warning: the automation is paused: until 10:00 by alice
"""
    )
    assert bad.code == 1
    assert "gate target-healthy FAILS: 2 of 5 instances are up" in bad.out


def test_pause_and_resume_name_a_group_or_the_fleet(controlplane: Command, fakes: FakeDoors):
    """Scope, name, end and reason arrive as they were typed."""
    assert controlplane("failover", "pause", "checkout", "--for", "2h", "--reason", "INC-1").code == 0
    assert controlplane("failover", "pause", "--fleet", "--for", "30m", "--reason", "INC-1").code == 0
    assert controlplane("failover", "resume", "checkout", "--reason", "done").code == 0

    group, fleet, resumed = fakes.operations.asked
    assert isinstance(group, PauseRequest)
    assert isinstance(resumed, ResumeRequest)
    assert (group.scope, group.name) == ("group", "checkout")
    assert (fleet.scope, fleet.name) == ("fleet", None)  # type: ignore[union-attr]
    assert (resumed.scope, resumed.name, resumed.act.reason) == ("group", "checkout", "done")


def test_maintenance_is_of_a_region(controlplane: Command, fakes: FakeDoors):
    """Start and end name the region; the end may be a moment."""
    until = (EPOCH + timedelta(days=20)).isoformat()
    started = controlplane("maintenance", "start", "ap-south", "--until", until, "--reason", "kernel")
    ended = controlplane("maintenance", "end", "ap-south", "--reason", "kernel done")

    assert (started.code, ended.code) == (0, 0), started.err
    first, second = fakes.operations.asked
    assert isinstance(first, PauseRequest)
    assert (first.scope, first.name, first.until) == ("region", "ap-south", EPOCH + timedelta(days=20))
    assert (second.scope, second.name) == ("region", "ap-south")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "words",
    [
        ("failover", "move", "checkout", "--to", "eu-west"),
        ("failover", "move", "checkout", "--reason", "INC-1"),
        ("failover", "pause", "--for", "2h", "--reason", "INC-1"),
        ("failover", "pause", "checkout", "--fleet", "--for", "2h", "--reason", "INC-1"),
        ("failover", "jump"),
        ("failover", "plan", "../status", "--to", "eu-west"),
        ("maintenance", "end", "ap/south", "--reason", "INC-1"),
        ("history", "--limit", "0"),
        ("statsu",),
    ],
    ids=" ".join,
)
def test_a_mistake_in_the_command_is_exit_code_2(
    controlplane: Command, fakes: FakeDoors, words: tuple[str, ...]
):
    """What cannot be meant is not sent."""
    ended = controlplane(*words)

    assert (ended.code, ended.out) == (2, "")
    assert "Error:" in ended.err
    assert fakes.operations.asked == []


def test_a_mistake_in_the_content_is_refused_by_the_api(controlplane: Command, fakes: FakeDoors):
    """What the API does not admit is exit code 1 with its sentence."""
    ended = controlplane("failover", "pause", "checkout", "--for", "soon", "--reason", "INC-1")

    assert ended.code == 1
    assert 'body.for: "soon" is not a duration; allowed: 1s to 720h' in " ".join(ended.err.split())
    assert fakes.operations.asked == []


def test_a_token_of_too_low_a_role_is_told(
    controlplane: Command, fakes: FakeDoors, monkeypatch: pytest.MonkeyPatch
):
    """The sentence names the role that is needed and the one that is there."""
    monkeypatch.setenv("CONTROLPLANE_TOKEN", "viewer-token")

    ended = controlplane(*MOVE)

    assert (ended.code, ended.err) == (1, "This needs the role operator; a-viewer is viewer.\n")


def test_the_proxy_of_the_environment_is_not_asked(controlplane: Command, monkeypatch: pytest.MonkeyPatch):
    """Our token goes to the control plane and to nobody else."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert httpx.Client()._mounts  # the library would go there

    assert controlplane("status").code == 0
