"""Log-in: who is let in, what strangers learn, how often they may try, and when a session ends."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from controlplane.application.attempts import PER_NAME, PER_SOURCE, Attempts
from controlplane.application.people import (
    PASSWORD_CHARACTERS_MAX,
    REFRESH_SECONDS,
    LogInRefused,
    People,
    TooManyAttempts,
)
from controlplane.application.ports import User
from controlplane.application.sessions import (
    CLOCK_SKEW_SECONDS_MAX,
    ENDED_SESSIONS_MAX,
    ENTRANCE_SECONDS_MAX,
    IDLE_SECONDS_MAX,
    RENEWAL_SECONDS,
    SESSION_SECONDS_MAX,
    Session,
    Sessions,
)
from tests.application.world import FakeCache
from tests.fakes.clock import FakeClock, FakeIdentifiers
from tests.fakes.people import PASSWORD, FakeHasher, FakeSigner, FakeUsers

pytestmark = pytest.mark.looptime
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.9"
ALICE = User("alice", "operator", f"today${PASSWORD}", "epoch-1")


class House:
    """Everything that log-in needs, in memory."""

    def __init__(self, *users: User, secure: bool = False) -> None:
        self.clock = FakeClock()
        self.users = FakeUsers(*users)
        self.cache = FakeCache(())
        self.hasher = FakeHasher()
        self.sessions = Sessions(FakeSigner(), self.clock, FakeIdentifiers(), secure=secure)
        self.people = self.started()

    def started(self) -> People:
        return People(
            repository=self.users,
            cache=self.cache,
            hasher=self.hasher,
            sessions=self.sessions,
            attempts=Attempts(self.clock),
        )

    def cookies(self, session: Session) -> dict[str, str]:
        return {self.sessions.cookie_name: self.sessions.write(session)}

    async def log_in(self, name: str = "alice", password: str = PASSWORD, source: str = HERE) -> Session:
        return await self.people.log_in(name, password, source=source)

    async def admits(self, name: str = "alice", password: str = PASSWORD, source: str = HERE) -> bool:
        return self.people.visit(self.cookies(await self.log_in(name, password, source))) is not None


@pytest.fixture
async def house() -> House:
    made = House(ALICE)
    await made.people.refresh()
    return made


async def test_the_right_password_begins_a_session(house: House):
    """A name is found whatever its case, and the session says who it is and what they may do."""
    visit = house.people.visit(house.cookies(await house.log_in(" Alice ")))

    assert visit
    assert (visit.principal.name, visit.principal.role) == ("alice", "operator")


async def test_a_password_is_the_same_on_every_keyboard(house: House):
    """Two spellings of one text in Unicode are one password."""
    await house.users.put(replace(ALICE, password_hash="today$n\u00e9cessairement"))
    await house.people.refresh()

    assert await house.admits(password="ne\u0301cessairement")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", PASSWORD * PASSWORD_CHARACTERS_MAX),
        ("bob", PASSWORD),
        ("", ""),
        ("not a name", PASSWORD),
    ],
)
async def test_wrong_password_and_unknown_name_are_one_answer_for_the_same_work(
    house: House, name: str, password: str
):
    """Whatever is wrong, one hash is compared and the words are the same."""
    with pytest.raises(LogInRefused) as refusal:
        await house.log_in(name, password)

    assert str(refusal.value) == ""
    assert house.hasher.verified == [ALICE.password_hash if name == "alice" else None]


async def test_an_empty_password_that_is_too_long_is_not_the_empty_one(house: House):
    """What is too long to be looked at is wrong, even for somebody whose hash is that of nothing."""
    await house.users.put(replace(ALICE, password_hash="today$"))
    await house.people.refresh()

    with pytest.raises(LogInRefused):
        await house.log_in(password="x" * (PASSWORD_CHARACTERS_MAX + 1))


async def test_known_users_log_in_while_postgresql_is_away(house: House):
    """From memory, and from the file after a restart; sessions go on, too."""
    cookies = house.cookies(await house.log_in())
    house.users.away = True
    running = asyncio.create_task(house.people.run())
    await asyncio.sleep(4 * REFRESH_SECONDS)
    running.cancel()

    assert await house.admits()
    house.people = house.started()
    assert await house.admits()
    assert house.people.visit(cookies)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda house: house.users.remove("alice"), id="removed"),
        pytest.param(lambda house: house.users.put(replace(ALICE, epoch="epoch-2")), id="new epoch"),
    ],
)
async def test_sessions_end_with_the_user_the_password_or_the_role(house: House, change):
    """Within `REFRESH_SECONDS`, whatever the browser still carries."""
    cookies = house.cookies(await house.log_in())
    running = asyncio.create_task(house.people.run())
    await asyncio.sleep(1)
    await change(house)
    await asyncio.sleep(REFRESH_SECONDS)
    running.cancel()

    assert house.people.visit(cookies) is None


async def test_somebody_who_is_removed_while_their_password_is_verified_stays_out(house: House):
    """What was true when the work began is looked at again when it has ended."""

    class Slow(FakeHasher):
        async def verify(self, password_hash: str | None, password: str) -> bool:
            await house.users.remove("alice")
            await house.people.refresh()
            return await super().verify(password_hash, password)

    house.people.hasher = Slow()

    with pytest.raises(LogInRefused):
        await house.log_in()


async def test_what_was_asked_first_never_arrives_last(house: House):
    """A slow answer from before a removal does not bring somebody back."""
    cookies = house.cookies(await house.log_in())
    quick = house.users.all

    async def slow() -> Sequence[User]:
        users = await quick()
        await asyncio.sleep(3)
        return users

    house.users.all = slow  # type: ignore[method-assign]
    earlier = asyncio.create_task(house.people.refresh())
    await asyncio.sleep(1)
    house.users.all = quick  # type: ignore[method-assign]
    await house.users.remove("alice")
    await house.people.refresh()
    await earlier

    assert house.people.visit(cookies) is None


@pytest.mark.parametrize("away", [False, True])
async def test_a_hash_of_former_costs_is_made_anew_at_the_log_in(house: House, *, away: bool):
    """The password is known just then; without PostgreSQL it waits, and the log-in does not."""
    house.hasher.scheme = "stronger"
    house.users.away = away

    assert await house.admits()

    expected = ALICE.password_hash if away else f"stronger${PASSWORD}"
    assert house.users._users["alice"].password_hash == expected


async def test_log_ins_are_logged_without_a_secret(house: House, caplog: pytest.LogCaptureFixture):
    """Who, from where, what became of it; never what was typed, not even as a name."""
    caplog.set_level(logging.INFO)
    session = await house.log_in()
    for name, password in (("alice", "hunter-2"), ("typed-secret", "hunter-2")):
        with pytest.raises(LogInRefused):
            await house.log_in(name, password)
    visit = house.people.visit(house.cookies(session))
    assert visit
    house.people.log_out(visit)

    told = [(record.message, vars(record)["user"]) for record in caplog.records]
    assert told == [
        ("logged in", "alice"),
        ("log-in refused", "alice"),
        ("log-in refused", "unknown"),
        ("logged out", "alice"),
    ]
    everything = " ".join(str(vars(record)) for record in caplog.records)
    for secret in (PASSWORD, "hunter-2", "typed-secret", session.id):
        assert secret not in everything


# Attempts


async def refused(house: House, times: int, name: str = "alice", source: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(LogInRefused):
            await house.log_in(name, "wrong", source)


@pytest.mark.parametrize("name", ["alice", "bob"])
async def test_a_name_may_be_tried_so_often_from_anywhere(house: House, name: str):
    """Then it is said how long to wait, for names that do not exist as well; nothing is compared."""
    for number in range(PER_NAME.burst):
        await refused(house, 1, name, source=f"192.0.2.{number}")
    house.hasher.verified.clear()

    with pytest.raises(TooManyAttempts) as stopped:
        await house.log_in(name, PASSWORD, ELSEWHERE)

    assert stopped.value.retry_after_seconds == PER_NAME.seconds_each
    assert house.hasher.verified == []
    await asyncio.sleep(PER_NAME.seconds_each)
    await refused(house, 1, name, ELSEWHERE)


async def test_a_source_may_try_so_often_whatever_the_names(house: House):
    """Trying one password on many names is trying, too; others are not kept out by it."""
    for number in range(PER_SOURCE.burst):
        await refused(house, 1, f"user-{number}")

    with pytest.raises(TooManyAttempts) as stopped:
        await house.log_in()
    assert stopped.value.retry_after_seconds == PER_SOURCE.seconds_each
    assert await house.admits(source=ELSEWHERE)
    await asyncio.sleep(PER_SOURCE.seconds_each)
    assert await house.admits()


async def test_those_who_succeed_are_not_counted(house: House):
    """Logging in a hundred times is no attack."""
    for _ in range(100):
        await house.log_in()


async def test_a_success_forgets_the_failures_before_it(house: House):
    """Somebody who remembers their password in the end starts afresh."""
    await refused(house, PER_NAME.burst - 1)
    await house.log_in()
    await refused(house, PER_NAME.burst)


async def test_strangers_cannot_lock_somebody_out_where_they_log_in_from(house: House):
    """Whoever has logged in from an address has a bucket of their own there, and it is bounded as well."""
    await house.log_in(source=ELSEWHERE)
    await refused(house, PER_NAME.burst, source=HERE)

    assert await house.admits(source=ELSEWHERE)
    await refused(house, PER_NAME.burst, source=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        await house.log_in(source=ELSEWHERE)


async def test_a_subscribers_ipv6_addresses_are_one_source(house: House):
    """2^64 addresses are no more attempts than one."""
    for number in range(PER_SOURCE.burst):
        await refused(house, 1, f"user-{number}", source=f"2001:db8::{number:x}")

    with pytest.raises(TooManyAttempts):
        await house.log_in(source="2001:db8::ffff")
    assert await house.admits(source="2001:db8:0:1::1")
    assert await house.admits(source="not an address")


async def test_attempts_take_a_fixed_amount_of_memory():
    """Whatever names strangers make up, the oldest are forgotten."""
    counted = Attempts(FakeClock(), buckets_max=10)
    for number in range(50):
        counted.begin(f"user-{number}", f"10.0.0.{number}")
        counted.succeed(f"user-{number}", f"10.0.0.{number}")
        counted.begin(f"user-{number}", f"10.0.0.{number}")

    sizes = [len(counted._names._empty_at), len(counted._sources._empty_at), len(counted._at_home)]
    assert sizes == [10, 10, 10]
    counted.succeed("user-0", "10.0.0.0")


# Sessions


async def test_each_log_in_begins_a_session_that_nobody_had(house: House):
    """What a browser carried before means nothing: there is nothing to plant."""
    first, second = await house.log_in(), await house.log_in()

    assert first.id != second.id


async def test_only_what_we_signed_is_a_session(house: House):
    """A changed, foreign or made-up cookie is nobody's."""
    session = await house.log_in()
    value = house.sessions.write(session)
    foreign = Sessions(FakeSigner("other"), house.clock, FakeIdentifiers(), secure=False).write(session)
    forged = [value.replace("alice", "admin"), value[:-1], f"{value}0", foreign, "", "x", "alice:1:e:0:0.x"]

    for text in forged:
        assert house.people.visit({house.sessions.cookie_name: text}) is None
    assert house.people.visit({}) is None
    assert house.people.visit({house.sessions.cookie_name: value})


