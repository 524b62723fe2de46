"""The parts of probes that need no socket: whose fault it is, names, kept connections, searching."""

import asyncio
import errno
import signal
import socket
import ssl
from collections.abc import Sequence

import pytest

from controlplane.adapters.probes.body_pattern import SearchTooLong, found
from controlplane.adapters.probes.faults import (
    DETAIL_CHARACTERS_MAX,
    ProbeFailed,
    detail_of,
    legible,
    reason_of,
    verdict_of,
)
from controlplane.adapters.probes.kept import IDLE_SECONDS_MAX, KeptConnections, Target
from controlplane.adapters.probes.resolver import (
    ADDRESSES_MAX,
    LOOKUPS_IN_FLIGHT_MAX,
    NAMES_KEPT_MAX,
    RESOLVED_SECONDS_MAX,
    Resolver,
    is_numeric,
)
from controlplane.domain.outcome import Reason, Verdict
from tests.fakes.clock import FakeClock

# ── whose fault it is ──


@pytest.mark.parametrize(
    ("error", "reason", "verdict"),
    [
        (OSError(errno.ECONNREFUSED, "refused"), Reason.CONNECT_REFUSED, Verdict.FAILURE),
        (OSError(errno.ETIMEDOUT, "timed out"), Reason.CONNECT_TIMEOUT, Verdict.FAILURE),
        (OSError(errno.EHOSTUNREACH, "no route to host"), Reason.UNREACHABLE, Verdict.FAILURE),
        (OSError(errno.ECONNRESET, "reset"), Reason.CLOSED, Verdict.FAILURE),
        (OSError(errno.EPIPE, "broken pipe"), Reason.CLOSED, Verdict.FAILURE),
        (ConnectionResetError(), Reason.CLOSED, Verdict.FAILURE),
        (ssl.SSLError(1, "bad record mac"), Reason.TLS_HANDSHAKE, Verdict.FAILURE),
        (OSError(errno.EMFILE, "too many"), Reason.OUR_DESCRIPTORS, Verdict.FAULT_OF_OURS),
        (OSError(errno.ENFILE, "too many"), Reason.OUR_DESCRIPTORS, Verdict.FAULT_OF_OURS),
        (OSError(errno.ENETUNREACH, "unreachable"), Reason.OUR_NETWORK, Verdict.FAULT_OF_OURS),
        (OSError(errno.ENETDOWN, "down"), Reason.OUR_NETWORK, Verdict.FAULT_OF_OURS),
        (OSError(errno.EADDRNOTAVAIL, "no port left"), Reason.OUR_NETWORK, Verdict.FAULT_OF_OURS),
        (OSError(errno.EPERM, "firewall"), Reason.OUR_NETWORK, Verdict.FAULT_OF_OURS),
        (OSError(errno.EINVAL, "invalid"), Reason.OUR_ERROR, Verdict.FAULT_OF_OURS),
        (OSError("without a number"), Reason.OUR_ERROR, Verdict.FAULT_OF_OURS),
        (ZeroDivisionError(), Reason.OUR_ERROR, Verdict.FAULT_OF_OURS),
        (ProbeFailed(Reason.NOT_HTTP, "garbage"), Reason.NOT_HTTP, Verdict.FAILURE),
    ],
)
def test_every_error_has_one_owner(error: BaseException, reason: Reason, verdict: Verdict):
    """What stopped a probe is the target's or ours, and what nobody thought of is ours."""
    assert reason_of(error) is reason
    assert verdict_of(reason) is verdict
    assert detail_of(error)


def test_every_reason_has_a_verdict():
    """`ok` and `slow` speak for a target, reasons of ours for nobody, all others against it."""
    verdicts = {reason: verdict_of(reason) for reason in Reason}
    assert {reason for reason, found in verdicts.items() if found is Verdict.SUCCESS} == {
        Reason.OK,
        Reason.SLOW,
    }
    ours = {reason for reason, found in verdicts.items() if found is Verdict.FAULT_OF_OURS}
    assert ours == {reason for reason in Reason if reason.name.startswith("OUR_")}


@pytest.mark.parametrize("text", ["", "fine", "x" * 1000, "\x1b[31mred\n", "\u202egnirts", "健康"])
def test_details_are_short_and_legible(text: str):
    """A detail is at most 200 printable characters, whatever was in it."""
    assert len(legible(text)) == min(len(text), DETAIL_CHARACTERS_MAX)
    assert legible(text).isprintable()


# ── names ──


