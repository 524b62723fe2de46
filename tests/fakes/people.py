"""Owns users, passwords and signatures in memory, and people who are logged in for tests of pages."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from controlplane.application.accounts import Accounts
from controlplane.application.attempts import Attempts
from controlplane.application.people import People
from controlplane.application.ports import Clock, DatabaseUnavailable, User
from controlplane.application.sessions import Sessions
from tests.fakes.clock import FakeIdentifiers
from tests.fakes.tokens import FakeTokens

PASSWORD = "correct horse battery"
"""Of every user that tests make up."""


class FakeUsers:
    """PostgreSQL's users, which can go away."""

    def __init__(self, *users: User) -> None:
        self.away = False
        self._users = {user.name: user for user in users}

    async def all(self) -> Sequence[User]:
        self._answer()
        return [self._users[name] for name in sorted(self._users)]

    async def put(self, user: User) -> None:
        self._answer()
        self._users[user.name] = user

    async def rehash(self, user: User) -> None:
        self._answer()
        stored = self._users.get(user.name)
        if stored and stored.epoch == user.epoch:
            self._users[user.name] = replace(stored, password_hash=user.password_hash)

    async def remove(self, name: str) -> bool:
        self._answer()
        return self._users.pop(name, None) is not None

    def _answer(self) -> None:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away")


class FakeHasher:
    """Hashes without work; `verified` holds what was compared, `None` for nobody's hash."""

    def __init__(self) -> None:
        self.scheme = "today"
        self.verified: list[str | None] = []

    async def hash(self, password: str) -> str:
        return f"{self.scheme}${password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.verified.append(password_hash)
        return password_hash is not None and password_hash.partition("$")[2] == password

    def needs_rehash(self, password_hash: str) -> bool:
        return not password_hash.startswith(f"{self.scheme}$")


class FakeSigner:
    """Signs with a checksum."""

    def __init__(self, key: str = "key") -> None:
        self._key = key

    def sign(self, text: str, *, purpose: str) -> str:
        return f"{text}.{sha256(f'{self._key}/{purpose}/{text}'.encode()).hexdigest()}"

    def read(self, signed: str, *, purpose: str) -> str | None:
        text = signed.rpartition(".")[0]
        return text if signed.isascii() and signed == self.sign(text, purpose=purpose) else None


class NoCache:
    """A file that is never written."""

    def load(self) -> Sequence[User]:
        return ()

    def save(self, users: Sequence[User]) -> None:
        """Forget them."""


def user(role: str) -> User:
    """`a-viewer`, `a-operator`, `a-admin`."""
    return User(f"a-{role}", role, password_hash=f"today${PASSWORD}", epoch=f"epoch-{role}")


class FakePeople:
    """Real use-cases on fakes: one user per role, who are known already."""

    def __init__(self, clock: Clock, *, secure: bool = False, key: str = "key") -> None:
        self.users = FakeUsers(*map(user, ("viewer", "operator", "admin")))
        self.tokens = FakeTokens()
        self.hasher = FakeHasher()
        self.identifiers = FakeIdentifiers()
        self.sessions = Sessions(FakeSigner(key), clock, self.identifiers, secure=secure)
        self.door = People(
            repository=self.users,
            cache=NoCache(),
            hasher=self.hasher,
            sessions=self.sessions,
            attempts=Attempts(clock),
        )
        self.door._learn(map(user, ("viewer", "operator", "admin")))
        self.accounts = Accounts(
            users=self.users,
            tokens=self.tokens,
            hasher=self.hasher,
            identifiers=self.identifiers,
            learn=self.door.refresh,
        )

    def cookies(self, role: str) -> dict[str, str]:
        """What the browser of `a-viewer` and so on carries when they are logged in."""
        session = self.sessions.begin(user(role))
        return {self.sessions.cookie_name: self.sessions.write(session)}