async def test_the_cookie_of_a_form_is_no_session(house: House):
    """Each signature holds for its purpose alone."""
    entrance = house.sessions.new_entrance()
    visit = house.people.visit(house.cookies(await house.log_in()))
    assert visit

    for text in (entrance.cookie, entrance.form_token, visit.form_token):
        assert house.people.visit({house.sessions.cookie_name: text}) is None


async def test_a_session_ends_when_it_is_not_used(house: House):
    """Idle end; a session that is renewed goes on."""
    session = await house.log_in()
    assert house.sessions.renewal(session) is None
    await asyncio.sleep(RENEWAL_SECONDS)
    renewed = house.sessions.renewal(session)
    assert renewed
    await asyncio.sleep(IDLE_SECONDS_MAX - RENEWAL_SECONDS)

    assert house.people.visit(house.cookies(session)) is None
    assert house.people.visit({house.sessions.cookie_name: renewed})


async def test_a_session_ends_for_good_after_half_a_day(house: House):
    """Absolute end, however often it is renewed."""
    cookies = house.cookies(await house.log_in())
    for _ in range(SESSION_SECONDS_MAX // 3600):
        visit = house.people.visit(cookies)
        assert visit
        await asyncio.sleep(3600)
        cookies[house.sessions.cookie_name] = house.sessions.renewal(visit.session) or ""

    assert house.people.visit(cookies) is None


async def test_a_session_of_tomorrow_does_not_count(house: House):
    """A little of another replica's clock is admitted, no more."""
    session = await house.log_in()
    ahead = replace(session, used=session.used + CLOCK_SKEW_SECONDS_MAX)

    assert house.people.visit(house.cookies(ahead))
    assert house.people.visit(house.cookies(replace(ahead, used=ahead.used + 1))) is None


async def test_a_session_that_was_logged_out_is_over_whoever_kept_its_cookie(house: House):
    """Other sessions of the same person go on."""
    first, second = await house.log_in(), await house.log_in()
    visit = house.people.visit(house.cookies(first))
    assert visit
    house.people.log_out(visit)

    assert house.people.visit(house.cookies(first)) is None
    assert house.people.visit(house.cookies(second))
    await asyncio.sleep(RENEWAL_SECONDS)
    assert house.sessions.renewal(first) is None


async def test_what_was_logged_out_is_remembered_within_bounds(house: House):
    """The oldest is forgotten first."""
    session = await house.log_in()
    for number in range(ENDED_SESSIONS_MAX + 1):
        house.sessions.end(replace(session, id=f"session-{number}"))

    assert len(house.sessions._ended) == ENDED_SESSIONS_MAX


async def test_a_form_belongs_to_its_session(house: House):
    """Two sessions have two tokens, and each of them always the same."""
    first, second = await house.log_in(), await house.log_in()
    tokens = [house.sessions.form_token(one) for one in (first, second, first)]

    assert tokens[0] == tokens[2]
    assert tokens[0] != tokens[1]


async def test_a_log_in_form_belongs_to_the_browser_that_asked_for_it(house: House):
    """Its token fits its cookie, for an hour."""
    made, other = house.sessions.new_entrance(), house.sessions.new_entrance()
    cookies = {house.sessions.entrance_cookie_name: made.cookie}

    assert house.sessions.entrance(cookies) == made
    assert made.form_token != other.form_token
    assert house.sessions.entrance({}) is None
    await asyncio.sleep(ENTRANCE_SECONDS_MAX)
    assert house.sessions.entrance(cookies) is None


async def test_behind_tls_cookies_belong_to_this_host_alone():
    """The prefix `__Host-` keeps other hosts of the domain from setting them."""
    plain, secure = House().sessions, House(secure=True).sessions

    assert plain.cookie_name == "controlplane-session"
    assert secure.cookie_name == "__Host-controlplane-session"
    assert secure.entrance_cookie_name.startswith("__Host-")
