"""What every `TokenRepository` keeps, on one in memory and on the real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from controlplane.adapters.postgres.tokens import PostgresTokens
from controlplane.application.ports import Token, TokenRepository
from tests.adapters.postgres_contract import BOTH, opened
from tests.fakes.tokens import FakeTokens

PROBER = Token(name="us-1", role="prober", sha256="a" * 64, vantage="us-1")
ADMIN = Token(name="alice", role="admin", sha256="b" * 64)


@pytest.fixture(params=BOTH)
async def tokens(request: pytest.FixtureRequest) -> AsyncIterator[TokenRepository]:
    async with opened(request, fake=FakeTokens, real=PostgresTokens) as tokens:
        yield tokens


async def test_tokens_come_back_by_name(tokens: TokenRepository):
    """Every token that was stored is known, in the order of names."""
    assert await tokens.all() == []
    await tokens.add(PROBER)
    await tokens.add(ADMIN)

    assert await tokens.all() == [ADMIN, PROBER]


async def test_a_new_token_replaces_the_one_of_its_name(tokens: TokenRepository):
    """There is one token of each name: the last."""
    await tokens.add(ADMIN)
    await tokens.add(Token(name="alice", role="viewer", sha256="c" * 64, vantage="eu-1"))

    assert await tokens.all() == [Token(name="alice", role="viewer", sha256="c" * 64, vantage="eu-1")]


async def test_a_revoked_token_is_gone(tokens: TokenRepository):
    """Revoking says whether there was one."""
    await tokens.add(ADMIN)

    assert await tokens.remove("alice") is True
    assert await tokens.remove("alice") is False
    assert await tokens.all() == []
