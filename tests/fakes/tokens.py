"""Owns tokens in memory, behind the port `TokenRepository`."""

from collections.abc import Sequence

from controlplane.application.ports import DatabaseUnavailable, Token


class FakeTokens:
    """PostgreSQL's tokens, which can go away."""

    def __init__(self, *tokens: Token) -> None:
        self.away = False
        self._tokens = {token.name: token for token in tokens}

    async def all(self) -> Sequence[Token]:
        self._answer()
        return [self._tokens[name] for name in sorted(self._tokens)]

    async def add(self, token: Token) -> None:
        self._answer()
        self._tokens[token.name] = token

    async def remove(self, name: str) -> bool:
        self._answer()
        return self._tokens.pop(name, None) is not None

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")
