"""HTTP and TCP checks on real sockets: what they say, what they keep, and what they take upon themselves."""

import asyncio
import gc
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from controlplane.adapters.probes.answer import APPLIED_BYTES_MAX
from controlplane.adapters.probes.http import host_header
from controlplane.adapters.probes.resolver import Ask
from controlplane.domain.fleet import Check, CheckType, Expectation, Instance
from controlplane.domain.outcome import Outcome, Reason, Verdict
from tests.fixtures import hostile_targets as hostile
from tests.fixtures.certificates import Certificates
from tests.fixtures.hostile_targets import Connection, answering, listening
from tests.fixtures.probers import http_probe, on_uvloop, tcp_probe

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
LONG_SECONDS = 30.0
HUNG_SECONDS = 60.0
NOBODY = Instance(id="nobody", region="here", address="127.0.0.1", port=1)


def check(type_: CheckType = CheckType.HTTP, *, timeout: float = LONG_SECONDS, **more: object) -> Check:
    return Check("api", type_, timeout_seconds=timeout, **more)  # type: ignore[arg-type]


@on_uvloop
async def test_what_is_asked():
    """The request is HTTP/1.1, names the host, says who asks, and wants neither compression nor company."""
    async with http_probe() as probe, listening(answering(OK + EMPTY)) as target:
        await probe(target.instance, check(path="/health?deep=1"))

    lines = target.requests.decode().split("\r\n")
    assert lines[0] == "GET /health?deep=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{target.port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert "Connection: close" in lines
    assert any(line.startswith("User-Agent: controlplane/0") for line in lines)


@on_uvloop
async def test_another_port_and_host():
    """A check may have a port of its own and name another host."""
    async with http_probe() as probe, listening(answering(OK + EMPTY)) as target:
        outcome = await probe(NOBODY, check(port=target.port, host="shop.example"))

    assert outcome.reason is Reason.OK
    assert b"Host: shop.example\r\n" in target.requests


@pytest.mark.parametrize(
    ("address", "port", "plain", "tls"),
    [
        ("10.0.0.1", 80, "10.0.0.1", "10.0.0.1:80"),
        ("10.0.0.1", 8080, "10.0.0.1:8080", "10.0.0.1:8080"),
        ("shop.example", 443, "shop.example:443", "shop.example"),
        ("2001:db8::1", 8080, "[2001:db8::1]:8080", "[2001:db8::1]:8080"),
    ],
)
def test_host_header(address: str, port: int, plain: str, tls: str):
    """The `Host` of an instance is its address, with the port where it is not the protocol's own."""
    assert (host_header(address, port, tls=False), host_header(address, port, tls=True)) == (plain, tls)


@on_uvloop
async def test_phases(certificates: Certificates):
    """Every phase that was reached has its milliseconds, and together they are not more than the total."""
    async with (
        http_probe(certificates.trust()) as probe,
        listening(hostile.healthy, tls=certificates.good.server()) as target,
    ):
        phases = (await probe(target.instance, check(tls=True))).phases
        by_name = (
            await probe(Instance("n", "here", "localhost", target.port), check(tls=True, verify=False))
        ).phases

    assert phases.resolve is None
    parts = [phases.connect, phases.tls, phases.first_byte]
    assert all(part is not None and part > 0 for part in parts)
    assert sum(part or 0.0 for part in parts) <= phases.total
    assert by_name.resolve is not None


@on_uvloop
async def test_slow_answers_are_successes_that_are_slow():
    """An answer above the latency bound is a success with the reason `slow`, over HTTP and over TCP."""
    expect = Expectation(latency_seconds=0.0)
    async with http_probe() as http, tcp_probe() as tcp, listening(hostile.healthy) as target:
        outcomes = [
            await http(target.instance, check(expect=expect)),
            await tcp(target.instance, check(CheckType.TCP, expect=expect)),
        ]
    for outcome in outcomes:
        assert (outcome.verdict, outcome.reason) == (Verdict.SUCCESS, Reason.SLOW)
        assert outcome.detail.endswith("s, at most 0 s are wanted")


