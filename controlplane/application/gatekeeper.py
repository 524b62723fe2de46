"""Owns who may come in: tokens by hash, learned from PostgreSQL and kept in a file for its outages."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from controlplane.application.ports import DatabaseUnavailable, Token, TokenCache, TokenRepository
from controlplane.application.views import Principal

REFRESH_SECONDS = 5.0
SECRET_CHARACTERS_MAX = 512
ROLES = ("viewer", "operator", "admin", "prober")

logger = logging.getLogger(__name__)


def hashed(secret: str) -> str:
    """What is kept of a token: SHA-256 is right for secrets of full entropy, which a person never chooses."""
    return sha256(secret.encode()).hexdigest()


@dataclass(slots=True)
class TokenGatekeeper:
    """Knows tokens by their hashes; `local` ones were handed over by the supervisor and need no database."""

    repository: TokenRepository
    cache: TokenCache
    local: Sequence[Token] = ()
    _known: dict[str, Principal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._learn(self.cache.load())

    def authenticate(self, secret: str) -> Principal | None:
        """Who holds this token; None for nobody."""
        if not secret or len(secret) > SECRET_CHARACTERS_MAX:
            return None
        return self._known.get(hashed(secret))

    async def refresh(self) -> None:
        """Learn the tokens anew.

        Raises:
            DatabaseUnavailable: those known stay known.
        """
        tokens = await self.repository.all()
        self._learn(tokens)
        self.cache.save(tokens)

    async def run(self) -> None:
        """Keep learning, so that a revoked token ends within `REFRESH_SECONDS` on every replica."""
        while True:
            try:
                await self.refresh()
            except DatabaseUnavailable as error:
                logger.warning("tokens are as last known", extra={"error": str(error)})
            await asyncio.sleep(REFRESH_SECONDS)

    def _learn(self, tokens: Iterable[Token]) -> None:
        self._known = {
            token.sha256: Principal(name=token.name, role=token.role, vantage=token.vantage)
            for token in (*tokens, *self.local)
        }
