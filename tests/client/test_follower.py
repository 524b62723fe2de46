"""Promises of following a document: what is put in force, what is refused, and how Consul is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest

from controlplane.client import Change, Client
from controlplane.client.contact import Contact
from controlplane.client.followed import Followed
from controlplane.client.follower import DocumentFollower
from controlplane.client.pace import Backoff, TokenBucket
from controlplane.client.standing import Standing
from controlplane.contract.applied import AppliedState, parse
from controlplane.contract.documents import DocumentKind, FailoverDocument, checksum, parse_failover
from controlplane.contract.keys import REVISION_LIMIT
from tests.client.documents import KEY, document, until
from tests.fakes.clock import FakeClock
from tests.fakes.consul_http import FakeConsulHttp, answer, no_leader, refuse

pytestmark = pytest.mark.looptime


@pytest.fixture
def consul() -> FakeConsulHttp:
    return FakeConsulHttp()


@asynccontextmanager
async def following(
    consul: FakeConsulHttp,
    *,
    parse: Callable[[bytes], FailoverDocument] = parse_failover,
    jitter: float = 1.0,
    on_change: Callable[[FailoverDocument | None, FailoverDocument], None] = lambda _former, _current: None,
) -> AsyncIterator[Standing[FailoverDocument]]:
    """A follower that waits the whole of its back-off, so that its times can be told."""
    standing = Standing[FailoverDocument](DocumentKind.FAILOVER, "checkout", FakeClock())
    async with httpx.AsyncClient(transport=consul.transport, base_url="http://consul") as http:
        follower = DocumentFollower(
            http,
            Followed(standing, KEY, parse, on_change),
            bucket=TokenBucket(),
            backoff=Backoff(lambda: jitter),
        )
        task = asyncio.create_task(follower.run())
        await until(lambda: len(consul.requests) > 0)
        yield standing
        assert not task.done(), "a reader never stops following"
        task.cancel()


def state(follower: Standing[FailoverDocument]) -> AppliedState:
    return follower.applied().state


async def holding(consul: FakeConsulHttp, follower: Standing[FailoverDocument], revision: int) -> None:
    await consul.put(KEY, document(revision).to_bytes())
    await until(lambda: follower.applied().revision == revision)


class Changes(list[FailoverDocument]):
    """What was put in force, in order."""

    def note(self, _former: FailoverDocument | None, current: FailoverDocument) -> None:
        self.append(current)


async def test_a_higher_revision_is_put_in_force(consul):
    """A change is seen by the open blocking query, applied, and acknowledged with the sum of its bytes."""
    seen = Changes()
    async with following(consul, on_change=seen.note) as follower:
        await holding(consul, follower, 1)
        moved = document(2, "eu-west")
        await consul.put(KEY, moved.to_bytes())
        await until(lambda: follower.current == moved)
        assert (follower.applied().revision, follower.applied().sum) == (2, checksum(moved.to_bytes()))
    assert [change.revision for change in seen] == [1, 2]
    assert consul.requests[-1].params["wait"] == "30s"


async def test_the_same_bytes_are_no_change(consul):
    """A wake-up without news changes nothing and tells nobody."""
    seen = Changes()
    async with following(consul, on_change=seen.note) as follower:
        await holding(consul, follower, 1)
        consul.restore(KEY, document(1).to_bytes(), index=900)
        await asyncio.sleep(60)
        assert state(follower) is AppliedState.OK
    assert [change.revision for change in seen] == [1]


@pytest.mark.parametrize(
    ("read", "observed", "err"),
    [
        (document(16).to_bytes(), 16, "revision went back"),
        (document(17, "eu-west").to_bytes(), 17, "revision went back"),
        (b'{"schema":"controlplane.failover/2","revision":18}', 18, "schema is 'controlplane.failover/2'"),
        (b'{"schema":"controlplane.failover/1","revision":18}', 18, "failover document: KeyError"),
        (f'{{"schema":"controlplane.failover/1","revision":{REVISION_LIMIT}}}'.encode(), None, "KeyError"),
        (document(18).to_bytes().replace(b":18,", b":1000000000000,"), None, "is not between 1 and"),
        (b"[1]", None, "a JSON object is wanted"),
        (b"", None, "not JSON"),
        (b"x" * 200_000, None, "at most 131072 are allowed"),
    ],
)
async def test_what_must_not_be_in_force_is_refused(consul, read, observed, err):
    """A lower revision, other bytes under the same number, what is no document: the former stays in force."""
    async with following(consul) as follower:
        await holding(consul, follower, 17)
        await consul.put(KEY, read)
        await until(lambda: state(follower) is AppliedState.NACK)
        applied = follower.applied()
        assert (applied.revision, applied.observed) == (17, observed)
        assert err in applied.err
        assert follower.current == document(17)


async def test_a_refusal_ends_with_the_next_good_document(consul):
    """After a refused document, the one in force or a newer one makes the reader well again."""
    async with following(consul) as follower:
        await holding(consul, follower, 17)
        await consul.put(KEY, document(16).to_bytes())
        await until(lambda: state(follower) is AppliedState.NACK)
        await consul.put(KEY, document(17).to_bytes())
        await until(lambda: state(follower) is AppliedState.OK)
        await consul.put(KEY, b"broken")
        await until(lambda: state(follower) is AppliedState.NACK)
        await holding(consul, follower, 18)
        assert state(follower) is AppliedState.OK


async def test_a_deleted_key_clears_nothing(consul):
    """404 keeps the document in force and is reported as absent."""
    async with following(consul) as follower:
        await until(lambda: state(follower) is AppliedState.ABSENT)
        await holding(consul, follower, 17)
        await consul.delete(KEY)
        await until(lambda: state(follower) is AppliedState.ABSENT)
        assert (follower.current, follower.applied().revision) == (document(17), 17)


async def test_after_a_failure_no_index_is_sent(consul):
    """The request after a failed one asks for the whole truth, not for changes."""
    async with following(consul) as follower:
        await holding(consul, follower, 1)
        consul.fault = refuse
        await asked_again(consul)
        consul.fault = None
        await holding(consul, follower, 2)
        await until(lambda: consul.asked()[-1] == "12")
    assert consul.asked() == [None, "10", "11", "11", None, "12"]


async def asked_again(consul: FakeConsulHttp) -> None:
    """End the blocking query that is under way, so that the next request meets the fault."""
    before = len(consul.requests)
    await until(lambda: len(consul.requests) > before)


async def test_an_index_that_went_back_is_dropped(consul):
    """A lower index means another store: the next request carries none and sees what is there."""
    async with following(consul) as follower:
        await holding(consul, follower, 1)
        consul.restore(KEY, document(2).to_bytes(), index=8)
        await until(lambda: follower.applied().revision == 2)
        await until(lambda: consul.asked()[-1] == "8")
    assert consul.asked() == [None, "10", "11", None, "8"]


async def test_failures_are_repeated_ever_more_slowly_for_ever(consul):
    """Back-off doubles from 0.5 s to 30 s and never ends; the document stays in force, marked stale."""
    times = []

    async def failing(request: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        return answer(403, b"Permission denied")

    async with following(consul) as follower:
        await holding(consul, follower, 1)
        consul.fault = failing
        await asyncio.sleep(3600)
        assert state(follower) is AppliedState.STALE
        assert follower.current == document(1)
    gaps = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert gaps[:7] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert set(gaps[7:]) == {30.0}


async def test_a_short_failure_is_not_called_stale(consul):
    """Contact is lost when five seconds after a failure nothing has succeeded, and regained by one answer."""
    async with following(consul, jitter=0.9) as follower:
        await holding(consul, follower, 1)
        consul.fault = refuse
        await asked_again(consul)
        await asyncio.sleep(4)
        assert state(follower) is AppliedState.OK
        await asyncio.sleep(2)
        assert state(follower) is AppliedState.STALE
        consul.fault = None
        await until(lambda: state(follower) is AppliedState.OK)


async def test_instant_answers_make_no_tight_loop(consul):
    """Where every request succeeds at once, three go out at once and then two a second."""

    async def impatient(request: httpx.Request) -> httpx.Response:
        consul.index += 1
        return answer(404, index=consul.index)

    consul.fault = impatient
    async with following(consul):
        await asyncio.sleep(60)
    assert 118 <= len(consul.requests) <= 124


async def test_instant_failures_make_no_tight_loop_either(consul):
    """Where jitter draws nothing but zeros, the token bucket still holds."""
    consul.fault = refuse
    async with following(consul, jitter=0.0):
        await asyncio.sleep(60)
    assert len(consul.requests) <= 124


async def test_a_connection_that_died_silently_is_given_up(consul):
    """A request that is never answered ends after 40 s, and the next carries no index."""

    async def silence(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(86_400)
        raise AssertionError("nobody waits for a day")

    async with following(consul) as follower:
        await holding(consul, follower, 1)
        consul.fault = silence
        await asked_again(consul)
        consul.fault = None
        await consul.put(KEY, document(2).to_bytes())
        started = asyncio.get_running_loop().time()
        await until(lambda: follower.applied().revision == 2)
        assert 39 < asyncio.get_running_loop().time() - started < 42
    assert consul.asked()[-2] is None


async def test_without_a_leader_stale_reads_are_used_and_marked(consul):
    """While Consul has no leader a stale read is applied, and everything is reported as stale."""

    async def leaderless(request: httpx.Request) -> httpx.Response:
        if "stale" not in request.url.params:
            return await no_leader(request)
        return answer(200, document(5).to_bytes(), index=11)

    consul.fault = leaderless
    async with following(consul) as follower:
        await until(lambda: follower.applied().revision == 5)
        assert state(follower) is AppliedState.STALE
        consul.fault = None
        await holding(consul, follower, 6)
        assert state(follower) is AppliedState.OK


async def test_a_lagging_server_is_not_taken_for_a_step_back(consul):
    """A stale read with a lower revision is no news: nothing is refused."""

    async def lagging(request: httpx.Request) -> httpx.Response:
        if "stale" not in request.url.params:
            return await no_leader(request)
        return answer(200, document(4).to_bytes(), index=9)

    async with following(consul) as follower:
        await holding(consul, follower, 5)
        consul.fault = lagging
        await asked_again(consul)
        await asyncio.sleep(20)
        assert (state(follower), follower.applied().revision) == (AppliedState.STALE, 5)


async def test_an_unreachable_server_without_leader_is_endured(consul):
    """Where the stale read fails, too, the reader waits and asks again."""

    async def lost(request: httpx.Request) -> httpx.Response:
        return await (refuse(request) if "stale" in request.url.params else no_leader(request))

    consul.fault = lost
    async with following(consul) as follower:
        await asyncio.sleep(10)
        assert state(follower) is AppliedState.STALE
        consul.fault = None
        await holding(consul, follower, 1)


@pytest.mark.parametrize(
    ("status", "body", "index"),
    [
        (200, b"<html>a proxy</html>", None),
        (200, b"x", "many"),
        (200, b"x" * 1_100_000, 5),
        (404, b"", None),
    ],
)
async def test_an_answer_that_is_not_consuls_is_a_failure(consul, status, body, index):
    """Without X-Consul-Index, or beyond 1 MiB, an answer says nothing of the document."""

    async def proxy(request: httpx.Request) -> httpx.Response:
        return answer(status, body, index=index)

    async with following(consul) as follower:
        await holding(consul, follower, 1)
        consul.fault = proxy
        await asked_again(consul)
        await asyncio.sleep(6)
        assert (state(follower), follower.applied().err) == (AppliedState.STALE, "")


async def test_a_mistake_in_a_parser_does_not_end_the_following(consul, caplog):
    """Even an error that nobody foresaw is logged, and the key is asked for again."""

    def broken(raw: bytes) -> FailoverDocument:
        if parse_failover(raw).revision == 2:
            raise ZeroDivisionError
        return parse_failover(raw)

    async with following(consul, parse=broken) as follower:
        await holding(consul, follower, 1)
        await consul.put(KEY, document(2).to_bytes())
        await asyncio.sleep(10)
        await holding(consul, follower, 3)
    assert "unexpected error" in caplog.text


def failing_listener(_change: Change) -> None:
    raise ZeroDivisionError


async def test_a_client_answers_for_all_its_groups(consul, caplog):
    """One client follows several groups, falls back on defaults, and endures a listener that fails."""
    seen: list[Change] = []
    client = Client(
        ["checkout", "catalog"],
        defaults={"catalog": "ap-south"},
        transport=lambda: consul.transport,
        clock=FakeClock(),
    )
    client.on_change(failing_listener)
    client.on_change(seen.append)
    async with client:
        assert (client.active_region("checkout"), client.active_region("catalog")) == (None, "ap-south")
        await consul.put(KEY, document(1, "eu-west").to_bytes())
        await until(lambda: seen == [Change(kind=DocumentKind.FAILOVER, name="checkout", revision=1)])
        assert (client.active_region("checkout"), client.active_region("catalog")) == ("eu-west", "ap-south")
        await consul.put(KEY, document(2, None).to_bytes())
        await until(lambda: client.active_region("checkout") is None)
        entries = {entry.name: (entry.revision, entry.state) for entry in parse(client.applied_header())}
        assert entries == {"checkout": (2, AppliedState.OK), "catalog": (0, AppliedState.ABSENT)}
        with pytest.raises(KeyError):
            client.active_region("payments")
    assert "a listener failed" in caplog.text


async def test_a_process_that_slept_is_stale_until_it_has_asked():
    """Without an answer for 45 s nothing can be said, even if no request has failed."""
    contact = Contact(FakeClock())
    seen = []
    for pause in (0, 44, 1):
        contact.answered(leader=True)
        await asyncio.sleep(pause)
        seen.append(contact.stale)
    await asyncio.sleep(44)
    seen.append(contact.stale)
    contact.answered(leader=True)
    seen.append(contact.stale)
    assert seen == [False, False, False, True, False]
