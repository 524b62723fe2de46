"""What every `PasswordHasher` promises, on the fake and on Argon2id."""

import pytest

from controlplane.adapters.passwords import Argon2Hasher
from controlplane.application.ports import PasswordHasher
from tests.fakes.people import FakeHasher

PASSWORD = "correct horse battery"


@pytest.fixture(params=[Argon2Hasher, FakeHasher])
def hasher(request: pytest.FixtureRequest) -> PasswordHasher:
    made: PasswordHasher = request.param()
    return made


async def test_a_password_is_verified_against_its_hash(hasher: PasswordHasher):
    """The right one is right, any other is wrong, and a fresh hash is good enough."""
    password_hash = await hasher.hash(PASSWORD)

    assert await hasher.verify(password_hash, PASSWORD) is True
    assert await hasher.verify(password_hash, PASSWORD.upper()) is False
    assert hasher.needs_rehash(password_hash) is False


async def test_nobodys_password_is_never_right(hasher: PasswordHasher):
    """Without a hash the answer is no."""
    assert await hasher.verify(None, PASSWORD) is False


async def test_what_is_no_hash_verifies_nothing(hasher: PasswordHasher):
    """A spoiled row lets nobody in."""
    assert await hasher.verify("spoiled", PASSWORD) is False


async def test_argon2id_is_asked_for_todays_costs():
    """Hashes are salted, name their parameters, and weaker ones want a rehash."""
    today, weaker = Argon2Hasher(), Argon2Hasher(memory_kib=1024)
    first, second = await today.hash(PASSWORD), await today.hash(PASSWORD)

    assert first != second
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert today.needs_rehash(await weaker.hash(PASSWORD))
    assert PASSWORD not in first
