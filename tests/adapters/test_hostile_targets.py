"""Targets that do everything wrong: a probe ends in time, takes a bounded amount, names what it met."""

import asyncio

import pytest

from controlplane.adapters.probes.answer import BODY_BYTES_MAX, HEADER_BYTES_MAX
from controlplane.adapters.probes.http import HttpProbe
from controlplane.domain.fleet import Check, CheckType, Expectation
from controlplane.domain.outcome import Outcome, Reason, Verdict
from tests.fixtures import hostile_targets as hostile
from tests.fixtures.certificates import Certificates
from tests.fixtures.hostile_targets import Behaviour, answering, endless, listening
from tests.fixtures.probers import http_probe, on_uvloop

TIMEOUT_SECONDS = 30.0
"""Of probes that end by themselves: a loaded machine is slow, not hostile."""
SHORT_TIMEOUT_SECONDS = 0.5
"""Of probes that only their deadline ends."""
HUNG_SECONDS = 60.0
KERNEL_BUFFER_BYTES_MAX = 16 * 1024 * 1024
"""What a target may get rid of without anybody reading it."""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def check(*, body: str | None = None, timeout: float = TIMEOUT_SECONDS, **more: object) -> Check:
    expect = Expectation(body=body)
    return Check("api", CheckType.HTTP, timeout_seconds=timeout, expect=expect, **more)  # type: ignore[arg-type]


async def met(probe: HttpProbe, target: hostile.Target, asked: Check) -> Outcome:
    """What a probe found, tried again where this machine was too loaded to say."""
    async with asyncio.timeout(HUNG_SECONDS):
        while (outcome := await probe(target.instance, asked)).reason is Reason.OUR_LATENESS:
            pass
        return outcome


@pytest.mark.parametrize(
    ("behave", "reason", "detail"),
    [
        pytest.param(
            endless(OK, b"a: b\r\n" * 100), Reason.HEADER_TOO_LARGE, "header lines", id="endless header"
        ),
        pytest.param(endless(OK + b"a: "), Reason.HEADER_TOO_LARGE, "32768 bytes", id="endless header line"),
        pytest.param(
            endless(b"HTTP/1.1 200 "), Reason.HEADER_TOO_LARGE, "32768 bytes", id="endless status line"
        ),
        pytest.param(
            endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
            Reason.HEADER_TOO_LARGE,
            "32768 bytes",
            id="endless interim answers",
        ),
        pytest.param(endless(OK + b"\r\n"), Reason.BODY_TOO_LARGE, "1048576 bytes", id="endless body"),
        pytest.param(
            endless(CHUNKED, b"10000\r\n" + hostile.PIECE + b"\r\n"),
            Reason.BODY_TOO_LARGE,
            "1048576 bytes",
            id="endless chunks",
        ),
        pytest.param(
            endless(CHUNKED + b"1;"), Reason.BODY_TOO_LARGE, "1048576 bytes", id="endless chunk header"
        ),
        pytest.param(
            endless(CHUNKED + b"0\r\n", b"a: b\r\n" * 100),
            Reason.HEADER_TOO_LARGE,
            "lines",
            id="endless trailer",
        ),
        pytest.param(
            answering(b"\x00\xff\x16\x03garbage\r\n\r\n"), Reason.NOT_HTTP, "not HTTP", id="garbage"
        ),
        pytest.param(hostile.talks_first, Reason.NOT_HTTP, "not HTTP", id="talks first"),
        pytest.param(
            answering(CHUNKED + b"nonsense\r\n", then="hang"),
            Reason.NOT_HTTP,
            "chunk size",
            id="chunk nonsense",
        ),
        pytest.param(
            answering(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", then="hang"),
            Reason.NOT_HTTP,
            "Content-Length",
            id="two lengths",
        ),
        pytest.param(
            answering(OK + b"Content-Length: -1\r\n\r\n", then="hang"),
            Reason.NOT_HTTP,
            "Length",
            id="negative length",
        ),
        pytest.param(hostile.closes_early, Reason.CLOSED, "", id="closes early"),
        pytest.param(
            answering(b""), Reason.CLOSED, "closed without an answer", id="closes without an answer"
        ),
        pytest.param(
            answering(OK + b"Ser"), Reason.CLOSED, "closed within the header", id="closes in the header"
        ),
        pytest.param(
            answering(OK + b"Content-Length: 9\r\n\r\nabc"),
            Reason.CLOSED,
            "closed within the body",
            id="closes in the body",
        ),
        pytest.param(hostile.resets_at_once, Reason.CLOSED, "reset", id="resets at once"),
        pytest.param(
            answering(OK + b"\r\nabc", then="reset"), Reason.CLOSED, "reset", id="resets in the body"
        ),
        pytest.param(hostile.redirect_loop, Reason.REDIRECT, "302 to http://127.0.0.1:", id="redirect loop"),
        pytest.param(
            answering(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi",
                then="hang",
            ),
            Reason.STATUS,
            "101, 200 is wanted",
            id="another protocol",
        ),
        pytest.param(
            answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
            Reason.STATUS,
            "503, 200 is wanted",
            id="unavailable",
        ),
    ],
)
@on_uvloop
async def test_hostile_target(behave: Behaviour, reason: Reason, detail: str):
    """A target that misbehaves is met once, within the bounds, and its outcome says how it misbehaves."""
    async with http_probe() as probe, listening(behave) as target:
        outcome = await met(probe, target, check())

    assert (outcome.verdict, outcome.reason) == (Verdict.FAILURE, reason)
    assert detail in outcome.detail
    assert len(outcome.detail) <= 200
    assert target.connections == 1
    assert target.sent_bytes <= HEADER_BYTES_MAX + BODY_BYTES_MAX + KERNEL_BUFFER_BYTES_MAX


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", "hello", id="HTTP/1.0 without length"),
        pytest.param(OK + b"\r\nhello", "hello", id="HTTP/1.1 without length"),
        pytest.param(CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "^hello$", id="chunks"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"\r\nhello", "hello", id="early hints"
        ),
        pytest.param(OK + "Content-Length: 6\r\n\r\n健康".encode(), "健康", id="Unicode"),
        pytest.param(OK + b"Content-Length: 5\r\n\r\n\xff\xfeok!", "ok!", id="not Unicode"),
        pytest.param(OK + b"Content-Length: 5\r\n\r\nhelloJUNK", "hello", id="more than it said"),
    ],
)
@on_uvloop
async def test_unusual_answers_are_understood(answer: bytes, body: str):
    """What HTTP allows is a success, however few do it."""
    async with http_probe() as probe, listening(answering(answer)) as target:
        outcome = await met(probe, target, check(body=body))

    assert (outcome.reason, outcome.detail, outcome.status) == (Reason.OK, "", 200)


