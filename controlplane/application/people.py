"""Owns who logs in: users by name, learned from PostgreSQL and kept in a file for its outages.

A wrong password and an unknown name are the same answer after the same work. What is typed as a name is
logged only where it is one: people type passwords there.
"""

import asyncio
import logging
import math
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from controlplane.application.attempts import Attempts
from controlplane.application.ports import (
    DatabaseUnavailable,
    PasswordHasher,
    User,
    UserCache,
    UserRepository,
)
from controlplane.application.sessions import Session, Sessions
from controlplane.application.views import Principal
from controlplane.contract.names import is_name

REFRESH_SECONDS = 5.0
PASSWORD_CHARACTERS_MAX = 256

logger = logging.getLogger(__name__)


class LogInRefused(Exception):
    """No such name, or not this password."""


class TooManyAttempts(Exception):
    """Nothing was compared: this name or this source has tried too often."""

    def __init__(self, seconds: float) -> None:
        self.retry_after_seconds = math.ceil(seconds)
        super().__init__(f"too many attempts; wait {self.retry_after_seconds} s")


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is logged in, for the length of a request."""

    principal: Principal
    session: Session
    form_token: str


def normalised(password: str) -> str:
    """The password, the same on every keyboard and system (NFKC)."""
    return unicodedata.normalize("NFKC", password)


@dataclass(slots=True, kw_only=True)
class People:
    """Knows users, and whose browser is asking."""

    repository: UserRepository
    cache: UserCache
    hasher: PasswordHasher
    sessions: Sessions
    attempts: Attempts
    _known: dict[str, User] = field(default_factory=dict)
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._learn(self.cache.load())

    async def log_in(self, name: str, password: str, *, source: str) -> Session:
        """Begin a session; `source` is the address that is asking.

        Raises:
            LogInRefused: no such name, or not this password.
            TooManyAttempts: neither was looked at.
        """
        name = name.strip().lower()
        told = {"user": name if name in self._known else "unknown", "source": source}
        counted = name if is_name(name) else ""
        if wait := self.attempts.begin(counted, source):
            logger.warning("log-in not tried: too many attempts", extra=told)
            raise TooManyAttempts(wait)
        user = await self._verified(name, password)
        if user is None:
            logger.warning("log-in refused", extra=told)
            raise LogInRefused
        self.attempts.succeed(counted, source)
        logger.info("logged in", extra={**told, "role": user.role})
        return self.sessions.begin(user)

    def visit(self, cookies: Mapping[str, str]) -> Visit | None:
        """Whose browser carries these cookies; None where nobody is logged in. Works from memory."""
        session = self.sessions.read(cookies)
        user = self._known.get(session.name) if session else None
        if session is None or user is None or user.epoch != session.epoch:
            return None
        principal = Principal(name=user.name, role=user.role)
        return Visit(principal, session, self.sessions.form_token(session))

    def log_out(self, visit: Visit) -> None:
        """End a session."""
        self.sessions.end(visit.session)
        logger.info("logged out", extra={"user": visit.principal.name})

    async def refresh(self) -> None:
        """Learn the users anew.

        Raises:
            DatabaseUnavailable: those known stay known.
        """
        async with self._refreshing:  # what was asked for first must not arrive last
            users = await self.repository.all()
            self._learn(users)
            self.cache.save(users)

    async def run(self) -> None:
        """Keep learning, so that who was removed is out within `REFRESH_SECONDS` on every replica."""
        while True:
            try:
                await self.refresh()
            except DatabaseUnavailable as error:
                logger.warning("users are as last known", extra={"error": str(error)})
            await asyncio.sleep(REFRESH_SECONDS)

    async def _verified(self, name: str, password: str) -> User | None:
        user = self._known.get(name)
        is_right = len(password) <= PASSWORD_CHARACTERS_MAX
        secret = normalised(password) if is_right else ""
        is_right &= await self.hasher.verify(user.password_hash if user else None, secret)
        current = self._known.get(name)  # it took time to find out
        if not is_right or user is None or current is None or current.epoch != user.epoch:
            return None
        await self._rehash(user, secret)
        return user

    async def _rehash(self, user: User, secret: str) -> None:
        if self.hasher.needs_rehash(user.password_hash):
            better = replace(user, password_hash=await self.hasher.hash(secret))
            with suppress(DatabaseUnavailable):
                await self.repository.rehash(better)

    def _learn(self, users: Iterable[User]) -> None:
        self._known = {user.name: user for user in users}
