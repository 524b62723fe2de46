"""Owns who may come in at all: the acts of admins on users and tokens."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from controlplane.application.gatekeeper import hashed
from controlplane.application.people import PASSWORD_CHARACTERS_MAX, normalised
from controlplane.application.ports import (
    DatabaseUnavailable,
    Identifiers,
    PasswordHasher,
    Token,
    TokenRepository,
    User,
    UserRepository,
)

PASSWORD_CHARACTERS_MIN = 12

logger = logging.getLogger(__name__)


class PasswordNotAllowed(ValueError):
    """Too short or too long; the text says what is allowed."""


class NoSuchAccount(Exception):
    """There is no user, or no token, of that name."""


async def _nobody_else() -> None:
    """Where no process has learned anything yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Users and tokens, as admins see and change them; all of it waits for PostgreSQL."""

    users: UserRepository
    tokens: TokenRepository
    hasher: PasswordHasher
    identifiers: Identifiers
    learn: Callable[[], Awaitable[None]] = _nobody_else
    """Called after every change, so that it holds here at once and not after the next refresh."""

    async def all_users(self) -> Sequence[User]:
        """Everybody who may log in, by name.

        Raises:
            DatabaseUnavailable: no answer.
        """
        return await self.users.all()

    async def put_user(self, name: str, *, role: str, password: str | None, by: str) -> User:
        """Let somebody log in, or change their role or password, which ends their sessions.

        Without a password they keep the one they have. What is so already stays so: sessions, too.

        Raises:
            PasswordNotAllowed: too short or too long.
            NoSuchAccount: a new user needs a password.
            DatabaseUnavailable: no answer; it may have been done.
        """
        former = next((user for user in await self.users.all() if user.name == name), None)
        kept = await self._kept_hash(former, name, password)
        if former and kept and former.role == role:
            return former
        password_hash = kept or await self.hasher.hash(normalised(password or ""))
        user = User(name, role, password_hash, epoch=self.identifiers.new())
        await self.users.put(user)
        await self._learn()
        logger.info("user stored", extra={"user": name, "role": role, "by": by})
        return user

    async def remove_user(self, name: str, *, by: str) -> None:
        """Let somebody log in no more; their sessions end.

        Raises:
            NoSuchAccount: there is none of that name.
            DatabaseUnavailable: no answer; it may have been done.
        """
        if not await self.users.remove(name):
            raise NoSuchAccount(f"there is no user {name}")
        await self._learn()
        logger.info("user removed", extra={"user": name, "by": by})

    async def all_tokens(self) -> Sequence[Token]:
        """Every token, by name.

        Raises:
            DatabaseUnavailable: no answer.
        """
        return await self.tokens.all()

    async def create_token(self, name: str, *, role: str, vantage: str | None, by: str) -> str:
        """Make a token, in place of a former one of that name; answers its secret, which is kept nowhere.

        Raises:
            DatabaseUnavailable: no answer; it may have been done.
        """
        secret = self.identifiers.secret()
        await self.tokens.add(Token(name=name, role=role, sha256=hashed(secret), vantage=vantage))
        await self._learn()
        logger.info("token made", extra={"holder": name, "role": role, "by": by})
        return secret

    async def revoke_token(self, name: str, *, by: str) -> None:
        """Let the holder of a token in no more.

        Raises:
            NoSuchAccount: there is none of that name.
            DatabaseUnavailable: no answer; it may have been done.
        """
        if not await self.tokens.remove(name):
            raise NoSuchAccount(f"there is no token {name}")
        await self._learn()
        logger.info("token revoked", extra={"holder": name, "by": by})

    async def _kept_hash(self, former: User | None, name: str, password: str | None) -> str | None:
        """The hash that stays as it is; None where a new one is wanted."""
        if password is None:
            if former is None:
                raise NoSuchAccount(f"there is no user {name}; a new one needs a password")
            return former.password_hash
        if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
            allowed = f"{PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX}"
            raise PasswordNotAllowed(f"a password has {allowed} characters; this one has {len(password)}")
        if former and await self.hasher.verify(former.password_hash, normalised(password)):
            return former.password_hash
        return None

    async def _learn(self) -> None:
        with suppress(DatabaseUnavailable):  # it was stored; every replica learns it soon
            await self.learn()