@on_uvloop
async def test_expected_status_and_body():
    """Any of the listed codes will do; a body that does not match is named."""
    async with http_probe() as probe, listening(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as target:
        wanted = check(expect=Expectation(status=(200, 204)))
        assert (await probe(target.instance, wanted)).reason is Reason.OK
        other = await probe(target.instance, check(expect=Expectation(status=(200, 301))))
    assert (other.reason, other.detail, other.status) == (Reason.STATUS, "204, 200, 301 is wanted", 204)

    async with http_probe() as probe, listening(answering(OK + b"\r\nstatus: bad")) as target:
        outcome = await probe(target.instance, check(expect=Expectation(body="status: good")))
    assert (outcome.reason, outcome.detail) == (Reason.BODY, "status: good is not found in the body")


@pytest.mark.parametrize(
    ("lines", "applied"),
    [
        (b"", None),
        (b"Controlplane-Applied: failover.a=1\r\n", "failover.a=1"),
        (b"cONTROLPLANE-aPPLIED: a=1\r\nControlplane-Applied: b=2\r\n", "a=1, b=2"),
        (b"Controlplane-Applied: " + b"x" * APPLIED_BYTES_MAX + b"\r\n", "x" * APPLIED_BYTES_MAX),
        (b"Controlplane-Applied: " + b"x" * (APPLIED_BYTES_MAX + 1) + b"\r\n", None),
        (b"Controlplane-Applied: a=1\r\nControlplane-Applied: " + b"x" * 4096 + b"\r\n", "a=1"),
        (b"Controlplane-Applied: \xff\r\n", "\xff"),
    ],
)
@on_uvloop
async def test_acknowledgements_are_captured(lines: bytes, applied: str | None):
    """The acknowledgement comes along as it was received; what is larger than it may be is left out."""
    async with http_probe() as probe, listening(answering(OK + lines + EMPTY)) as target:
        assert (await probe(target.instance, check())).applied == applied


@on_uvloop
async def test_details_are_legible():
    """What a target writes into an outcome cannot move a terminal's cursor."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: /\x1b[2Jlost\x9b\r\n" + EMPTY
    async with http_probe() as probe, listening(answering(answer)) as target:
        outcome = await probe(target.instance, check())
    assert outcome.detail.isprintable()


# ── names ──


def names(*addresses: str) -> Ask:
    """Every name has these addresses; without one, the resolver never answers."""

    async def ask(_name: str) -> Sequence[str]:
        if not addresses:
            await asyncio.sleep(HUNG_SECONDS)
        return addresses

    return ask


def named(port: int) -> Instance:
    return Instance("n", "here", "shop.example", port)


@on_uvloop
async def test_a_name_with_several_addresses_is_up_if_one_is():
    """Where the first address refuses or hangs, the next one is asked, within the same timeout."""
    async with (
        http_probe(names=names("127.0.0.3", "127.0.0.2", "127.0.0.1")) as probe,
        listening(hostile.healthy) as target,
        hostile.never_accepting(host="127.0.0.2", port=target.port),
    ):
        outcome = await probe(named(target.port), check(timeout=3.0))
    assert outcome.reason is Reason.OK
    assert outcome.phases.resolve is not None


@on_uvloop
async def test_a_name_with_several_addresses_is_down_if_all_are():
    """The last address says why."""
    async with http_probe(names=names("127.0.0.2", "127.0.0.3")) as probe:
        assert (await probe(named(1), check())).reason is Reason.CONNECT_REFUSED


@on_uvloop
async def test_a_resolver_that_hangs_is_a_fault_of_ours():
    """A look-up without an answer says nothing of the target, and holds nobody beyond the timeout."""
    async with http_probe(names=names()) as probe, asyncio.timeout(HUNG_SECONDS):
        outcome = await probe(named(1), check(timeout=0.2))
    assert outcome.verdict is Verdict.FAULT_OF_OURS
    assert outcome.reason in (Reason.OUR_RESOLVER, Reason.OUR_LATENESS)


# ── kept connections ──


@on_uvloop
async def test_kept_connections_are_used_again():
    """With keep-alive, one connection carries all probes of a target; without it, each has its own."""
    async with http_probe() as probe, listening(hostile.healthy) as target:
        kept = [await probe(target.instance, check(keep_alive=True)) for _ in range(5)]
        assert {outcome.reason for outcome in kept} == {Reason.OK}
        assert [outcome.phases.connect is None for outcome in kept] == [False, True, True, True, True]
        assert target.connections == 1
        assert b"Connection: keep-alive" in target.requests

        await probe(target.instance, check())
        await probe(target.instance, check())
        assert target.connections == 3


@on_uvloop
async def test_kept_connections_spare_handshakes(certificates: Certificates):
    """With TLS, a kept connection is used again without another handshake."""
    shown = certificates.good.server()
    async with http_probe(certificates.trust()) as probe, listening(hostile.healthy, tls=shown) as target:
        kept = [await probe(target.instance, check(tls=True, keep_alive=True)) for _ in range(3)]
        assert {outcome.reason for outcome in kept} == {Reason.OK}
        assert [outcome.phases.tls is None for outcome in kept] == [False, True, True]
        assert target.connections == 1


async def one_answer_per_connection(connection: Connection) -> None:
    """Promise to keep the connection, and close it a moment after the answer."""
    await connection.request()
    await connection.send(OK + EMPTY)


async def deaf_to_the_second(connection: Connection) -> None:
    """Answer the first request, then close the connection only when the second one comes."""
    await connection.request()
    await connection.send(OK + EMPTY)
    await connection.request()


@pytest.mark.parametrize("behave", [one_answer_per_connection, deaf_to_the_second])
@on_uvloop
async def test_a_kept_connection_may_be_closed(behave: hostile.Behaviour):
    """A kept connection that the target closed is replaced by a new one, and is nobody's failure."""
    async with http_probe() as probe, listening(behave) as target:
        for _ in range(4):
            assert (await probe(target.instance, check(keep_alive=True))).reason is Reason.OK
        assert target.connections == 4


@on_uvloop
async def test_a_new_connection_is_not_tried_twice():
    """A target that closes a new connection without an answer has failed."""
    async with http_probe() as probe, listening(hostile.closes_early) as target:
        assert (await probe(target.instance, check(keep_alive=True))).reason is Reason.CLOSED
        assert target.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Connection: close\r\n" + EMPTY,
        b"HTTP/1.0 200 OK\r\n" + EMPTY,
        OK + EMPTY + OK + EMPTY,
        OK + b"Content-Length: 1\r\n\r\nxJUNK",
    ],
)
@on_uvloop
async def test_what_cannot_be_kept_is_not_kept(answer: bytes):
    """A target that will close the connection, or says more than one answer, is connected to anew."""
    async with http_probe() as probe, listening(answering(answer, then="hang")) as target:
        for _ in range(2):
            assert (await probe(target.instance, check(keep_alive=True))).reason is Reason.OK
        assert target.connections == 2


