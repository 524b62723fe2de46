"""Owns the sockets for people: who they are, where that is kept, how passwords and cookies are guarded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in, as they are kept: never their password."""

    name: str
    role: str
    """viewer, operator or admin."""
    password_hash: str = field(repr=False)
    epoch: str
    """New with every password and role: a session of a former epoch has ended."""


class UserRepository(Protocol):
    """Who may log in."""

    async def all(self) -> Sequence[User]:
        """Everybody, by name.

        Raises:
            DatabaseUnavailable: no answer.
        """

    async def put(self, user: User) -> None:
        """Store a user; a second one of the same name replaces the first.

        Raises:
            DatabaseUnavailable: no answer; it may have been stored.
        """

    async def rehash(self, user: User) -> None:
        """Store a better hash of the same password, unless the epoch has changed meanwhile.

        Raises:
            DatabaseUnavailable: no answer; it may have been stored.
        """

    async def remove(self, name: str) -> bool:
        """Take a user away; False where there is none.

        Raises:
            DatabaseUnavailable: no answer; they may be gone.
        """


class UserCache(Protocol):
    """The known users on disk, so that they can log in while PostgreSQL is away."""

    def load(self) -> Sequence[User]:
        """What was saved last; empty where there is nothing readable."""

    def save(self, users: Sequence[User]) -> None:
        """Keep these (mode 0600; written beside, synced, renamed)."""


class PasswordHasher(Protocol):
    """Slow, salted hashes of passwords, made beside the event loop, a bounded number at once."""

    async def hash(self, password: str) -> str:
        """A new hash, its parameters included."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password. Without a hash: the same work, for nothing, and False."""

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether it was made with weaker parameters than today's."""


class Signer(Protocol):
    """Texts that come back from a browser as we gave them, or not at all."""

    def sign(self, text: str, *, purpose: str) -> str:
        """The text and its signature, in characters that a cookie may have if the text has them."""

    def read(self, signed: str, *, purpose: str) -> str | None:
        """The text; None where it was not signed by us for this purpose."""