@on_uvloop
async def test_a_gzip_bomb_is_only_bytes():
    """A body is compressed against our wish and never inflated: it is searched as it came."""
    async with http_probe() as probe, listening(hostile.gzip_bomb()) as target:
        outcome = await met(probe, target, check(body="^\x1f"))

    assert outcome.reason is Reason.OK
    assert b"accept-encoding: identity" in target.requests.lower()
    assert target.sent_bytes < hostile.BOMB_BYTES / 100


@pytest.mark.parametrize("pattern", ["(a+)+$X", "a.*b", "(a|a)*b", "(.*)*x"])
@on_uvloop
async def test_a_catastrophic_pattern_is_stopped(pattern: str):
    """A search that would take seconds or centuries ends soon, as a pattern that was not found."""
    async with http_probe() as probe, listening(answering(OK + b"\r\n" + b"a" * 65536)) as target:
        asked = check(body=pattern)
        outcome = await met(probe, target, asked)

    assert outcome.reason is Reason.BODY
    assert outcome.detail == f"{pattern} is not found within 50 ms"


@on_uvloop
async def test_a_pattern_sees_64_kib():
    """What comes after the first 64 KiB of a body is not searched."""
    async with http_probe() as probe, listening(answering(OK + b"\r\n" + b"-" * 65534 + b"yes")) as target:
        assert (await met(probe, target, check(body="-y$"))).reason is Reason.BODY
        assert (await met(probe, target, check(body="-ye$"))).reason is Reason.OK


