"""Tokens: known by hash, refreshed from PostgreSQL, kept while it is away."""

import asyncio

import pytest

from controlplane.application.gatekeeper import SECRET_CHARACTERS_MAX, TokenGatekeeper, hashed
from controlplane.application.ports import Token
from tests.application.world import FakeCache
from tests.fakes.tokens import FakeTokens

pytestmark = pytest.mark.looptime
ALICE = Token("alice", "operator", hashed("alice-secret"))
LOCAL = Token("local", "prober", hashed("local-secret"), vantage="us-1")


async def test_a_token_says_who_holds_it() -> None:
    """A known secret answers name, role and vantage; anything else answers nobody."""
    gatekeeper = TokenGatekeeper(FakeTokens(ALICE), FakeCache(()), (LOCAL,))
    assert gatekeeper.authenticate("alice-secret") is None
    await gatekeeper.refresh()

    alice, local = gatekeeper.authenticate("alice-secret"), gatekeeper.authenticate("local-secret")
    assert alice
    assert local
    assert (alice.name, alice.role) == ("alice", "operator")
    assert (local.role, local.vantage) == ("prober", "us-1")
    for stranger in ("", "alice", "x" * (SECRET_CHARACTERS_MAX + 1)):
        assert gatekeeper.authenticate(stranger) is None


async def test_tokens_stay_known_while_postgresql_is_away() -> None:
    """Known tokens work from memory and from the file, also after a restart without PostgreSQL."""
    repository, cache = FakeTokens(ALICE), FakeCache(())
    gatekeeper = TokenGatekeeper(repository, cache)
    running = asyncio.create_task(gatekeeper.run())
    await asyncio.sleep(1)
    repository.away = True
    await asyncio.sleep(20)
    running.cancel()

    assert gatekeeper.authenticate("alice-secret")
    assert TokenGatekeeper(repository, cache).authenticate("alice-secret")