@on_uvloop
async def test_one_connection_is_kept_per_target():
    """Probes of one target at once have connections of their own, of which one is kept."""
    async with http_probe() as probe, listening(hostile.healthy) as target:
        asked = check(keep_alive=True)
        await asyncio.gather(*(probe(target.instance, asked) for _ in range(3)))
        assert target.connections == 3
        for _ in range(3):
            await probe(target.instance, asked)
        assert target.connections == 3


async def answers_unasked(connection: Connection) -> None:
    """Say something more, long after the answer."""
    await connection.request()
    await connection.send(OK + EMPTY)
    await asyncio.sleep(0.05)
    await connection.send(OK + EMPTY)
    await connection.hang()


@on_uvloop
async def test_an_idle_connection_that_talks_is_dropped():
    """Bytes that nobody asked for end a kept connection, before they can pass for an answer."""
    async with http_probe() as probe, listening(answers_unasked) as target:
        await probe(target.instance, check(keep_alive=True))
        async with asyncio.timeout(LONG_SECONDS):
            await target.left.wait()
        assert (await probe(target.instance, check(keep_alive=True))).reason is Reason.OK
        assert target.connections == 2


# ── faults of ours ──


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """No new file descriptor can be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    fillers = []
    try:
        while True:
            try:
                fillers.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@on_uvloop
async def test_no_descriptors_are_a_fault_of_ours():
    """Out of file descriptors, a probe says so and blames nobody; afterwards it works again."""
    async with http_probe() as http, tcp_probe() as tcp, listening(hostile.healthy) as target:
        with no_descriptor_left():
            outcomes = [
                await http(target.instance, check()),
                await tcp(target.instance, check(CheckType.TCP)),
            ]
        for outcome in outcomes:
            assert (outcome.verdict, outcome.reason) == (Verdict.FAULT_OF_OURS, Reason.OUR_DESCRIPTORS)
        assert (await http(target.instance, check())).reason is Reason.OK


@on_uvloop
async def test_lateness_is_a_fault_of_ours():
    """When our own loop stood still beyond the deadline, nothing is said of the target."""
    async with http_probe() as probe, listening(hostile.never_answers) as target:
        outcome = asyncio.ensure_future(probe(target.instance, check(timeout=0.2)))
        await asyncio.sleep(0.05)
        time.sleep(0.5)  # noqa: ASYNC251 - this is the stall
        found = await outcome
    assert (found.verdict, found.reason) == (Verdict.FAULT_OF_OURS, Reason.OUR_LATENESS)
    assert "our own deadline came 0." in found.detail


@on_uvloop
async def test_a_prober_that_stops_blames_nobody():
    """Probes in flight when their owner ends are ended with it, by our own will."""
    outcomes: list[Outcome] = []
    probing = http_probe()
    async with (
        listening(hostile.never_answers) as target,
        hostile.never_accepting() as deaf,
        probing as probe,
    ):
        for instance in (target.instance, deaf.instance):
            probe.start(instance, check(), outcomes.append)
        await asyncio.sleep(0.05)
        assert not outcomes
    assert [outcome.reason for outcome in outcomes] == [Reason.OUR_CANCELLATION] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


@on_uvloop
async def test_a_pattern_that_is_none_is_a_fault_of_ours():
    """A pattern that cannot be compiled says nothing of the target."""
    async with http_probe() as probe, listening(answering(OK + EMPTY)) as target:
        outcome = await probe(target.instance, check(expect=Expectation(body="(")))
    assert (outcome.verdict, outcome.reason) == (Verdict.FAULT_OF_OURS, Reason.OUR_ERROR)


@on_uvloop
async def test_nobody_listens():
    """A refused connection is the target's failure, over HTTP and over TCP."""
    async with http_probe() as http, tcp_probe() as tcp:
        for outcome in (await http(NOBODY, check()), await tcp(NOBODY, check(CheckType.TCP))):
            assert (outcome.verdict, outcome.reason) == (Verdict.FAILURE, Reason.CONNECT_REFUSED)
            assert outcome.detail == "Connection refused"


@on_uvloop
async def test_probes_leave_no_garbage():
    """A probe is gone when it has ended, without the garbage collector's help."""
    async with http_probe() as probe, listening(hostile.healthy) as target:
        for keep_alive in (False, True):
            await probe(target.instance, check(keep_alive=keep_alive))
        gc.collect()
        gc.disable()
        try:
            for keep_alive in (False, True) * 10:
                await probe(target.instance, check(keep_alive=keep_alive))
            names = [type(item).__name__ for item in gc.get_objects()]
        finally:
            gc.enable()
    assert names.count("HttpAttempt") == 0
    assert names.count("Answer") == 0