@pytest.mark.parametrize(
    ("shown", "host", "expected"),
    [
        ("good", None, (Reason.OK, "")),
        ("good", "good.example", (Reason.OK, "")),
        ("good", "bad.example", (Reason.TLS_WRONG_HOST, "not valid for 'bad.example'")),
        ("other_host", None, (Reason.TLS_WRONG_HOST, "not valid for '127.0.0.1'")),
        ("expired", None, (Reason.TLS_EXPIRED, "expired")),
    ],
)
@on_uvloop
async def test_certificates(
    certificates: Certificates, shown: str, host: str | None, expected: tuple[Reason, str]
):
    """A certificate must be valid now and for the host; `verify: false` takes any."""
    tls = getattr(certificates, shown).server()
    async with http_probe(certificates.trust()) as probe, listening(hostile.healthy, tls=tls) as target:
        outcome = await met(probe, target, check(tls=True, host=host))
        reason, detail = expected
        assert outcome.reason is reason
        assert detail in outcome.detail

        unverified = await met(probe, target, check(tls=True, host=host, verify=False))
        assert unverified.reason is Reason.OK
        assert unverified.phases.tls is not None


@on_uvloop
async def test_an_unknown_authority_is_refused(certificates: Certificates):
    """A certificate that nobody vouches for ends the handshake, and the outcome says which."""
    shown = certificates.good.server()
    async with http_probe() as probe, listening(hostile.healthy, tls=shown) as target:
        outcome = await met(probe, target, check(tls=True))
    assert outcome.reason is Reason.TLS_HANDSHAKE
    assert "self-signed" in outcome.detail


@pytest.mark.parametrize(
    ("behave", "detail"),
    [
        pytest.param(hostile.talks_first, "wrong version number", id="not TLS"),
        pytest.param(hostile.closes_early, "closed during the handshake", id="closes"),
        pytest.param(hostile.resets_at_once, "closed during the handshake", id="resets"),
    ],
)
@on_uvloop
async def test_broken_handshakes(behave: Behaviour, detail: str):
    """A handshake that does not come to an end is named as such."""
    async with http_probe() as probe, listening(behave) as target:
        outcome = await met(probe, target, check(tls=True))
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILURE, Reason.TLS_HANDSHAKE)
    assert detail in outcome.detail


@pytest.mark.parametrize(
    ("behave", "asked", "shown", "expected"),
    [
        pytest.param(
            hostile.never_answers,
            "plain",
            "plain",
            (Reason.TIMEOUT, "no complete answer"),
            id="never answers",
        ),
        pytest.param(
            hostile.a_byte_a_second,
            False,
            False,
            (Reason.TIMEOUT, "no complete answer"),
            id="a byte a second",
        ),
        pytest.param(
            hostile.never_answers, "tls", "plain", (Reason.TLS_HANDSHAKE, "no handshake"), id="slow handshake"
        ),
        pytest.param(
            hostile.never_answers,
            "tls",
            "tls",
            (Reason.TIMEOUT, "no complete answer"),
            id="never answers, TLS",
        ),
    ],
)
@on_uvloop
async def test_hanging_targets(
    certificates: Certificates, behave: Behaviour, asked: str, shown: str, expected: tuple[Reason, str]
):
    """A target that hangs is given the timeout of its check, and the outcome says in what it hung."""
    reason, detail = expected
    context = certificates.good.server() if shown == "tls" else None
    async with http_probe(certificates.trust()) as probe, listening(behave, tls=context) as target:
        outcome = await met(probe, target, check(tls=asked == "tls", timeout=SHORT_TIMEOUT_SECONDS))
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILURE, reason)
    assert outcome.detail == f"{detail} within 0.5 s"


@on_uvloop
async def test_closing_behind_tls(certificates: Certificates):
    """Once the handshake is done, a target is judged as one without TLS."""
    shown = certificates.good.server()
    async with (
        http_probe(certificates.trust()) as probe,
        listening(hostile.closes_early, tls=shown) as target,
    ):
        assert (await met(probe, target, check(tls=True))).reason is Reason.CLOSED


@on_uvloop
async def test_many_hanging_targets_at_once():
    """A hundred hanging probes end together, and leave nothing behind."""
    asked = check(timeout=SHORT_TIMEOUT_SECONDS)
    async with http_probe() as probe, listening(hostile.never_answers) as target:
        async with asyncio.timeout(HUNG_SECONDS):
            outcomes = await asyncio.gather(*(probe(target.instance, asked) for _ in range(100)))
    assert {outcome.reason for outcome in outcomes} <= {Reason.TIMEOUT, Reason.OUR_LATENESS}
    assert asyncio.all_tasks() == {asyncio.current_task()}