class Names:
    """A resolver of the system that a test controls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Sequence[str] | Exception = ("10.0.0.1",)
        self.seconds = 0.0

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        await asyncio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("address", "numeric"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("2001:db8::1", True),
        ("localhost", False),
        ("1.2.3", False),
        ("\0", False),
    ],
)
def test_numeric_addresses(address: str, numeric: bool):  # noqa: FBT001 - a column of the table
    """Only whole IPv4 and IPv6 addresses need no look-up."""
    assert is_numeric(address) is numeric


@pytest.mark.looptime
async def test_a_name_is_asked_for_once_at_a_time_and_again_after_a_while():
    """Probes of one name share a look-up, its answer serves for five seconds, and then it is asked again."""
    names = Names()
    names.seconds = 1.0
    resolver = Resolver(clock=FakeClock(), ask=names)
    assert await asyncio.gather(*(resolver.look_up("shop.example") for _ in range(5))) == [("10.0.0.1",)] * 5
    assert names.asked == ["shop.example"]

    names.answer = [f"10.0.0.{number}" for number in (2, 2, 3, 4, 5, 6)]
    await asyncio.sleep(RESOLVED_SECONDS_MAX)
    assert await resolver.look_up("shop.example") == ("10.0.0.1",)
    await asyncio.sleep(0.1)
    assert await resolver.look_up("shop.example") == ("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5")
    assert ADDRESSES_MAX == 4


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_NODATA, "No address"), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), Reason.OUR_RESOLVER),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), Reason.OUR_RESOLVER),
        (UnicodeError("label too long"), Reason.NAME_UNKNOWN),
    ],
)
@pytest.mark.looptime
async def test_who_is_to_blame_for_a_name(error: Exception, reason: Reason):
    """A name that is known to be unknown is the target's failure; a resolver that does not work is ours."""
    names = Names()
    names.answer = error
    resolver = Resolver(clock=FakeClock(), ask=names)
    for _ in range(2):  # a failure is not kept
        with pytest.raises(ProbeFailed) as caught:
            await resolver.look_up("shop.example")
        assert caught.value.reason is reason
        assert caught.value.detail.startswith("shop.example")
    assert len(names.asked) == 2


@pytest.mark.looptime
async def test_look_ups_are_bounded():
    """Beyond the look-ups that may be under way, one more is a fault of ours at once; they end with us."""
    names = Names()
    names.seconds = 1000.0
    resolver = Resolver(clock=FakeClock(), ask=names)
    waiting = [
        asyncio.ensure_future(resolver.look_up(f"h{number}")) for number in range(LOOKUPS_IN_FLIGHT_MAX)
    ]
    await asyncio.sleep(0)
    with pytest.raises(ProbeFailed) as caught:
        await resolver.look_up("one-more")
    assert caught.value.reason is Reason.OUR_RESOLVER

    waiting[0].cancel()  # who gives up leaves the look-up to others
    await asyncio.sleep(0)
    assert len(names.asked) == LOOKUPS_IN_FLIGHT_MAX
    await resolver.close()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_names_are_not_kept_without_end():
    """However many names come along, what is remembered of them is bounded."""
    names = Names()
    resolver = Resolver(clock=FakeClock(), ask=names)
    for number in range(NAMES_KEPT_MAX + 1):
        await resolver.look_up(f"h{number}")
    await resolver.look_up(f"h{NAMES_KEPT_MAX}")
    assert len(names.asked) == NAMES_KEPT_MAX + 1
    await resolver.look_up("h0")
    assert len(names.asked) == NAMES_KEPT_MAX + 2


# ── kept connections ──


class Line(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.BaseProtocol | None = None
        self.aborted = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True
        if self.protocol is not None:
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


HERE: Target = ("10.0.0.1", 80, None, False, True)
THERE: Target = ("10.0.0.2", 80, None, False, True)


@pytest.mark.looptime
async def test_an_idle_connection_ends_by_age():
    """A connection that nobody needs is closed after its idle time, and one that was taken is not."""
    kept, idle, taken = KeptConnections(), Line(), Line()
    kept.keep(HERE, idle)
    kept.keep(THERE, taken)
    await asyncio.sleep(IDLE_SECONDS_MAX - 1)
    assert kept.take(THERE) is taken
    await asyncio.sleep(2)
    assert idle.aborted
    assert not taken.aborted
    assert kept.take(HERE) is None


@pytest.mark.looptime
async def test_one_connection_per_target():
    """A second connection to the same target, and one that is closing, are not kept."""
    kept, first, second, closing = KeptConnections(), Line(), Line(), Line()
    kept.keep(HERE, first)
    kept.keep(HERE, second)
    closing.aborted = True
    kept.keep(THERE, closing)
    assert second.aborted
    assert kept.take(THERE) is None
    assert kept.take(HERE) is first


@pytest.mark.looptime
async def test_kept_connections_end_with_their_owner():
    """Closing the pool closes every connection in it."""
    kept, lines = KeptConnections(), [Line(), Line()]
    kept.keep(HERE, lines[0])
    kept.keep(THERE, lines[1])
    kept.close()
    await asyncio.sleep(0)
    assert all(line.aborted for line in lines)


# ── searching ──


def test_a_search_leaves_no_timer_behind():
    """After a search, quick or stopped, no timer runs and the former handler is back."""
    former = signal.getsignal(signal.SIGVTALRM)
    assert found("b+$", "aabb")
    assert not found("^b", "aabb")
    with pytest.raises(SearchTooLong):
        found("(a+)+$", "a" * 60 + "!")
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGVTALRM) == former
