"""What every `UserRepository` keeps, on one in memory and on the real PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from controlplane.adapters.postgres.users import PostgresUsers
from controlplane.application.ports import User, UserRepository
from tests.adapters.postgres_contract import BOTH, opened
from tests.fakes.people import FakeUsers

ALICE = User("alice", "admin", "$argon2id$a", "epoch-1")
BOB = User("bob", "viewer", "$argon2id$b", "epoch-2")


@pytest.fixture(params=BOTH)
async def users(request: pytest.FixtureRequest) -> AsyncIterator[UserRepository]:
    async with opened(request, fake=FakeUsers, real=PostgresUsers) as users:
        yield users


async def test_users_come_back_by_name(users: UserRepository):
    """Every user that was stored is known, in the order of names."""
    assert await users.all() == []
    await users.put(BOB)
    await users.put(ALICE)

    assert await users.all() == [ALICE, BOB]


async def test_a_second_user_of_a_name_replaces_the_first(users: UserRepository):
    """There is one user of each name: the last."""
    await users.put(ALICE)
    changed = User("alice", "operator", "$argon2id$c", "epoch-3")
    await users.put(changed)

    assert await users.all() == [changed]


async def test_a_better_hash_is_kept_unless_the_password_is_another_by_now(users: UserRepository):
    """A rehash of a former epoch changes nothing, nor does one of somebody who is gone."""
    await users.put(ALICE)
    await users.rehash(replace(ALICE, password_hash="better"))
    await users.rehash(replace(ALICE, password_hash="stale", epoch="epoch-0"))
    await users.rehash(BOB)

    assert await users.all() == [replace(ALICE, password_hash="better")]


async def test_a_removed_user_is_gone(users: UserRepository):
    """Removing says whether there was anybody."""
    await users.put(ALICE)

    assert await users.remove("alice") is True
    assert await users.remove("alice") is False
    assert await users.all() == []
