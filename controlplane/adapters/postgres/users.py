"""Owns users in PostgreSQL: their roles and the Argon2id hashes of their passwords, never a password."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tables import users
from controlplane.application.ports import User

_COLUMNS = (users.c.name, users.c.role, users.c.password_hash, users.c.epoch)


class PostgresUsers:
    """PostgreSQL behind the port `UserRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[User]:
        """Everybody, by name."""
        async with self._database.begin() as connection:
            rows = await connection.execute(select(*_COLUMNS))
            return sorted((User(**row) for row in rows.mappings()), key=lambda user: user.name)

    async def put(self, user: User) -> None:
        """Store a user; a second one of the same name replaces the first."""
        values = asdict(user) | {"changed_at": func.now()}
        statement = insert(users).values(values)
        async with self._database.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[users.c.name], set_=values)
            )

    async def rehash(self, user: User) -> None:
        """Store a better hash of the same password, unless the epoch has changed meanwhile."""
        same = (users.c.name == user.name) & (users.c.epoch == user.epoch)
        async with self._database.begin() as connection:
            await connection.execute(update(users).where(same).values(password_hash=user.password_hash))

    async def remove(self, name: str) -> bool:
        """Take a user away; False where there is none."""
        statement = delete(users).where(users.c.name == name).returning(users.c.name)
        async with self._database.begin() as connection:
            return (await connection.execute(statement)).first() is not None
