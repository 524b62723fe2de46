"""Users and tokens as admins change them: what is stored, what is refused, and what is logged of it."""

import logging
from dataclasses import replace

import pytest

from controlplane.application.accounts import (
    PASSWORD_CHARACTERS_MIN,
    Accounts,
    NoSuchAccount,
    PasswordNotAllowed,
)
from controlplane.application.gatekeeper import hashed
from controlplane.application.people import PASSWORD_CHARACTERS_MAX
from controlplane.application.ports import DatabaseUnavailable
from tests.application.world import World
from tests.fakes.clock import FakeClock, FakeIdentifiers
from tests.fakes.people import PASSWORD, FakeHasher, FakePeople, FakeUsers
from tests.fakes.tokens import FakeTokens

OTHER = "another long password"


@pytest.fixture
def people() -> FakePeople:
    return FakePeople(FakeClock())


async def test_a_new_user_may_log_in_at_once(people: FakePeople):
    """Here without waiting for the next refresh; the password is kept as a hash."""
    stored = await people.accounts.put_user("carol", role="viewer", password=PASSWORD, by="root")

    assert (await people.door.log_in("carol", PASSWORD, source="192.0.2.1")).name == "carol"
    assert stored.password_hash == f"today${PASSWORD}"
    assert PASSWORD not in repr(stored)
    assert [user.name for user in await people.accounts.all_users()][-1] == "carol"


@pytest.mark.parametrize(
    ("role", "password"), [("operator", OTHER), ("admin", PASSWORD), ("admin", None)], ids=str
)
async def test_another_password_or_role_ends_sessions(people: FakePeople, role: str, password: str | None):
    """Whoever logged in before logs in again."""
    cookies = people.cookies("operator")
    await people.accounts.put_user("a-operator", role=role, password=password, by="root")

    assert people.door.visit(cookies) is None
    session = await people.door.log_in("a-operator", password or PASSWORD, source="192.0.2.1")
    assert people.door.visit({people.sessions.cookie_name: people.sessions.write(session)})


@pytest.mark.parametrize("password", [PASSWORD, None])
async def test_what_is_so_already_stays_so(people: FakePeople, password: str | None):
    """Sessions, too: a script may say the same thing every minute."""
    cookies = people.cookies("operator")
    await people.accounts.put_user("a-operator", role="operator", password=password, by="root")

    assert people.door.visit(cookies)


async def test_a_removed_user_is_out_at_once(people: FakePeople):
    """Their sessions end, and a user of the same name later is somebody else."""
    cookies = people.cookies("operator")
    await people.accounts.remove_user("a-operator", by="root")
    assert people.door.visit(cookies) is None
    await people.accounts.put_user("a-operator", role="operator", password=PASSWORD, by="root")

    assert people.door.visit(cookies) is None


@pytest.mark.parametrize("length", [0, PASSWORD_CHARACTERS_MIN - 1, PASSWORD_CHARACTERS_MAX + 1])
async def test_a_password_of_another_length_is_refused(people: FakePeople, length: int):
    """The refusal says what is allowed."""
    with pytest.raises(PasswordNotAllowed, match="12 to 256 characters"):
        await people.accounts.put_user("carol", role="viewer", password="x" * length, by="root")

    assert len(await people.users.all()) == 3


async def test_nobody_is_changed_who_is_not_there(people: FakePeople):
    """A role alone makes no user; nothing is removed twice."""
    with pytest.raises(NoSuchAccount, match="a new one needs a password"):
        await people.accounts.put_user("bob", role="viewer", password=None, by="root")
    with pytest.raises(NoSuchAccount, match="there is no user bob"):
        await people.accounts.remove_user("bob", by="root")
    with pytest.raises(NoSuchAccount, match="there is no token bob"):
        await people.accounts.revoke_token("bob", by="root")


async def test_a_tokens_secret_is_told_once(people: FakePeople):
    """What is kept is its hash, until it is revoked."""
    secret = await people.accounts.create_token("us-1", role="prober", vantage="us-1", by="root")
    (token,) = await people.accounts.all_tokens()

    assert (token.role, token.vantage, token.sha256) == ("prober", "us-1", hashed(secret))
    await people.accounts.revoke_token("us-1", by="root")
    assert await people.accounts.all_tokens() == []


async def test_acts_on_accounts_are_logged_with_who_and_without_secrets(
    people: FakePeople, caplog: pytest.LogCaptureFixture
):
    """Each act is a line: what, whom, by whom."""
    caplog.set_level(logging.INFO)
    await people.accounts.put_user("carol", role="viewer", password=OTHER, by="root")
    await people.accounts.remove_user("carol", by="root")
    secret = await people.accounts.create_token("ci", role="viewer", vantage=None, by="root")
    await people.accounts.revoke_token("ci", by="root")

    said = [record.message for record in caplog.records]
    assert said == ["user stored", "user removed", "token made", "token revoked"]
    assert {vars(record)["by"] for record in caplog.records} == {"root"}
    everything = " ".join(str(vars(record)) for record in caplog.records)
    assert OTHER not in everything
    assert secret not in everything


async def test_what_was_stored_is_done_even_if_it_cannot_be_read_back_at_once(people: FakePeople):
    """PostgreSQL may go away in between; every replica learns it later. Without processes nobody has to."""

    async def away() -> None:
        raise DatabaseUnavailable("PostgreSQL is away")

    users = FakeUsers()
    alone = Accounts(users=users, tokens=FakeTokens(), hasher=FakeHasher(), identifiers=FakeIdentifiers())
    await replace(alone, learn=away).put_user("carol", role="viewer", password=PASSWORD, by="root")
    await alone.put_user("dave", role="viewer", password=PASSWORD, by="root")

    assert [user.name for user in await users.all()] == ["carol", "dave"]


@pytest.mark.looptime
async def test_a_replica_knows_at_once_whom_its_admins_let_in():
    """Users and tokens that were made over its doors are admitted by its doors."""
    replica = World().replica()
    doors = replica.doors
    secret = await doors.accounts.create_token("ci", role="viewer", vantage=None, by="root")
    await doors.accounts.put_user("carol", role="viewer", password=PASSWORD, by="root")

    assert doors.gatekeeper.authenticate(secret)
    assert (await doors.people.log_in("carol", PASSWORD, source="192.0.2.1")).name == "carol"
